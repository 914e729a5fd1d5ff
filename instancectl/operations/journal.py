"""Shows who did what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instancectl.core.result import Result, Status
from instancectl.ports.journal import Journal

_SHOWN = frozenset({"at", "who", "pid", "command", "event", "step", "number", "of"})


def show(journal: Journal, last: int) -> Result:
    """The last entries, oldest first."""
    entries = list(journal.entries(last))
    lines = tuple(_line(entry) for entry in entries) or ("nothing was done yet",)
    return Result(Status.OK, {"entries": [dict(entry) for entry in entries]}, lines)


def _line(entry: Mapping[str, Any]) -> str:
    at = str(entry.get("at", ""))[:19].replace("T", " ")
    number = f" {entry['number']}/{entry['of']}" if "number" in entry else ""
    rest = ", ".join(
        _fact(key, value) for key, value in entry.items() if key not in _SHOWN and not isinstance(value, list)
    )
    return f"{at}  {entry.get('who', '')}  {entry.get('event', '')}{number}" + (f": {rest}" if rest else "")


def _fact(key: str, value: object) -> str:
    return str(value) if key in {"summary", "error", "why"} else f"{key} {value}"
