"""The loop beside an agent: it starts again whatever ended it, and waits while another one works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from instancectl.core.monitoring.metric import Sample
from instancectl.core.scaling.settings import TICK_SECONDS
from instancectl.errors import InstanceError
from instancectl.operations.scaling.loop import Loop
from instancectl.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Beside:
    """What the loop needs of an agent: a thread, a clock, somebody to tell."""

    background: Callable[[Callable[[], None]], None]
    clock: Clock
    tell: Callable[[str], None]


class Resident:
    """The loop beside an agent: it starts again whatever ended it, and waits while another one works."""

    def __init__(self, make: Callable[[], Loop], around: Beside) -> None:
        """`make` reads the configuration; it may raise, and is asked again."""
        self._make, self._around = make, around
        self._over = False
        self._loop: Loop | None = None

    def start(self) -> None:
        """Work in the background."""
        self._around.background(self._for_ever)

    def close(self) -> None:
        """Begin nothing more."""
        self._over = True

    def readings(self) -> Iterator[Sample]:
        """Metrics; none before the first tick."""
        if self._loop is not None:
            yield from self._loop.readings()

    def _for_ever(self) -> None:
        said = ""
        while not self._over:
            try:
                self._loop = self._make()
                self._loop.run(self._wait, alone=self._loop.acts)
            except InstanceError as error:
                words = error.message
            except Exception as error:  # noqa: BLE001 - the agent goes on probing, and says what happened
                words = f"scaling broke: {type(error).__name__}: {error}; this is a bug: report it"
            else:
                return
            if words != said:
                self._around.tell(f"scaling waits: {words}")
            said = words
            self._wait(TICK_SECONDS)

    def _wait(self, seconds: float) -> bool:
        self._around.clock.sleep(seconds)
        return self._over
