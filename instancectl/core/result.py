"""What every operation returns, and the one JSON document it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA = "instancectl/1"
"""Version of the JSON envelope: within it fields are added, never renamed."""


class Status(StrEnum):
    """How an operation ended, for scripts."""

    OK = "ok"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    PLANNED = "planned"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one operation.

    Attributes:
        status: see `Status`.
        data: what `--json` prints under `data`; plain JSON values only.
        lines: the same answer for a person, one string per line, without colour.
        notes: things worth saying that are not the answer (printed to stderr).
        exit_code: 0 unless the answer itself is bad news (4 unhealthy, 9 drift).
    """

    status: Status
    data: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exit_code: int = 0


def envelope(
    command: tuple[str, ...],
    result: Result,
    errors: tuple[Mapping[str, str], ...] = (),
) -> dict[str, Any]:
    """The one JSON document of a command, on success and on failure alike."""
    return {
        "schema": SCHEMA,
        "command": list(command),
        "status": result.status.value,
        "exit_code": result.exit_code,
        "data": dict(result.data),
        "notes": list(result.notes),
        "errors": [dict(error) for error in errors],
    }
