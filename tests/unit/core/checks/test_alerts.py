"""Somebody must be told, in two ways, and somebody must notice when nobody is."""

from __future__ import annotations

from instancectl.core.check import Severity
from instancectl.core.checks.alerting import alerts
from instancectl.core.checks.model import Skipped
from tests.fakes import alerts as some
from tests.unit.core.checks.facts_of import facts_of

TWO = {"ntfy": some.ALL["ntfy"], "email": some.ALL["email"]}
BEAT = "https://beat.example/1"


def judged(monitoring: bool = True, **wanted: object):
    return alerts(facts_of(some.config(monitoring, **(wanted or {"repeat_hours": 4}))))


def test_two_receivers_and_a_heartbeat_are_well() -> None:
    assert judged(**TWO, heartbeat_url=BEAT).severity is Severity.OK


def test_fewer_are_not() -> None:
    assert "nobody is told" in judged(heartbeat_url=BEAT).seen
    one = judged(ntfy=some.ALL["ntfy"], heartbeat_url=BEAT)
    assert (one.severity, one.seen) == (Severity.WARN, "only ntfy is told")


def test_nobody_notices_without_a_heartbeat() -> None:
    assert "nobody notices" in judged(**TWO).seen


def test_receivers_without_alerts_are_named_and_neither_is_a_choice() -> None:
    assert "nothing that would raise an alert" in judged(monitoring=False, **TWO).seen
    assert isinstance(judged(monitoring=False), Skipped)
