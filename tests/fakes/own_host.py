"""This host, before and after provisioning, with the tools that the checks ask.

own = fresh_host()                         # nobody provisioned it
own = provisioned_host()                   # as provisioning left it: every check of the host is `ok`
tools = tools_of(own)
tools.table = ""                           # the firewall is off
tools.sshd["passwordauthentication"] = "yes"
tools.units["instancectl-check.timer"] = "ActiveState=inactive"
tools.held = ("docker.io",)
tools.sums["/etc/docker/daemon.json"] = "other"
own.scan.open_tcp["198.51.100.7"].add(6379)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from instancectl.core.host.files import SSHD
from instancectl.core.host.record import HostRecord, Mesh
from instancectl.operations.check import OwnHost
from instancectl.ports.remote import Outcome
from tests.fakes.port_scan import FakeScan
from tests.fakes.remote import FakeRemote

TABLE = """table inet instancectl {
	chain input {
		type filter hook input priority filter; policy drop;
	}
}"""
UNITS = (
    "docker.service",
    "instancectl-agent.service",
    "instancectl-check.timer",
    "instancectl-firewall.service",
)
RECORD = HostRecord(
    version="1",
    name="one",
    admin_user="admin",
    ssh_port=22,
    ssh_closed=True,
    roles=("packages",),
    mesh=Mesh("10.86.0.1", "k", 51820),
    files={SSHD: "a1", "/etc/docker/daemon.json": "b2"},
    units=UNITS,
    intended_ports=("22/tcp", "80/tcp", "443/tcp", "443/udp"),
)
SUITE = "Debian-Security:12/stable-security"
KEY = "ssh-ed25519 AAAAC3Nz a@laptop"


@dataclass
class Tools:
    """What `nft`, `sshd`, `systemctl`, `apt` and friends answer."""

    record: str = ""
    table: str = TABLE
    file: str = TABLE
    sshd: dict[str, str] = field(
        default_factory=lambda: {
            "port": "22", "permitrootlogin": "no", "passwordauthentication": "no",
            "kbdinteractiveauthentication": "no", "permitemptypasswords": "no", "pubkeyauthentication": "yes",
        }
    )  # fmt: skip
    units: dict[str, str] = field(default_factory=lambda: dict.fromkeys(UNITS, ""))
    held: tuple[str, ...] = ()
    periodic: str = "1"
    pending: tuple[str, ...] = ()
    idle: str = "1000"
    reboot: str = ""
    keys: str = KEY
    sums: dict[str, str] = field(default_factory=lambda: dict(RECORD.files))
    nat: bytes = b""
    refusing: set[str] = field(default_factory=set)

    def answer(self, argv: Sequence[str]) -> Outcome:
        words = tuple(argv)
        words = words[2:] if words[0] == "env" else words
        name = words[0].rpartition("/")[2]
        if name == "sh":
            name = "keys" if "authorized_keys" in words[2] else "apt" if "apt-mark" in words[2] else "record"
        if name in self.refusing:
            return Outcome(1, b"", f"{name}: Operation not permitted")
        return {
            "iptables-save": lambda: Outcome(0, self.nat),
            "record": self._record, "nft": self._loaded, "unshare": self._file, "sshd": self._sshd,
            "systemctl": self._units, "apt": self._apt, "keys": self._keys, "sha256sum": self._sums,
        }.get(name, lambda: Outcome(127, b"", f"{name}: not found"))()  # fmt: skip

    def _record(self) -> Outcome:
        return Outcome(0, self.record.encode()) if self.record else Outcome(44)

    def _loaded(self) -> Outcome:
        if not self.table:
            return Outcome(1, b"", "Error: No such file or directory\nlist table inet instancectl")
        return Outcome(0, self.table.encode())

    def _file(self) -> Outcome:
        return Outcome(0, self.file.encode()) if self.file else Outcome(1, b"", "nft: no such file")

    def _sshd(self) -> Outcome:
        return Outcome(0, "".join(f"{key} {value}\n" for key, value in self.sshd.items()).encode())

    def _units(self) -> Outcome:
        well = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nConditionResult=yes\nType=simple"
        return Outcome(
            0,
            "\n\n".join(
                f"Id={name}\nConditionTimestamp=x\n{well}\n{changed}" for name, changed in self.units.items()
            ).encode(),
        )

    def _apt(self) -> Outcome:
        lines = [
            "== held", *self.held, "== periodic", f'APT::Periodic::Unattended-Upgrade "{self.periodic}";',
            "== pending", *(f"Inst {name} [1] (2 {SUITE} [amd64])" for name in self.pending),
            "== idle", self.idle, "== reboot", self.reboot,
        ]  # fmt: skip
        return Outcome(0, "\n".join(lines).encode())

    def _keys(self) -> Outcome:
        return Outcome(0, f"+0000\n{self.keys}\n".encode())

    def _sums(self) -> Outcome:
        return Outcome(0, "".join(f"{digest}  {path}\n" for path, digest in self.sums.items()).encode())


class _Shell(FakeRemote):
    def __init__(self, tools: Tools) -> None:
        super().__init__(address=None)
        self.tools = tools
        for name in ("sh", "env", "unshare", "iptables-save", "ip6tables-save"):
            self.programs[name] = lambda argv, _stdin: self.tools.answer(argv)


def fresh_host() -> OwnHost:
    return OwnHost(_Shell(Tools()), FakeScan())


def provisioned_host(record: HostRecord = RECORD) -> OwnHost:
    return OwnHost(_Shell(Tools(record=json.dumps(record.as_json()))), FakeScan())


def tools_of(own: OwnHost) -> Tools:
    assert isinstance(own.shell, _Shell)
    return own.shell.tools


def scan_of(own: OwnHost) -> FakeScan:
    assert isinstance(own.scan, FakeScan)
    return own.scan
