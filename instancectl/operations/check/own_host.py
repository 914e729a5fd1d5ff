"""What a provisioned host is asked about itself: short commands, each with an end in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancectl.core.checks.facts import Look
from instancectl.core.host import drift, exposure, record
from instancectl.core.host.drift import FirewallSeen, KeySeen, PackagesSeen, UnitSeen
from instancectl.core.host.exposure import ExposureSeen, Holders
from instancectl.core.host.record import HostRecord
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import Unreachable
from instancectl.ports.host_facts import HostFacts
from instancectl.ports.port_scan import PortScan
from instancectl.ports.remote import Outcome, Remote

LOOKS = frozenset({
    Look.RECORD, Look.EXPOSURE, Look.FIREWALL, Look.SSHD, Look.UNITS, Look.PACKAGES, Look.KEYS, Look.MANAGED,
})  # fmt: skip
"""Looks that need the record of what provisioning did."""

DIRECTORY = record.PATH.rpartition("/")[0]
COMMAND_SECONDS = 6
SCAN_SECONDS = 5
"""A look at the ports that matter takes well under one; this is for a host that swallows everything."""


NO_RECORD = 44
READ_RECORD = f"""
test -d {DIRECTORY} || exit {NO_RECORD}
test -x {DIRECTORY} || {{ echo 'only root may' >&2; exit 1; }}
test -e {record.PATH} || exit {NO_RECORD}
cat {record.PATH}
"""
"""A directory that may not be entered is no proof that nothing is in it."""

PLAIN = ("env", "LC_ALL=C")
"""Messages are compared, so nobody's language may change them."""


@dataclass(frozen=True, slots=True)
class OwnHost:
    """This host: `shell` runs its own tools, `scan` tries its ports from outside."""

    shell: Remote
    scan: PortScan


def looks(
    look: Look, own: OwnHost, machine: HostFacts, recorded: HostRecord
) -> Mapping[str, Callable[[], Any]]:
    """Fields of `Facts` and how to see them, on a provisioned host."""
    shell = own.shell
    table: dict[Look, tuple[str, Callable[[], Any]]] = {
        Look.EXPOSURE: ("exposure", lambda: ports(machine, shell, own.scan, intended(recorded))),
        Look.FIREWALL: ("firewall", lambda: firewall(shell)),
        Look.SSHD: ("sshd", lambda: sshd(shell)),
        Look.UNITS: ("units", lambda: units(shell, recorded)),
        Look.PACKAGES: ("packages", lambda: packages(shell)),
        Look.KEYS: ("keys", lambda: keys(shell, recorded)),
        Look.MANAGED: ("managed", lambda: managed(shell, recorded)),
    }
    return dict([table[look]]) if look in table else {}


def intended(recorded: HostRecord) -> frozenset[exposure.Port]:
    """What may answer from outside; the mesh answers nobody but its peers."""
    return exposure.read_ports(recorded.intended_ports) | {("udp", recorded.mesh.port)}


def read_record(shell: Remote) -> Known[HostRecord | None]:
    """What provisioning did here; None when it never did."""
    done = shell.run(["sh", "-c", READ_RECORD], timeout_seconds=COMMAND_SECONDS)
    if done.code == NO_RECORD:
        return None
    if done.code:
        return Unknown(f"cannot read {record.PATH}: {_said(done)}", "run it as root")
    found = record.parse(done.text)
    return found or Unknown(f"{record.PATH} cannot be understood", "type `instancectl host provision`")


def firewall(shell: Remote) -> FirewallSeen:
    """Our table as it is, and as its file would load it."""
    loaded = shell.run((*PLAIN, *drift.LIST_TABLE), timeout_seconds=COMMAND_SECONDS)
    if loaded.code and "No such file" not in loaded.err:
        raise Unreachable(
            f"cannot see the firewall: {_said(loaded)}", hint="run it as root; `nft` must be there"
        )
    wanted = shell.run(drift.LOAD_AND_LIST, timeout_seconds=COMMAND_SECONDS)
    return FirewallSeen(drift.read_table(loaded.text), drift.read_table(wanted.text))


def sshd(shell: Remote) -> Mapping[str, Sequence[str]]:
    """Effective settings for a stranger who wants to be root."""
    return drift.read_sshd(_answer(shell, drift.sshd_effective("root"), "sshd's settings"))


def units(shell: Remote, recorded: HostRecord) -> tuple[UnitSeen, ...]:
    """The units that provisioning enabled."""
    if not recorded.units:
        return ()
    return drift.read_units(_answer(shell, (*drift.SHOW_UNITS, *recorded.units), "the units"))


def packages(shell: Remote) -> PackagesSeen:
    """Holds, pending security updates, a reboot that is due."""
    return drift.read_packages(_answer(shell, ("sh", "-c", drift.LOOK_AT_PACKAGES), "the package manager"))


def keys(shell: Remote, recorded: HostRecord) -> tuple[KeySeen, ...]:
    """Who may log in."""
    words = (*PLAIN, "sh", "-c", drift.LOOK_AT_KEYS, "sh", recorded.admin_user)
    done = shell.run(words, timeout_seconds=COMMAND_SECONDS)
    if done.code and "No such file" not in done.err:
        raise Unreachable(
            f"cannot see the keys of `{recorded.admin_user}`: {_said(done)}", hint="run it as root"
        )
    return drift.read_keys(done.text)


def managed(shell: Remote, recorded: HostRecord) -> Mapping[str, str]:
    """Path → SHA-256 of the files that are there."""
    done = shell.run((*PLAIN, "sha256sum", "--", *recorded.files), timeout_seconds=COMMAND_SECONDS)
    if "Permission denied" in done.err:
        raise Unreachable("cannot read all files that provisioning wrote", hint="run it as root")
    return drift.read_sums(done.text)


def ports(  # noqa: PLR0913 - all of them decide what is seen
    host: HostFacts,
    shell: Remote,
    scan: PortScan,
    intended: frozenset[exposure.Port],
    *,
    addresses: Sequence[str] | None = None,
    all_ports: bool = False,
    timeout_seconds: float = SCAN_SECONDS,
) -> ExposureSeen:
    """Which ports answer from where `scan` looks.

    Args:
        host: who listens, and at which addresses.
        shell: to see where Docker leads ports.
        scan: tries them.
        intended: what may answer.
        addresses: to try; None tries all of this host.
        all_ports: every port, not only those that matter.
        timeout_seconds: for the whole.
    """
    nat = [shell.run((word, "-t", "nat"), timeout_seconds=COMMAND_SECONDS) for word in NAT_TABLES]
    holders = Holders(host.listeners(), exposure.read_forwarded("".join(one.text for one in nat)))
    what = exposure.scan(
        addresses if addresses is not None else host.addresses(), holders, all_ports=all_ports
    )
    seen = scan.scan(what, timeout_seconds) if what.addresses else ()
    return ExposureSeen(scan.vantage, seen, holders, intended, what.ports)


NAT_TABLES = ("iptables-save", "ip6tables-save")
"""Where Docker writes what it publishes; missing on a host without Docker, which publishes nothing."""


def _answer(shell: Remote, words: Sequence[str], what: str) -> str:
    done = shell.run((*PLAIN, *words), timeout_seconds=COMMAND_SECONDS)
    if done.code:
        raise Unreachable(f"cannot see {what}: {_said(done)}", hint="run it as root")
    return done.text


def _said(done: Outcome) -> str:
    return (done.err.strip().splitlines() or [f"exit code {done.code}"])[-1]
