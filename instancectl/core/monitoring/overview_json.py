"""The dashboard's pages as one JSON document, for `top` and for scripts, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from instancectl.core.monitoring.overview import Cell, Facts, Figure, Section, State, Table


def as_json(facts: Facts, sections: Iterable[Section]) -> dict[str, Any]:
    """Plain values; the bars of days are in `instancectl uptime --json`."""
    return {
        "domain": facts.domain,
        "at": facts.now,
        "read_at": facts.read_at,
        "sections": [
            {
                "slug": one.slug,
                "title": one.title,
                "sentence": one.sentence,
                "state": one.state.value,
                "figures": [{"label": it.label, "note": it.note, **_cell(it.cell)} for it in one.figures],
                "tables": [
                    {
                        "title": table.title,
                        "columns": list(table.columns),
                        "rows": [[_cell(cell) for cell in row] for row in table.rows],
                        "empty": table.empty,
                    }
                    for table in one.tables
                ],
            }
            for one in sections
        ],
    }  # fmt: skip


def sections_of(document: Mapping[str, Any]) -> tuple[Section, ...]:
    """The pages out of what `as_json` made."""
    return tuple(
        Section(
            one["slug"],
            one["title"],
            one["sentence"],
            State(one["state"]),
            tuple(Figure(figure["label"], _back(figure), figure["note"]) for figure in one["figures"]),
            tuple(_table(table) for table in one["tables"]),
        )
        for one in document["sections"]
    )


def _table(table: Mapping[str, Any]) -> Table:
    rows = tuple(tuple(_back(cell) for cell in row) for row in table["rows"])
    return Table(table["title"], tuple(table["columns"]), rows, table["empty"])


def _cell(cell: Cell) -> dict[str, Any]:
    found: dict[str, Any] = {"text": cell.text}
    if cell.state:
        found["state"] = cell.state.value
    if cell.metric:
        found |= {"metric": cell.metric, "labels": list(cell.labels), "value": cell.value}
    if cell.runbook:
        found["runbook"] = cell.runbook
    if cell.link:
        found["link"] = cell.link
    return found


def _back(found: Mapping[str, Any]) -> Cell:
    return Cell(
        found["text"],
        State(found.get("state", "")),
        found.get("metric", ""),
        tuple(found.get("labels", ())),
        found.get("value"),
        found.get("runbook", ""),
        found.get("link", ""),
    )
