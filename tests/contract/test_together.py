"""Several looks at once: one after the other in the fake, in threads for real."""

from __future__ import annotations

import threading
import time

import pytest

from instancectl.adapters.daemon_threads import DaemonThreads
from instancectl.core.unknown import Unknown
from instancectl.errors import Unreachable
from instancectl.ports.together import Together
from tests.fakes.together import OneByOne


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def together(request: pytest.FixtureRequest) -> Together:
    return OneByOne() if request.param == "fake" else DaemonThreads()


def refused() -> int:
    raise Unreachable("cannot reach it", hint="try again")


def broken() -> int:
    raise RuntimeError("boom")


def test_each_look_brings_its_own_value(together: Together) -> None:
    assert together.run({"one": lambda: 1, "two": lambda: 2}, 1) == {"one": 1, "two": 2}


def test_no_looks_bring_nothing(together: Together) -> None:
    assert together.run({}, 1) == {}


def test_an_expected_error_is_unknown_with_its_hint(together: Together) -> None:
    found = together.run({"one": refused, "two": lambda: 2}, 1)
    assert found == {"one": Unknown("cannot reach it", "try again"), "two": 2}


def test_an_unexpected_error_is_unknown_and_names_itself(together: Together) -> None:
    found = together.run({"one": broken, "two": lambda: 2}, 1)
    assert isinstance(found["one"], Unknown)
    assert "RuntimeError: boom" in found["one"].reason
    assert found["two"] == 2


@pytest.mark.contract
class TestThreads:
    def test_a_look_that_hangs_is_left_behind(self) -> None:
        released = threading.Event()
        started = time.monotonic()
        found = DaemonThreads().run({"slow": lambda: released.wait(20), "fast": lambda: True}, 0.3)
        assert time.monotonic() - started < 2
        assert found == {"slow": Unknown("no answer within 0 s"), "fast": True}
        assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("look-"))
        released.set()

    def test_looks_are_side_by_side(self) -> None:
        barrier = threading.Barrier(3, timeout=5)
        found = DaemonThreads().run({str(n): barrier.wait for n in range(3)}, 5)
        assert sorted(found.values()) == [0, 1, 2]
