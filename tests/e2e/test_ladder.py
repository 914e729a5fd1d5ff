"""More than the machine can do: the degrade ladder up, an agent that dies on it, and down again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from instancectl.core.scaling.degrade import CALM_SECONDS, NEXT_SECONDS
from tests.e2e.autoscaler import OBJECTIVE, Agent, agent, configured, mode, running, seen
from tests.e2e.host import Instance, eventually
from tests.e2e.peers import Flow, Peers

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(2700)]

PULL = "sidekiq-pull"
TOO_MUCH = 110.0
"""Deliveries a second, each of one second: more than two cores ever deliver."""
UP_SECONDS = 180
AGAIN_SECONDS = 120
"""For another agent to go on, and for samples, which come every ten seconds.

Nothing else may keep the processor busy meanwhile: nobody leaves a rung into a full one.
"""


@pytest.fixture
def with_pull(instance: Instance) -> Iterator[None]:
    """`pull` has a service of its own, which the first rung stops."""
    sizes = {f"services.{PULL}.replicas": 1, f"services.{PULL}.threads": 5}
    configured(instance, "auto", **sizes)
    instance.cli("deploy")
    yield
    instance.configure()
    instance.cli("deploy")


@pytest.mark.usefixtures("with_pull")
def test_it_is_climbed_survives_its_agent_and_is_left_in_the_opposite_order(instance: Instance) -> None:
    assert mode(instance) == "open"
    with Peers(4, seconds=1.0) as peers:
        flow = Flow(instance, peers)
        with agent(instance) as first:
            time.sleep(12)  # a first sample, so that processor time is known
            began = time.monotonic()
            while mode(instance) == "open":
                assert time.monotonic() - began < UP_SECONDS
                flow.keep_up(TOO_MUCH, 5)
            print(f"up: new accounts wait for approval after {time.monotonic() - began:.0f} s")
            assert running(instance, PULL) == 0
            first.kill()
        with agent(instance) as second:
            flow.settle(seconds=600)
            calm = _down(instance, second, flow)
    entered, left = _rungs(instance)
    assert [rung["target"] for rung in entered] == [1, 2]
    assert [rung["target"] for rung in left] == [1, 0]
    print(f"down: {calm:.0f} s after the last delivery; " + "; ".join(str(one["reason"]) for one in left))
    assert left[0]["at"] - entered[-1]["at"] >= CALM_SECONDS
    assert left[1]["at"] - left[0]["at"] >= NEXT_SECONDS
    assert instance.cli("plan", "--exit-code").code == 0


def _down(instance: Instance, second: Agent, flow: Flow) -> float:
    """Seconds until all that was given up is back, which comes in the opposite order."""
    began = time.monotonic()
    while mode(instance) == "approved":
        assert running(instance, PULL) == 0
        assert second.process.poll() is None
        assert time.monotonic() - began < CALM_SECONDS + AGAIN_SECONDS
        time.sleep(5)
    assert mode(instance) == "open"
    eventually(lambda: running(instance, PULL) == 1, seconds=NEXT_SECONDS + AGAIN_SECONDS)
    assert flow.latency() < OBJECTIVE
    return time.monotonic() - began


def _rungs(instance: Instance) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Decisions that entered a rung, and those that left one."""
    found = [one for one in seen(instance, "instance") if one["kind"] == "ask" and one["rule"] == "ladder"]
    climbed = [one for one in found if one["target"] > one["before"]]
    return climbed, [one for one in found if one["target"] < one["before"]]
