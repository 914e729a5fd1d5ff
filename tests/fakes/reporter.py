"""Remembers what the person was told.

reporter = FakeReporter()
executor.apply(plan, handlers, …, reporter=reporter)
assert reporter.done == ["create the network edge", …]
"""

from __future__ import annotations


class FakeReporter:
    """See `ports.reporter.Reporter`."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.done: list[str] = []
        self.said: list[str] = []
        self.failed: list[str] = []
        self.notes: list[str] = []

    def step_started(self, number: int, total: int, summary: str) -> None:
        assert 1 <= number <= total
        self.started.append(summary)

    def step_done(self, summary: str, said: str, seconds: float) -> None:
        self.done.append(summary)
        if said:
            self.said.append(said)

    def step_failed(self, summary: str) -> None:
        self.failed.append(summary)

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def everything(self) -> str:
        """All of it, to search for what must not be there."""
        return "\n".join((*self.started, *self.done, *self.said, *self.failed, *self.notes))
