"""Notices that the settings of a running agent were changed, and takes only those that can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from instancectl.core.monitoring.catalogue_stores import SETTINGS_REFUSED
from instancectl.core.monitoring.metric import Sample
from instancectl.errors import InstanceError
from instancectl.ports.reporter import Reporter

EVERY_LOOKS: Final = 5
"""Files are read at every fifth look, which is every five seconds."""


class Settings:
    """The files an agent was started with, as they are now.

    Attributes:
        refused: why the files as they are now are not used; empty when they are.
    """

    def __init__(
        self, fingerprint: Callable[[], str], load: Callable[[], object], reporter: Reporter
    ) -> None:
        """What the files say now is what the agent uses.

        Args:
            fingerprint: of all files together.
            load: reads and understands them; raises an `InstanceError` that says what is wrong.
            reporter: is told once for each new content.
        """
        self._fingerprint, self._load, self._reporter = fingerprint, load, reporter
        self._used = self._judged = self._seen = fingerprint()
        self._looks = 0
        self.refused = ""

    def changed(self) -> bool:
        """Whether there are other settings that can be used; wrong ones are told and left alone."""
        self._looks += 1
        if self._looks % EVERY_LOOKS:
            return False
        before, self._seen = self._seen, self._fingerprint()
        # Twice the same: nobody is in the middle of writing them.
        if self._seen != before or self._seen == self._judged:
            return False
        self._judged = self._seen
        if self._seen == self._used:
            self.refused = ""
            self._reporter.note("the settings are again those in use")
            return False
        return self._usable()

    def samples(self) -> Iterator[Sample]:
        """Whether the files are other than what is used."""
        yield Sample(SETTINGS_REFUSED, float(bool(self.refused)))

    def _usable(self) -> bool:
        try:
            self._load()
        except InstanceError as error:
            self.refused = error.message
            self._reporter.note(f"the settings were changed and are not used: {error.message}; {error.hint}")
            return False
        self._reporter.note("the settings were changed: the agent starts anew with them")
        return True
