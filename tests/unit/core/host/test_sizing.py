from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.host import sizing
from instancectl.core.host.settings import HostSettings
from instancectl.core.units import GIB, MIB
from tests.unit.core.host.hosts import vps

SETTINGS = HostSettings()


@pytest.mark.parametrize(
    ("memory_gib", "swap_mib"), [(1, 1024), (2, 2048), (8, 2048), (16, 4096), (64, 4096)]
)
def test_swap_grows_with_the_memory(memory_gib: int, swap_mib: int) -> None:
    facts = vps(memory_bytes=memory_gib * GIB, disk_free_bytes=100 * GIB)
    assert sizing.swap_mib(SETTINGS, facts) == swap_mib


def test_a_host_that_has_swap_keeps_it() -> None:
    assert sizing.swap_mib(SETTINGS, vps(swap_bytes=GIB)) == 0


def test_our_own_swap_keeps_its_size_when_the_disk_fills() -> None:
    facts = vps(swap_bytes=2 * GIB, record={"swap_mib": 2048}, disk_free_bytes=GIB)
    assert sizing.swap_mib(SETTINGS, facts) == 2048


def test_a_container_gets_no_swap_even_when_told() -> None:
    assert sizing.swap_mib(HostSettings(swap_mib=1024), vps(container="lxc")) == 0


def test_a_size_that_was_set_holds() -> None:
    assert sizing.swap_mib(HostSettings(swap_mib=300), vps()) == 300
    assert sizing.swap_mib(HostSettings(swap_mib=0), vps()) == 0


@given(memory=st.integers(0, 512 * GIB), disk=st.none() | st.integers(0, 4096 * GIB))
def test_swap_never_takes_more_than_a_tenth_of_the_disk(memory: int, disk: int | None) -> None:
    found = sizing.swap_mib(SETTINGS, vps(memory_bytes=memory, disk_free_bytes=disk))
    assert 0 <= found * MIB <= (disk or 0) / sizing.DISK_SHARE
    assert found * MIB <= 4 * GIB


def test_redis_may_fork_on_every_host() -> None:
    assert sizing.kernel_settings(vps())["vm.overcommit_memory"] == "1"


@given(memory=st.integers(0, 4096 * GIB))
def test_open_files_stay_within_what_a_kernel_takes(memory: int) -> None:
    assert 65536 <= sizing.open_files(vps(memory_bytes=memory)) <= 1048576
