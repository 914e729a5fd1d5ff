"""`[scaling]` becomes a policy; a real layout, with several queues in one process, works under it."""

from __future__ import annotations

import pytest

from instancectl.core.config import InstanceConfig
from instancectl.core.layout import Machine
from instancectl.core.scaling.settings import PROFILES, Policy, policy_for
from instancectl.core.scaling.simulator.costs import MEASURED
from instancectl.core.scaling.simulator.engine import Host
from instancectl.core.scaling.simulator.rehearse import Rehearsal, rehearse
from instancectl.core.scaling.simulator.trace import QUEUES, Row, Trace
from instancectl.core.scaling.weights import WEIGHTS
from instancectl.core.scaling.work import JOBS, OBJECTIVES, PRIORITIES
from instancectl.core.sizes import BASE
from instancectl.core.units import GIB

INSTANCE = {"instance": {"domain": "social.example"}}


def policy(memory: int, cores: int, **scaling: object) -> Policy:
    config = InstanceConfig.model_validate({**INSTANCE, "scaling": {"mode": "auto", **scaling}})
    return policy_for(config, Machine(memory * GIB, cores))


def test_every_key_reaches_the_policy() -> None:
    made = policy(
        8, 4, profile="economy", ladder=3, mails_per_day=7200, host_price=40,
        objectives={"push": 300, "pull": 7200, "web_ms": 250},
    )  # fmt: skip
    assert (made.mode, made.profile, made.ladder) == ("auto", PROFILES["economy"], 3)
    assert (made.mails_per_day, made.host_price, made.web_seconds) == (7200, 40, 0.25)
    assert (made.objectives["push"], made.objectives["default"], made.objectives["fasp"]) == (300, 30, 7200)


def test_advice_is_the_default() -> None:
    assert policy_for(InstanceConfig.model_validate(INSTANCE), Machine(8 * GIB, 4)).mode == "advise"


def test_the_tables_name_the_same_queues_and_every_service_has_a_weight() -> None:
    assert set(JOBS) == set(OBJECTIVES) == set(PRIORITIES)
    assert {plan.service for plan in policy(16, 8).layout.sidekiq} <= set(WEIGHTS)


def test_the_base_process_is_never_scaled() -> None:
    assert BASE not in {plan.service for plan in policy(16, 8).scalable}


@pytest.mark.parametrize(("memory", "cores"), [(2, 1), (4, 2), (8, 4), (16, 8)])
def test_every_layout_can_be_rehearsed(memory: int, cores: int) -> None:
    made = policy(memory, cores)
    row = Row(0, dict.fromkeys(QUEUES, 3.0 * cores), 0.05, 4.0 * cores)
    trace = Trace("short", (row, Row(600, dict.fromkeys(QUEUES, 0.0))))
    outcome = rehearse(
        Rehearsal(trace, made, Host(cores, memory * 1.07, memory * 0.5), MEASURED), "instancectl"
    )
    assert outcome.refused == 0
    assert outcome.lost == 0
    assert all(sentence for _, sentence in outcome.decisions)
