"""The findings for a person: verdict first, then what is wrong, then the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from instancectl.core.check import Finding, Severity, verdict
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.health import NAMES, dead
from instancectl.core.checks.model import Skipped

GROUPS = (
    (Severity.FAIL, "fail: does not work, or will not"),
    (Severity.UNKNOWN, "unknown: nobody could look"),
    (Severity.WARN, "warn: works, but not as it should"),
    (Severity.OK, "ok"),
)

ASKED_DIRECTLY = frozenset({"services", "postgresql", "redis"})
"""Checks that say that something died; the others say where it shows."""


def headline(facts: Facts, found: Sequence[Finding]) -> str:
    """One sentence: the verdict, and the cause where one is known."""
    worst = verdict(found)
    name = facts.config.instance.domain
    counts = ", ".join(_counted(found, severity) for severity, _ in GROUPS if _count(found, severity))
    if not found:
        return f"{name}: nothing to judge"
    if worst is Severity.OK:
        state = "is well" if facts.deployed else "is ready to be deployed"
        return f"{name} {state} ({counts})"
    return f"{name}: {worst.value}: {_cause(facts, found, worst)} ({counts})"


def _cause(facts: Facts, found: Sequence[Finding], worst: Severity) -> str:
    gone = dead(facts) if worst is Severity.FAIL else ()
    if gone:
        failed = [one.check for one in found if one.severity is Severity.FAIL]
        hit = [slug for slug in failed if slug not in ASKED_DIRECTLY]
        names = " and ".join(NAMES[name] for name in gone)
        verb = "are" if len(gone) > 1 else "is"
        return f"{names} {verb} down" + (f", which shows in {', '.join(hit)}" if hit else "")
    first = next(one for one in found if one.severity is worst)
    return f"{first.check}: {first.seen}"


def lines(facts: Facts, found: Sequence[Finding], left_out: Sequence[Skipped]) -> tuple[str, ...]:
    """Everything, readable without colour."""
    return (headline(facts, found), *groups(found), *_left_out(left_out))


def groups(found: Sequence[Finding]) -> Iterator[str]:
    """The findings, worst first, with what is needed and what to type."""
    width = max((len(one.check) for one in found), default=0)
    for severity, title in GROUPS:
        group = [one for one in found if one.severity is severity]
        if group:
            yield ""
            yield title
        for one in group:
            yield f"  {one.check:<{width}}  {one.seen}"
            if one.needed:
                yield f"  {'':<{width}}  needed: {one.needed}"
            if one.hint:
                yield f"  {'':<{width}}  hint: {one.hint}"


def _left_out(left_out: Sequence[Skipped]) -> Iterator[str]:
    """One line for each reason."""
    reasons: dict[str, list[str]] = {}
    for one in left_out:
        reasons.setdefault(one.why, []).append(one.check)
    if reasons:
        yield ""
        yield "not judged"
    for why, slugs in reasons.items():
        yield f"  {', '.join(slugs)}: {why}"


def _count(found: Iterable[Finding], severity: Severity) -> int:
    return sum(1 for one in found if one.severity is severity)


def _counted(found: Iterable[Finding], severity: Severity) -> str:
    return f"{_count(found, severity)} {severity.value}"
