"""Facts and settings that tests of hosts start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from instancectl.adapters.jinja_templates import JinjaTemplates
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.inventory import Program
from instancectl.core.host.settings import Peer
from instancectl.core.units import GIB

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq3Jb8zUxlhVq1y0mEr0jv7b6i0hZp1m5b3oGmXk0aB eve"
OTHER_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7b6i0hZp1m5b3oGmXk0aBJq3Jb8zUxlhVq1y0mEr0 bob"
PROGRAM = Program("/tmp/instancectl.tar.gz", "c0ffee", "10c4")
PEER = Peer("second", ("203.0.113.8", "2001:db8::8"), "10.86.0.2", "k" * 43 + "=")
_TEMPLATES = Path(__file__).resolve().parents[4] / "templates"

fill = JinjaTemplates(_TEMPLATES).render

VPS = HostFacts(
    hostname="first",
    system="debian",
    version="12",
    codename="bookworm",
    python="3.11.2",
    pythons=("3.11",),
    user="root",
    sudo="root",
    memory_bytes=4 * GIB,
    cores=2,
    disk_free_bytes=40 * GIB,
    systemd=True,
    addresses=("203.0.113.7",),
    login_keys=(KEY,),
)


def vps(**changes: object) -> HostFacts:
    """A fresh server with Debian 12, 4 GiB and one key for root; `changes` make it another one."""
    return replace(VPS, **changes)
