"""The dashboard on a terminal of any width, without colour too: first what is wrong, then the figures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from instancectl.core.monitoring.overview import ALERTS, Cell, Figure, Section, State, Table, moment_seconds

Line = tuple[tuple[str, State], ...]
"""Pieces of text, each with how good it is."""

NARROWEST = 20
MARKS: Mapping[State, str] = {State.GOOD: "ok", State.WARN: "LOOK", State.BAD: "BAD", State.UNKNOWN: "?"}
PAGES = ("now", "queues", "mail", "data", "backups", "scaling")
ALERT_COLUMNS = ("Alert", "Who", "Since", "What")
WANTED: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "now": (("Surfaces", ("Surface", "Now", "Uptime, 30 d", "Measured", "Budget left", "Why")),),
    "queues": (
        ("Queues", ("Queue", "Size", "Latency", "May wait", "Processes", "Threads", "Busy", "Longest run")),
    ),
}
"""Page → tables and their columns, the most important ones first; the rest is in the browser."""


def screen(
    domain: str, sections: Iterable[Section], width: int = 0, read_at: float | None = None
) -> tuple[Line, ...]:
    """All lines: a sentence for each page and what fires, then the figures behind them.

    Args:
        domain: of the instance.
        sections: the pages.
        width: columns that a line may have; 0 for as many as it needs.
        read_at: seconds since 1970; None when nothing was read yet.
    """
    wide = max(width, NARROWEST) if width else 0
    found = {one.slug: one for one in sections}
    shown = [found[slug] for slug in PAGES if slug in found]
    lines: list[Line] = []
    for one in shown:
        lines += _headline(one, domain if one.slug == "now" else one.title, wide)
        if one.slug == "now":
            lines += _wrapped(f"read {moment_seconds(read_at)}" if read_at else "nothing was read yet", wide)
            lines += _alerts(one, wide)
    for one in shown:
        details = [*_tables(one, WANTED.get(one.slug, ()), wide), *_figures(one.figures, wide)]
        if details:
            lines += [(), ((f"{one.title}:", State.PLAIN),), *details]
    return tuple(lines)


def _alerts(one: Section, wide: int) -> Iterator[Line]:
    yield from _tables(one, ((ALERTS, ALERT_COLUMNS),), wide)
    named = next((row[0].text for table in one.tables if table.title == ALERTS for row in table.rows), "")
    yield from _wrapped(f"`instancectl runbook {named}`" if named else "", wide)


def _headline(one: Section, title: str, wide: int) -> Iterator[Line]:
    mark = MARKS.get(one.state, "")
    head = f"{title.upper()}  {mark}  " if mark else f"{title.upper()}  "
    first, *rest = _cut(head + one.sentence, wide, "", "  ")
    if mark and first.startswith(head):
        yield ((title.upper(), State.PLAIN), ("  ", State.PLAIN), (mark, one.state),
               (f"  {first.removeprefix(head)}", State.PLAIN))  # fmt: skip
    else:
        yield ((first, one.state),)
    yield from (((line, State.PLAIN),) for line in rest)


def _figures(figures: tuple[Figure, ...], wide: int) -> Iterator[Line]:
    label_width = max((len(one.label) for one in figures), default=0)
    value_width = max((len(_marked(one.cell)) for one in figures), default=0)
    beside = 2 + label_width + 2 + value_width + 2
    for one in figures:
        head = (f"  {one.label.ljust(label_width)}  ", State.PLAIN)
        if one.note and wide and beside + len(one.note) > wide:
            yield head, (_marked(one.cell), one.cell.state)
            yield from _wrapped(one.note, wide, 4)
        else:
            note = f"  {one.note}".rstrip()
            value = _marked(one.cell).ljust(value_width if note else 0)
            yield head, (value, one.cell.state), (note, State.PLAIN)


def _tables(one: Section, wanted: Iterable[tuple[str, tuple[str, ...]]], wide: int) -> Iterator[Line]:
    for name, columns in wanted:
        for table in one.tables:
            if table.title == name:
                yield from _table(table, columns, wide)


def _table(table: Table, columns: tuple[str, ...], wide: int) -> Iterator[Line]:
    if not table.rows:
        yield from _wrapped(f"{table.title}: {table.empty}", wide)
        return
    places = [table.columns.index(column) for column in columns if column in table.columns]
    rows = [[Cell(table.columns[place]) for place in places]]
    rows += [[row[place] for place in places] for row in table.rows]
    widths = [max(len(_marked(row[at])) for row in rows) for at in range(len(places))]
    fit = _fitting(widths, wide)
    # The last column says why; it is never dropped, but may go below its row.
    below = len(places) - 1 if fit < len(places) and table.columns[places[-1]] in {"What", "Why"} else None
    for row in rows:
        yield (("  ", State.PLAIN), *_padded(row[:fit], widths))
        if below is not None and row is not rows[0]:
            yield from _wrapped(row[below].text, wide, 4)


def _fitting(widths: list[int], wide: int) -> int:
    """How many columns fit; one at least."""
    fit = len(widths)
    while wide and fit > 1 and 2 * fit + sum(widths[:fit]) > wide:
        fit -= 1
    return fit


def _padded(row: list[Cell], widths: list[int]) -> Iterator[tuple[str, State]]:
    for at, cell in enumerate(row):
        last = at == len(row) - 1
        yield (_marked(cell) if last else _marked(cell).ljust(widths[at] + 2)), cell.state


def _wrapped(text: str, wide: int, indent: int = 2) -> Iterator[Line]:
    space = " " * indent
    yield from (((line, State.PLAIN),) for line in _cut(text, wide, space, space) if text)


def _cut(text: str, wide: int, first: str, then: str) -> list[str]:
    if not wide:
        return [first + text]
    return textwrap.wrap(
        text, wide, initial_indent=first, subsequent_indent=then, drop_whitespace=True,
        replace_whitespace=False, break_on_hyphens=False,
    ) or [first]  # fmt: skip


def _marked(cell: Cell) -> str:
    """Without colour a bad value would look like a good one."""
    return f"{cell.text} !" if cell.state in {State.BAD, State.WARN} else cell.text
