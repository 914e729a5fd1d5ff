"""The agent must run where something needs it, with the settings as they are; and what is written arrives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from instancectl.core.check import Severity
from instancectl.core.checks import agent as checks
from instancectl.core.checks.model import Judgement, Skipped
from instancectl.core.checks.seen import Answer, NoAnswer
from tests.fakes import instance
from tests.fakes.http import answer
from tests.unit.core.checks.facts_of import facts_of

GOOD = {"sentence": "good", "verdicts": {"timeline": "good"}, "reasons": {}, "settings_refused": ""}
SILENT = NoAnswer("connection refused")


def said(**changes: object) -> Answer:
    return answer(200, json.dumps({**GOOD, **changes}).encode())


def agent(answered: Answer | NoAnswer, **monitoring: bool) -> Judgement:
    return checks.agent(replace(facts_of(instance.config(monitoring=monitoring)), agent=answered))


def canary(answered: Answer | NoAnswer, on: bool = True) -> Judgement:
    return checks.canary(replace(facts_of(instance.config(monitoring={"canary": on})), agent=answered))


def test_an_agent_that_says_how_it_is_is_well() -> None:
    assert agent(said()).severity is Severity.OK
    assert agent(said(sentence=None, verdicts=None, reasons=None)).severity is Severity.OK


def test_an_agent_that_nothing_needs_may_be_away() -> None:
    assert isinstance(agent(SILENT), Skipped)
    found = agent(SILENT, enabled=True, canary=True)
    assert (found.severity, found.needed) == (Severity.WARN, "an agent, for alerts and the canary")


def test_settings_that_are_not_used_are_told() -> None:
    found = agent(said(settings_refused="`x` is no setting"))
    assert (found.severity, found.seen) == (
        Severity.WARN,
        "the agent goes on with older settings: `x` is no setting",
    )


@pytest.mark.parametrize("answered", [answer(200, b"<html>"), answer(200, b"[]"), answer(404)])
def test_something_else_on_its_port_is_no_agent(answered: Answer) -> None:
    assert agent(answered, enabled=True).severity is Severity.WARN
    assert canary(answered).severity is Severity.UNKNOWN


@pytest.mark.parametrize(
    ("verdict", "reason", "severity"),
    [
        ("good", "", Severity.OK),
        ("bad", "a post was answered 500", Severity.FAIL),
        ("unknown", "the canary has no token", Severity.WARN),
    ],
)
def test_the_canary_is_judged_by_its_last_run(verdict: str, reason: str, severity: Severity) -> None:
    found = canary(said(verdicts={"timeline": verdict}, reasons={"timeline": reason}))
    assert found.severity is severity
    assert reason in found.seen


def test_no_canary_is_nothing_to_judge() -> None:
    assert isinstance(canary(SILENT, on=False), Skipped)
