"""Swap and kernel settings, as far as a machine that shares its kernel can try them.

The line of the unit makes the swap file; only `swapon` is left out. What a kernel does with it is not seen.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from instancectl.core.host import files, sizing
from instancectl.core.host.settings import HostSettings
from instancectl.core.units import MIB
from tests.fakes import instance
from tests.unit.core.host.hosts import vps

pytestmark = pytest.mark.contract

SWAP_MIB = 64
UNIT = "/etc/systemd/system/instancectl-swap.service"


def placed(path: str) -> str:
    found = files.managed_files(HostSettings(swap_mib=SWAP_MIB), vps(), instance.TEMPLATES.render)
    return next(file.content for file in found if file.path == path)


@pytest.fixture
def make_swap(tmp_path: Path):
    """Runs the unit's line on a file of ours."""
    if shutil.which("mkswap") is None:
        pytest.skip("there is no `mkswap` on this machine")
    joined = placed(UNIT).replace("\\\n", "")
    line = re.search(r"^ExecStart=(.*)$", joined, re.MULTILINE)
    assert line
    swap = tmp_path / "swap"
    words = shlex.split(line[1].replace("%%", "%").replace(files.SWAP_FILE, str(swap)))
    script = words[-1].rstrip()
    assert script.endswith(f"swapon {swap}")
    script = script.removesuffix(f"swapon {swap}").rstrip().removesuffix(";")

    def run() -> Path:
        done = subprocess.run([*words[:-1], script], check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return swap

    return run


def is_swap(path: Path) -> bool:
    return subprocess.run(["swaplabel", str(path)], check=False, capture_output=True).returncode == 0


def test_the_swap_file_is_made_whole_private_and_once(make_swap) -> None:
    swap = make_swap()
    made = swap.stat()
    assert (made.st_size, made.st_mode & 0o777, is_swap(swap)) == (SWAP_MIB * MIB, 0o600, True)
    assert make_swap().stat().st_ino == made.st_ino


@pytest.mark.parametrize("half", [b"", b"\0" * (SWAP_MIB * MIB)])
def test_a_swap_file_that_was_not_finished_is_made_anew(make_swap, half: bytes) -> None:
    swap = make_swap()
    swap.write_bytes(half)
    assert not is_swap(swap)
    assert is_swap(make_swap())


def test_every_setting_is_one_that_kernels_have() -> None:
    """This machine's kernel knows each by its name; sysctl(8) reads the file as `NAME = VALUE`."""
    text = placed("/etc/sysctl.d/60-instancectl.conf")
    lines = [line.partition(" = ") for line in text.splitlines() if not line.startswith("#")]
    assert {name: value for name, _, value in lines} == sizing.kernel_settings(vps())
    lacking = [name for name, _, _ in lines if not Path("/proc/sys", *name.split(".")).exists()]
    assert not [name for name in lacking if not name.startswith("net.")], lacking
    # Some of `net.` belong to the first network namespace alone: a build in a container does not see them.
    assert {"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog"}.isdisjoint(lacking)
