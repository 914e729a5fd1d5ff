"""Findings: a question about the instance and its answer.

A check is a pure judgement from observed values; it never looks at the world itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad a finding is; `unknown` means that nobody could look."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one check.

    Attributes:
        check: the check's slug, stable, also its anchor in the reference.
        severity: see `Severity`.
        seen: what was observed, with units.
        needed: what is needed; empty when the check is fine.
        hint: what to type; empty when the check is fine.
    """

    check: str
    severity: Severity
    seen: str
    needed: str = ""
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values for the JSON document."""
        return {
            "check": self.check,
            "severity": self.severity.value,
            "seen": self.seen,
            "needed": self.needed,
            "hint": self.hint,
        }


_ORDER = (Severity.FAIL, Severity.UNKNOWN, Severity.WARN, Severity.OK)


def verdict(findings: Iterable[Finding]) -> Severity:
    """The worst severity; unknown outranks a warning because nobody looked."""
    seen = {finding.severity for finding in findings}
    return next((severity for severity in _ORDER if severity in seen), Severity.OK)
