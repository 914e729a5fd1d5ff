"""The dashboard on a terminal: nothing is cut off at any width, and what is wrong stands first."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from instancectl.adapters.terminal_screen import TerminalScreen
from instancectl.core.monitoring.overview import Cell, Figure, Section, State, Table
from instancectl.core.monitoring.overview_text import Line, screen

WHY = "the mail server failed at auth: 535 5.7.8 Authentication credentials invalid"
NOW = Section(
    "now", "Now", f"people get in, but: {WHY}", State.WARN,
    (Figure("Error budget left", Cell("-480 %", State.BAD), "1 h 15 min bad, 12 min 56 s are allowed"),),
    (
        Table("Alerts", ("Alert", "Who", "What", "Since", "Silence"), ((
            Cell("MailServerDown", State.BAD), Cell("page"), Cell(WHY), Cell("2026-11-22 01:13 UTC"),
            Cell("silence it"),
        ),)),
        Table("Surfaces", ("Surface", "Now", "Uptime, 30 d", "Why"), (
            (Cell("mail"), Cell("bad", State.BAD), Cell("99.408 %"), Cell(WHY)),
        )),
    ),
)  # fmt: skip
QUEUES = Section(
    "queues", "Queues", "jobs wait longer than they may; `instancectl runbook QueueLatencyHigh`", State.WARN,
    tables=(Table("Queues", ("Queue", "Size", "Latency", "May wait", "Threads", "Longest run"), (
        (Cell("push"), Cell("4 000"), Cell("5 h 13 min", State.BAD), Cell("5 min"), Cell("25"), Cell("0 s")),
    )),),
)  # fmt: skip
SHOWN = ("5 h 13 min !", "MailServerDown !", "-480 % !", "12 min 56 s are allowed")


def plain(lines: tuple[Line, ...]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_nothing_that_matters_is_lost(width: int) -> None:
    lines = plain(screen("social.example", (NOW, QUEUES), width, 1_795_326_300.0))
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    for one in (
        *SHOWN,
        "`instancectl runbook QueueLatencyHigh`",
        "`instancectl runbook MailServerDown`",
        "read 2026-11-22 05:45:00 UTC",
    ):
        assert one in words, one
    assert words.count(WHY) == 3


def test_what_is_wrong_on_any_page_stands_before_the_first_figure() -> None:
    lines = plain(screen("social.example", (NOW, QUEUES), 80))
    first = [line.split("  ")[0] for line in lines if not line.startswith("  ")]
    assert first == ["SOCIAL.EXAMPLE", "QUEUES", "", "Now:", "", "Queues:"]
    assert next(at for at, line in enumerate(lines) if "MailServerDown" in line) < lines.index("Now:")


def test_piped_a_sentence_stays_on_one_line() -> None:
    lines = plain(screen("social.example", (NOW, QUEUES)))
    assert lines[0] == f"SOCIAL.EXAMPLE  LOOK  people get in, but: {WHY}"


def test_a_screen_that_is_too_low_says_how_much_is_left() -> None:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=80, height=6, no_color=True, _environ={"TERM": "xterm"}
    )
    made = TerminalScreen(color=False, console=console)
    assert made.width == 80
    lines = screen("social.example", (NOW, QUEUES), 80)
    with made:
        made.draw(lines)
    assert f"… {len(lines) - 5} more lines: `instancectl top --once`" in out.getvalue()
