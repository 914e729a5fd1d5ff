"""A screen of lines that is drawn anew in place, and leaves the terminal as it was."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from instancectl.core.monitoring.overview import State
from instancectl.core.monitoring.overview_text import Line

STYLES = {State.GOOD: "green", State.WARN: "yellow", State.BAD: "bold red", State.UNKNOWN: "dim"}


class TerminalScreen:
    """Takes the whole terminal while it is open."""

    def __init__(self, *, color: bool, console: Console | None = None) -> None:
        """Nothing is drawn yet."""
        self._console = console or Console(no_color=not color, highlight=False)
        self._live = Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._live.stop()

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks."""
        return self._console.is_terminal

    @property
    def width(self) -> int:
        """Columns, as of now."""
        return self._console.width

    def draw(self, lines: tuple[Line, ...]) -> None:
        """Show these lines instead of the last ones; what does not fit is cut off, and said to be."""
        room = max(1, self._console.height)
        if len(lines) > room:
            left = len(lines) - room + 1
            lines = (*lines[: room - 1], ((f"… {left} more lines: `instancectl top --once`", State.PLAIN),))
        text = Text("\n").join(_styled(line) for line in lines)
        text.no_wrap = True
        text.overflow = "ellipsis"
        self._live.update(text, refresh=True)


def _styled(line: Line) -> Text:
    return Text.assemble(*((text, STYLES.get(state, "")) for text, state in line))
