"""What a provisioning run did, folded from its events, and what its failures mean in plain words."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from instancectl.core.host.roles import ROLES, TITLES

PROOF = "Prove that the admin user can log in and become root"
"""The task after which SSH is closed, or not."""

_NUMBERS = {role.name: number for number, role in enumerate(ROLES, 1)}


@dataclass(frozen=True, slots=True)
class Failure:
    """The task that ended a host's run.

    Attributes:
        host: its name.
        role: of the task.
        task: its name.
        reason: the cause, in words; for an unknown one what the module said.
        hint: what to do.
        unreachable: whether the connection was lost rather than the task failed.
    """

    host: str
    role: str
    task: str
    reason: str
    hint: str
    unreachable: bool = False

    @property
    def where(self) -> str:
        """Role and task for people."""
        return f"{title(self.role)}: {lowered(self.task)}" if self.role else lowered(self.task)


@dataclass(slots=True)
class Tally:
    """What happened on one host so far.

    Attributes:
        ran: tasks that ran.
        changed: what they changed, `role: task`, in order.
        diffs: how files differ, when that was asked for; lines.
        failure: what ended the run.
        proof: the reason why the new login was not proven; None when it was, or was not tried.
    """

    ran: int = 0
    changed: list[str] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    failure: Failure | None = None
    proof: str | None = None


def title(role: str) -> str:
    """A role for people."""
    return TITLES.get(role, role)


def number(role: str) -> int:
    """Its place in the order; 0 for none of ours."""
    return _NUMBERS.get(role, 0)


def lowered(text: str) -> str:
    """A sentence as part of another, unless it begins with a name."""
    return text if text.startswith(("Docker", "SSH")) else text[:1].lower() + text[1:]


@dataclass(frozen=True, slots=True)
class _Cause:
    pattern: str
    reason: str
    hint: str


# Texts of apt 2.4 to 3.0, dpkg, pip 22 to 25, systemd and ansible-core 2.19, as seen in their output.
_CAUSES: tuple[_Cause, ...] = (
    _Cause(
        r"No space left on device|not enough free space|You don't have enough free space",
        "the disk is full",
        "make room: `sudo apt-get clean && sudo journalctl --vacuum-size=100M`",
    ),
    _Cause(
        r"Could not get lock|is another process using it|Failed to lock apt|Unable to lock|dpkg frontend",
        "another process has held the package manager's lock for five minutes",
        "see which: `sudo fuser -v /var/lib/dpkg/lock-frontend`; wait for it, then run this again",
    ),
    _Cause(
        r"dpkg was interrupted|dpkg --configure -a|unmet dependencies|held broken packages",
        "packages are half installed",
        "type on the host: `sudo dpkg --configure -a && sudo apt-get -f install`",
    ),
    _Cause(
        r"Release file .* (is not valid yet|expired)|not valid yet",
        "the host's clock is wrong, or its mirror is stale",
        "compare `date` there with yours; set it: `sudo timedatectl set-ntp on`",
    ),
    _Cause(
        r"Failed to update apt cache|Failed to fetch|Temporary failure resolving|Could not resolve '|"
        r"Could not connect to|Unable to connect to|Unable to fetch some archives|Connection timed out \[|"
        # Every archive has this one: without it there are no lists, and apt said only a warning why.
        r"Unable to locate package python3-apt",
        "the package mirror cannot be reached",
        "does `sudo apt-get update` work there? look at /etc/apt/sources.list and DNS",
    ),
    _Cause(
        r"No package matching|Unable to locate package|has no installation candidate",
        "the package mirror does not have a package",
        "is the whole distribution in /etc/apt/sources.list (Ubuntu: `universe`)?",
    ),
    _Cause(
        r"HTTPSConnectionPool|NewConnectionError|No matching distribution found|Could not fetch URL|"
        r"ReadTimeoutError",
        "the Python package index cannot be reached",
        "can the host open https://pypi.org? a mirror is named in /etc/pip.conf",
    ),
    _Cause(
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "a Python package is not the one that was pinned",
        "try again; if it stays so, a mirror or proxy changes what is downloaded",
    ),
    _Cause(
        r"Read-only file system",
        "the file system is read-only",
        "the disk may be failing: `dmesg | tail`, `mount | grep ' / '`",
    ),
    _Cause(
        r"[Mm]issing sudo password|sudo: a password is required",
        "`sudo` asks for a password",
        "use a login that may become root without one, or root itself",
    ),
    _Cause(
        r"Cannot allocate memory|MemoryError|Out of memory|exit code:? -9|SIGKILL",
        "the host ran out of memory",
        "stop what else runs there, or choose a bigger server",
    ),
    _Cause(r"not mounted: ", "a data disk is not mounted", "mount it, or change `host.mounts`"),
    _Cause(
        r"Unknown device type|/dev/net/tun|CreateTUN",
        "the kernel of the host has no WireGuard and no tun device",
        "in an LXC container, allow /dev/net/tun in its settings",
    ),
    _Cause(
        r"docker\.service.*(failed|control process exited)|Unable to (re)?start service docker",
        "Docker Engine does not start",
        "`sudo journalctl -u docker -n 30` on the host says why",
    ),
)


def failure(host: str, role: str, task: str, result: Mapping[str, Any], *, unreachable: bool) -> Failure:
    """What a failed task means; an unknown cause is quoted."""
    said = _said(result)
    if unreachable:
        return Failure(
            host, role, task, f"the connection was lost: {_last_line(said)}",
            "is the host up? run the same command again, it continues", unreachable=True,
        )  # fmt: skip
    for cause in _CAUSES:
        if re.search(cause.pattern, said):
            return Failure(host, role, task, cause.reason, cause.hint)
    return Failure(
        host, role, task, _last_line(said), "the log has everything; then run the same command again"
    )


def proof_failed(result: Mapping[str, Any]) -> str | None:
    """Why the new login did not work; None when it did."""
    if result.get("rc") == 0:
        return None
    return _last_line(str(result.get("stderr") or result.get("msg") or ""))


def _said(result: Mapping[str, Any]) -> str:
    parts = [result.get(key) for key in ("msg", "stderr", "module_stderr", "stdout", "module_stdout")]
    items = [item for item in result.get("results", ()) if isinstance(item, Mapping) and item.get("failed")]
    return "\n".join([*(str(part) for part in parts if part), *(_said(item) for item in items)])


def _last_line(text: str) -> str:
    """The line that says most: the last error, or the last one at all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"(?i)\berror\b|^E: |denied|refused|failed|cannot", line)]
    return (errors or lines or ["nothing was said"])[-1].rstrip(".")[:300]


def unified(diff: object) -> tuple[str, ...]:
    """How a file differs, as lines of a unified diff; from what a module returned as `diff`."""
    parts = diff if isinstance(diff, list) else [diff]
    return tuple(line for part in parts if isinstance(part, Mapping) for line in _unified(part))


def _unified(part: Mapping[str, Any]) -> Iterator[str]:
    if "prepared" in part:
        yield from str(part["prepared"]).splitlines()
        return
    before, after = (_text(part.get(key)) for key in ("before", "after"))
    headers = [str(part.get(f"{key}_header") or "").removesuffix(" (content)") for key in ("before", "after")]
    old, new = (header or headers[1] or "?" for header in headers)
    yield from difflib.unified_diff(before, after, old, new, lineterm="", n=2)


def _text(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return json.dumps(value, indent=2, sort_keys=True, default=str).splitlines()
    return str(value or "").splitlines()
