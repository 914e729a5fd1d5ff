"""Indexes on text are judged by the C library they were made with."""

from __future__ import annotations

import pytest

from instancectl.core.check import Severity
from instancectl.core.checks.model import Skipped
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.checks.text_order import text_order
from instancectl.core.questions import PostgresAnswer, TextOrder
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import facts_of, fresh
from tests.unit.core.checks.test_running import judged


def answer(order: TextOrder | None) -> PostgresAnswer:
    return PostgresAnswer((17, 6), 12, 100, 10**6, order)


@pytest.mark.parametrize(
    ("order", "severity", "said"),
    [
        (TextOrder("2.36", "2.36", musl=False), Severity.OK, "glibc 2.36"),
        (TextOrder("", "", musl=True), Severity.OK, "musl"),
        (TextOrder("2.36", "", musl=False), Severity.OK, "glibc 2.36"),
        (TextOrder("2.36", "2.41", musl=False), Severity.FAIL, "glibc 2.36, 2.41 looks"),
        (TextOrder("2.36", "", musl=True), Severity.FAIL, "made with glibc, musl looks"),
        (TextOrder("", "2.41", musl=False), Severity.FAIL, "made with musl, glibc looks"),
    ],
)
def test_another_c_library_than_that_of_the_indexes_fails(
    order: TextOrder, severity: Severity, said: str
) -> None:
    finding = judged(text_order(facts_of(postgres=answer(order))))
    assert finding.severity is severity
    assert said in finding.seen


def test_the_way_out_names_the_container_and_both_commands() -> None:
    finding = judged(text_order(facts_of(postgres=answer(TextOrder("2.36", "2.41", musl=False)))))
    assert "reindex database mastodon_production" in finding.hint
    assert "refresh collation version" in finding.hint
    assert "_db.1)" in finding.hint


def test_where_no_c_library_decides_nothing_is_said() -> None:
    assert isinstance(text_order(facts_of(postgres=answer(None))), Skipped)
    assert isinstance(text_order(fresh()), Skipped)


@pytest.mark.parametrize("silent", [Unknown("no replica on this host"), NoAnswer("it starts up")])
def test_nobody_answers_is_unknown(silent: Unknown | NoAnswer) -> None:
    assert judged(text_order(facts_of(postgres=silent))).severity is Severity.UNKNOWN
