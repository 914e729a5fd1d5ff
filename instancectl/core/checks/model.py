"""What a check is: a question, what it needs to look at, and a pure judgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto

from instancectl.core.check import Finding, Severity
from instancectl.core.checks.facts import Facts, Look
from instancectl.core.unknown import Unknown


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that does not apply, and why."""

    check: str
    why: str


Judgement = Finding | Skipped

NO_LAYOUT = "there is no layout to add up: see `config`"


class Gate(Flag):
    """Which deploys a `fail` stops before anything is touched."""

    NEVER = 0
    FIRST = auto()
    """The first deploy of an instance."""
    CHANGED = auto()
    """A deploy that changes a running instance; only checks that take no time."""
    ALWAYS = FIRST | CHANGED


@dataclass(frozen=True, slots=True)
class Check:
    """One question about an instance.

    Attributes:
        slug: stable; also its anchor in the reference.
        question: one sentence.
        judge: from facts to the answer.
        about: why it matters and what the severities mean; the reference's text.
        looks: what must be looked at for it.
        gate: see `Gate`.
    """

    slug: str
    question: str
    judge: Callable[[Facts], Judgement]
    about: str
    looks: frozenset[Look] = frozenset()
    gate: Gate = Gate.NEVER


def ok(check: str, seen: str) -> Finding:
    """All well."""
    return Finding(check, Severity.OK, seen)


def warn(check: str, seen: str, needed: str, hint: str) -> Finding:
    """It works, but not as it should."""
    return Finding(check, Severity.WARN, seen, needed, hint)


def fail(check: str, seen: str, needed: str, hint: str) -> Finding:
    """It does not work, or will not."""
    return Finding(check, Severity.FAIL, seen, needed, hint)


def unknown(check: str, why: Unknown, needed: str, hint: str = "") -> Finding:
    """Nobody could look; the reason's own hint is used when it has one."""
    return Finding(check, Severity.UNKNOWN, why.reason, needed, why.hint or hint)
