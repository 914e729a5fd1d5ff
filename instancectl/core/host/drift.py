"""A provisioned host as it is now, read from what its own tools print; `core.checks.host` judges it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from instancectl.core.host.files import FIREWALL
from instancectl.core.host.record import PATH

TABLE = ("inet", "instancectl")
"""Family and name of our table of the firewall."""


@dataclass(frozen=True, slots=True)
class FirewallSeen:
    """Our table, as loaded and as the file would load it; empty when there is none."""

    loaded: str
    wanted: str


LIST_TABLE = ("nft", "--stateless", "list", "table", *TABLE)
LOAD_AND_LIST = ("unshare", "--net", "sh", "-c", f"nft -f {FIREWALL} && {' '.join(LIST_TABLE)}")
"""The file as nft itself writes it: loaded into a network that nobody uses and that ends with the command."""

_ELEMENTS = re.compile(r"\n\s*elements = \{[^}]*\}")


def read_table(text: str) -> str:
    """What `nft list table` prints, without the sources of SSH connections it has counted since."""
    return _ELEMENTS.sub("", text).strip()


@dataclass(frozen=True, slots=True)
class UnitSeen:
    """One unit of systemd.

    Attributes:
        name: with its suffix.
        loaded: `loaded`, `masked`, `not-found`.
        active: `active`, `inactive`, `failed`, `activating`.
        enabled: `enabled`, `disabled`, `static` …
        condition: whether its conditions were met when it was last started; None when it never was.
        kind: of a service: `oneshot`, `simple` …
    """

    name: str
    loaded: str
    active: str
    enabled: str
    condition: bool | None
    kind: str = ""


SHOW_UNITS = (
    "systemctl",
    "show",
    "--property=Id,LoadState,ActiveState,UnitFileState,ConditionResult,ConditionTimestamp,Type",
    "--",
)


def read_units(text: str) -> tuple[UnitSeen, ...]:
    """What `systemctl show` prints for several units, a paragraph each."""
    return tuple(_unit(_pairs(paragraph, "=")) for paragraph in text.split("\n\n") if paragraph.strip())


def _unit(values: Mapping[str, str]) -> UnitSeen:
    started = bool(values.get("ConditionTimestamp"))
    return UnitSeen(
        values.get("Id", ""),
        values.get("LoadState", ""),
        values.get("ActiveState", ""),
        values.get("UnitFileState", ""),
        values.get("ConditionResult") == "yes" if started else None,
        values.get("Type", ""),
    )


def _pairs(text: str, separator: str) -> dict[str, str]:
    pairs = (line.partition(separator) for line in text.splitlines())
    return {key.strip(): value.strip() for key, found, value in pairs if found}


def sshd_effective(user: str) -> tuple[str, ...]:
    """The command that prints sshd's effective settings for a stranger who logs in as `user`."""
    return ("/usr/sbin/sshd", "-T", "-C", f"user={user},host=stranger.invalid,addr=203.0.113.1")


def read_sshd(text: str) -> Mapping[str, tuple[str, ...]]:
    """Keyword, in lower case → its values, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        found[key.lower()] = (*found.get(key.lower(), ()), value.strip())
    return found


@dataclass(frozen=True, slots=True)
class PackagesSeen:
    """The package manager.

    Attributes:
        held: packages that may not change.
        unattended: whether security updates install themselves.
        security: pending security updates; looked for only when nothing has run for `STALE_SECONDS`.
        idle_seconds: since unattended upgrades last ran, or since provisioning when they never did.
        reboot: why a reboot is due; empty when none is.
    """

    held: tuple[str, ...]
    unattended: bool
    security: tuple[str, ...]
    idle_seconds: float
    reboot: str = ""


STALE_SECONDS = 3 * 86400
"""Unattended upgrades run daily; after three days without, pending updates stay."""

LOOK_AT_PACKAGES = f"""
echo '== held'; apt-mark showhold
echo '== periodic'; apt-config dump APT::Periodic
ran=/var/lib/apt/periodic/unattended-upgrades-stamp
test -e "$ran" || ran={PATH}
idle=$(($(date +%s) - $(stat -c %Y "$ran")))
echo '== idle'; echo "$idle"
echo '== pending'
if test "$idle" -gt {STALE_SECONDS}; then apt-get -s -qq -o Debug::NoLocking=1 upgrade; fi
echo '== reboot'
if test -e /run/reboot-required; then echo required; cat /run/reboot-required.pkgs 2>/dev/null; fi
true
"""
"""Nothing is locked, fetched or changed; what takes a second of a core is done only when it can matter."""

_PENDING = re.compile(r"^Inst (\S+) .*\([^)]*[Ss]ecurity", re.MULTILINE)


def read_packages(text: str) -> PackagesSeen:
    """What `LOOK_AT_PACKAGES` prints."""
    parts = _sections(text)
    periodic = dict(re.findall(r'^APT::Periodic::([\w-]+) "([^"]*)";', parts["periodic"], re.MULTILINE))
    reboot = parts["reboot"].split()
    return PackagesSeen(
        tuple(parts["held"].split()),
        periodic.get("Unattended-Upgrade", "0") not in {"", "0"},
        tuple(_PENDING.findall(parts["pending"])),
        float(parts["idle"]),
        ", ".join(dict.fromkeys(reboot[1:])) or "an update" if reboot else "",
    )


def _sections(text: str) -> dict[str, str]:
    """Lines under `== name`."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("== "):
            name = line.removeprefix("== ")
            found[name] = ""
        elif name:
            found[name] += f"{line}\n"
    return found


@dataclass(frozen=True, slots=True)
class KeySeen:
    """One key that may log in; `expires` in seconds since 1970, None for never."""

    name: str
    expires: float | None = None


LOOK_AT_KEYS = """
date +%z
home=$(getent passwd "$1" | cut -d: -f6)
test -n "$home" || { echo "there is no user $1" >&2; exit 3; }
cat "$home/.ssh/authorized_keys"
"""
"""A shell's, with the user as first argument."""

_EXPIRY = re.compile(r'expiry-time="?(\d{8})(\d{2,6})?(Z?)"?', re.IGNORECASE)
_KEY = re.compile(r"(?:^|\s)(?:sk-)?(?:ssh|ecdsa)-[\w@.-]+ (\S+)(?: +(.*))?$")


def read_keys(text: str) -> tuple[KeySeen, ...]:
    """What `LOOK_AT_KEYS` prints: the offset of local time, and the file."""
    offset, _, lines = text.partition("\n")
    return tuple(_keys(lines, _zone(offset)))


def _keys(text: str, zone: timezone) -> Iterator[KeySeen]:
    for number, line in enumerate(text.splitlines(), 1):
        key = _KEY.search(line.strip())
        if line.lstrip().startswith("#") or not key:
            continue
        expiry = _EXPIRY.search(line[: key.start()])
        yield KeySeen(key[2] or f"line {number}", _moment(expiry, zone) if expiry else None)


def _zone(offset: str) -> timezone:
    """Of `+0130`."""
    sign = -1 if offset.startswith("-") else 1
    digits = offset.strip("+-")
    return timezone(sign * timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:4] or 0)))


def _moment(expiry: re.Match[str], zone: timezone) -> float | None:
    day, clock, zulu = expiry.groups()
    try:
        moment = datetime.strptime(day + (clock or "").ljust(6, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - next line
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC if zulu else zone).timestamp()


def read_sums(text: str) -> Mapping[str, str]:
    """Path → SHA-256, as `sha256sum` prints them; a file it could not read is not among them."""
    lines = (line.partition("  ") for line in text.splitlines())
    return {path: digest for digest, found, path in lines if found}
