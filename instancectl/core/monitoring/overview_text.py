"""The dashboard on one screen of a terminal: 80 columns, readable without colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from instancectl.core.monitoring.overview import Cell, Figure, Section, State, Table

Line = tuple[tuple[str, State], ...]
"""Pieces of text, each with how good it is."""

WIDTH = 80
MARKS: Mapping[State, str] = {State.GOOD: "ok", State.WARN: "LOOK", State.BAD: "BAD", State.UNKNOWN: "?"}
WANTED: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "now": (
        ("Alerts", ("Alert", "Who", "Since", "What")),
        ("Surfaces", ("Surface", "Now", "Uptime, 30 d", "Measured", "Budget left", "Why")),
    ),
    "queues": (
        ("Queues", ("Queue", "Size", "Latency", "May wait", "Processes", "Threads", "Busy", "Longest run")),
    ),
}
"""Page → tables and columns that fit; the rest is in the browser."""


def screen(domain: str, sections: Iterable[Section]) -> tuple[Line, ...]:
    """All lines."""
    found = {one.slug: one for one in sections}
    lines: list[Line] = []
    for slug in ("now", "queues", "mail", "data", "backups", "scaling"):
        if slug in found:
            title = domain if slug == "now" else found[slug].title
            lines += [*_section(found[slug], title), ()]
    return tuple(lines[:-1])


def _section(one: Section, title: str) -> Iterator[Line]:
    mark = MARKS.get(one.state, "")
    yield ((title.upper(), State.PLAIN), ("  " if mark else "", State.PLAIN), (mark, one.state),
           (f"  {one.sentence}", State.PLAIN))  # fmt: skip
    if one.slug != "mail":
        yield from _figures(one.figures)
    for name, columns in WANTED.get(one.slug, ()):
        yield from (line for table in one.tables if table.title == name for line in _table(table, columns))


def _figures(figures: tuple[Figure, ...]) -> Iterator[Line]:
    label_width = max((len(one.label) for one in figures), default=0)
    value_width = max((len(_marked(one.cell)) for one in figures), default=0)
    for one in figures:
        value = _marked(one.cell).ljust(value_width)
        yield ((f"  {one.label.ljust(label_width)}  ", State.PLAIN), (value, one.cell.state),
               (f"  {one.note}".rstrip(), State.PLAIN))  # fmt: skip


def _table(table: Table, columns: tuple[str, ...]) -> Iterator[Line]:
    yield ()
    if not table.rows:
        yield ((f"  {table.title}: {table.empty}", State.PLAIN),)
        return
    places = [table.columns.index(column) for column in columns if column in table.columns]
    rows = [[row[place] for place in places] for row in table.rows]
    heads = [Cell(table.columns[place]) for place in places]
    widths = [max(len(_marked(row[at])) for row in [heads, *rows]) for at in range(len(places))]
    for row in [heads, *rows]:
        yield (("  ", State.PLAIN), *_padded(row, widths))


def _padded(row: list[Cell], widths: list[int]) -> Iterator[tuple[str, State]]:
    for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
        last = at == len(row) - 1
        yield (_marked(cell) if last else _marked(cell).ljust(width + 2)), cell.state


def _marked(cell: Cell) -> str:
    """Without colour a bad value would look like a good one."""
    return f"{cell.text} !" if cell.state in {State.BAD, State.WARN} else cell.text
