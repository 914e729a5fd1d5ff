"""Several vantages: more voices than not make a slice bad, and what was counted as bad stays so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.majority import PATIENCE_SLICES, decided, horizon
from instancectl.core.monitoring.sli import Verdict

GOOD, BAD, UNKNOWN = Verdict.GOOD, Verdict.BAD, Verdict.UNKNOWN
LONG = 24
VERDICTS = st.lists(st.sampled_from(list(Verdict)), min_size=LONG, max_size=LONG)


def spells(verdicts: list[Verdict], name: str = "", first: int = 0) -> tuple[Spell, ...]:
    """One stretch for each run of equal verdicts."""
    found: list[Spell] = []
    for number, verdict in enumerate(verdicts, first):
        cause = name if verdict is BAD else ""
        if found and found[-1].verdict is verdict:
            found[-1] = Spell(found[-1].first, number, verdict, cause)
        else:
            found.append(Spell(number, number, verdict, cause))
    return tuple(found)


def after(own: list[Verdict], *told: list[Verdict], until: int = LONG) -> list[Verdict]:
    """What stands in a ledger afterwards."""
    result = list(own)
    voices = [spells(one, f"seen from {number}") for number, one in enumerate(told)]
    for spell in decided(spells(own, "web"), voices, until):
        for number in range(spell.first, spell.last + 1):
            result[number] = spell.verdict
    return result


@pytest.mark.parametrize(
    ("own", "told", "is_then"),
    [
        (UNKNOWN, [BAD], BAD),
        (UNKNOWN, [GOOD], GOOD),
        (UNKNOWN, [BAD, GOOD], GOOD),
        (UNKNOWN, [BAD, BAD, GOOD], BAD),
        (UNKNOWN, [BAD, UNKNOWN], BAD),
        (UNKNOWN, [UNKNOWN, UNKNOWN], UNKNOWN),
        (GOOD, [BAD], GOOD),
        (GOOD, [BAD, BAD], BAD),
        (GOOD, [BAD, BAD, GOOD], GOOD),
        (GOOD, [BAD, BAD, BAD, GOOD], BAD),
        (BAD, [GOOD, GOOD, GOOD], BAD),
    ],
)
def test_a_slice_is_what_most_of_those_who_looked_say(
    own: Verdict, told: list[Verdict], is_then: Verdict
) -> None:
    assert after([own] * LONG, *([one] * LONG for one in told)) == [is_then] * LONG


def naive(own: Verdict, told: list[Verdict]) -> Verdict:
    """The rule for one slice, written down once more."""
    if own is BAD:
        return BAD
    bad, good = told.count(BAD), [own, *told].count(GOOD)
    if bad > good:
        return BAD
    return GOOD if good else UNKNOWN


@given(VERDICTS, st.lists(VERDICTS, max_size=4), st.integers(-2, LONG + 2))
def test_stretches_are_decided_as_their_slices_are(
    own: list[Verdict], told: list[list[Verdict]], until: int
) -> None:
    expected = [
        naive(mine, [one[number] for one in told]) if number <= until else mine
        for number, mine in enumerate(own)
    ]
    assert after(own, *told, until=until) == expected


@given(VERDICTS, st.lists(VERDICTS, max_size=4), st.randoms())
def test_the_order_of_vantages_says_nothing_and_a_second_time_changes_nothing(own, told, chance) -> None:
    once = after(own, *told)
    shuffled = list(told)
    chance.shuffle(shuffled)
    assert after(own, *shuffled) == once
    assert after(once, *told) == once


@given(VERDICTS, VERDICTS, VERDICTS)
def test_the_network_of_one_vantage_is_never_the_sites_outage(own, wellness, trouble) -> None:
    """Wherever the host or another vantage saw it well, one that did not changes nothing."""
    found = after(own, wellness, trouble)
    for mine, other, then in zip(own, wellness, found, strict=True):
        if GOOD in {mine, other} and mine is not BAD and BAD not in {mine, other}:
            assert then is GOOD


def test_the_cause_says_who_saw_it_and_that_the_host_did_not() -> None:
    told = [(Spell(0, 9, BAD, f"seen from {name}"),) for name in ("balcony", "attic")]
    assert decided((Spell(2, 4, GOOD), Spell(5, 9, UNKNOWN)), told, 9) == (
        Spell(2, 4, BAD, "seen from attic, seen from balcony; not from the host"),
        Spell(5, 9, BAD, "seen from attic, seen from balcony"),
    )


def test_before_and_behind_the_ledger_nothing_is_decided() -> None:
    assert not decided((), [(Spell(0, 9, BAD, "b"),)], 9)
    assert decided((Spell(5, 6, UNKNOWN),), [(Spell(0, 99, GOOD),)], 99) == (Spell(5, 6, GOOD),)


@pytest.mark.parametrize(
    ("ends", "then"),
    [
        ([1000], 1000),
        ([1000, 998], 998),
        ([1000, None], 1000 - PATIENCE_SLICES),
        ([1000, 3], 1000 - PATIENCE_SLICES),
        ([], 1000),
    ],
)
def test_slices_wait_until_everybody_spoke_but_not_for_ever(ends: list[int | None], then: int) -> None:
    assert horizon(ends, 1000) == then
