"""Which checks there are, which of them stop a deploy, and the reference page of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from instancectl.core.check import Finding, Severity
from instancectl.core.checks.catalogue import REGISTRY
from instancectl.core.checks.facts import Facts, Look
from instancectl.core.checks.model import Check, Gate, Judgement, Skipped

SLUGS = tuple(check.slug for check in REGISTRY)

GATES: dict[Gate, frozenset[str]] = {
    gate: frozenset(check.slug for check in REGISTRY if check.gate & gate)
    for gate in (Gate.FIRST, Gate.CHANGED)
}
"""Slugs whose `fail` stops a deploy before anything is touched."""


HEALTH = frozenset({
    "services", "postgresql", "redis", "web", "federation", "api", "streaming", "sidekiq", "queues",
    "scheduler", "edge",
})  # fmt: skip
"""What a person would notice: a deploy verifies these, `status` shows them."""

RISKS = ("dns", "smtp", "owner-mail", "s3", "memory", "disk")
"""Checks whose `fail` an admin may know better about, and accept by name for one deploy."""


def chosen(slugs: Iterable[str]) -> tuple[Check, ...]:
    """The checks of these slugs in the registry's order; all without any."""
    wanted = frozenset(slugs)
    return tuple(check for check in REGISTRY if not wanted or check.slug in wanted)


def looks(checks: Iterable[Check]) -> frozenset[Look]:
    """Everything these checks need to have looked at."""
    return frozenset(look for check in checks for look in check.looks)


def judge(checks: Iterable[Check], facts: Facts) -> tuple[Judgement, ...]:
    """The answers, in order."""
    return tuple(check.judge(facts) for check in checks)


def findings(judgements: Iterable[Judgement], accepted: Iterable[str] = ()) -> tuple[Finding, ...]:
    """The findings among the answers; a `fail` that the admin accepted becomes a `warn` and says so."""
    allowed = frozenset(accepted)
    found = (one for one in judgements if isinstance(one, Finding))
    return tuple(_accepted(one) if one.check in allowed else one for one in found)


def skipped(judgements: Iterable[Judgement]) -> tuple[Skipped, ...]:
    """The checks that do not apply."""
    return tuple(one for one in judgements if isinstance(one, Skipped))


def _accepted(finding: Finding) -> Finding:
    if finding.severity is not Severity.FAIL:
        return finding
    return replace(finding, severity=Severity.WARN, seen=f"{finding.seen} (accepted)")


_GATE_TEXT = {
    Gate.NEVER: "no",
    Gate.FIRST: "the first one",
    Gate.CHANGED: "later ones",
    Gate.ALWAYS: "every one that changes something",
}


def reference_markdown() -> str:
    """The reference page of all checks."""
    parts = [
        "# Checks",
        "",
        "What `instancectl check` asks, in its order.",
        "Each answer is a finding: `ok`, `warn`, `fail`, or `unknown` when nobody could look.",
        "The exit code is 4 when any finding is `fail`.",
        "",
        "| Check | Question | A `fail` stops a deploy |",
        "|---|---|---|",
    ]
    parts += [
        f"| [`{one.slug}`](#{one.slug}) | {one.question} | {_GATE_TEXT[one.gate]} |" for one in REGISTRY
    ]
    for one in REGISTRY:
        parts += ["", *_section(one)]
    return "\n".join(parts) + "\n"


def _section(check: Check) -> tuple[str, ...]:
    sentences = check.about.replace(". ", ".\n").split("\n")
    return (f"## {check.slug}", "", check.question, "", *sentences)
