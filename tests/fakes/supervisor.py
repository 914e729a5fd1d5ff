"""A supervisor that asks to stop after so many waits.

supervisor = FakeSupervisor(waits=3)
supervisor.told                     # every sentence
"""

from __future__ import annotations


class FakeSupervisor:
    """See `ports.supervisor.Supervisor`."""

    def __init__(self, waits: int = 1) -> None:
        self.left = waits
        self.told: list[str] = []
        self.is_ready = False

    def ready(self) -> None:
        self.is_ready = True

    def tell(self, sentence: str) -> None:
        self.told.append(sentence)

    def wait(self, seconds: float) -> bool:
        self.left -= 1
        return self.left < 0
