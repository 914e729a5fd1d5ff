"""Our own commands, answered without running any.

command = FakeOwnCommand()
command.answers["tootctl"] = (1, "no database")
command.ran                   # [("tootctl", "settings", …)]
"""

from __future__ import annotations

from collections.abc import Callable


class FakeOwnCommand:
    """See `ports.own_command.OwnCommand`."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.ran: list[tuple[str, ...]] = []
        self.begun: list[tuple[str, ...]] = []
        self.then: Callable[[tuple[str, ...]], None] = lambda _: None

    def run(self, *words: str) -> tuple[int, str]:
        self.ran.append(words)
        self.then(words)
        return self.answers.get(words[0], (0, ""))

    def begin(self, *words: str) -> None:
        self.begun.append(words)
