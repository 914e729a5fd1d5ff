"""What is asked of the Engine to change a number, and what happens when somebody else was faster."""

from __future__ import annotations

from typing import Any

import pytest

from instancectl.adapters.stack_hand import ResidentHand
from instancectl.errors import OperationFailed


class FakeEngine:
    """One service; the first `races` updates find that somebody else wrote it."""

    def __init__(self, replicas: int = 1, races: int = 0, most: int = 0) -> None:
        self.replicas, self.races, self.version, self.most = replicas, races, 7, most
        self.posted: list[tuple[str, Any]] = []

    def get(self, path: str, filters: Any = None) -> Any:
        if path != "/services/stack_sidekiq-push":
            return None
        spec = {
            "Name": "stack_sidekiq-push",
            "Mode": {"Replicated": {"Replicas": self.replicas}},
            "Labels": {"a": "b"},
            "TaskTemplate": {"Placement": {"MaxReplicas": self.most}},
        }
        return {"ID": "s1", "Version": {"Index": self.version}, "Spec": spec}

    def post(self, path: str, body: Any = None, *, seconds: float = 3.0) -> Any:
        if self.races and path.startswith("/services"):
            self.races -= 1
            self.version += 1
            raise OperationFailed("the Docker Engine refused: update out of sequence")
        self.posted.append((path, body))
        return {}


def test_only_the_number_is_written() -> None:
    engine = FakeEngine()
    ResidentHand("stack", engine).replicate("sidekiq-push", 3)
    ((path, spec),) = engine.posted
    assert path == "/services/s1/update?version=7"
    assert spec["Mode"] == {"Replicated": {"Replicas": 3}}
    assert spec["Labels"] == {"a": "b"}


@pytest.mark.parametrize(("limit", "wanted", "written"), [(1, 2, 2), (3, 2, 3), (0, 2, 0)])
def test_a_limit_per_host_is_raised_and_never_lowered_or_made(limit: int, wanted: int, written: int) -> None:
    engine = FakeEngine(most=limit)
    ResidentHand("stack", engine).replicate("sidekiq-push", 3, wanted)
    ((_, spec),) = engine.posted
    assert spec["TaskTemplate"]["Placement"]["MaxReplicas"] == written


def test_the_same_number_asks_for_nothing() -> None:
    engine = FakeEngine(replicas=3)
    ResidentHand("stack", engine).replicate("sidekiq-push", 3)
    assert not engine.posted


def test_whoever_was_slower_reads_again() -> None:
    engine = FakeEngine(races=2)
    ResidentHand("stack", engine).replicate("sidekiq-push", 2)
    assert engine.posted[0][0] == "/services/s1/update?version=9"


def test_for_ever_slower_is_an_error() -> None:
    with pytest.raises(OperationFailed, match="out of sequence"):
        ResidentHand("stack", FakeEngine(races=9)).replicate("sidekiq-push", 2)


def test_a_service_that_is_gone_is_an_error() -> None:
    with pytest.raises(OperationFailed, match="no service `sidekiq-pull`"):
        ResidentHand("stack", FakeEngine()).replicate("sidekiq-pull", 2)


def test_a_container_gets_its_weight_or_its_memory_and_nothing_else() -> None:
    engine = FakeEngine()
    hand = ResidentHand("stack", engine)
    hand.allow("c1", weight=512)
    hand.allow("c1", memory_bytes=1000)
    hand.end("c1", 60)
    assert engine.posted == [
        ("/containers/c1/update", {"CpuShares": 512}),
        ("/containers/c1/update", {"Memory": 1000, "MemorySwap": 2000}),
        ("/containers/c1/stop?t=60", None),
    ]
