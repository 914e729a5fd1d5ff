"""What fires and what is silenced, and changes of it in somebody's name."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.alerting.alertmanager import Active, Silence
from instancectl.core.result import Result


class Silences(Protocol):
    """Methods raise `OperationFailed` when Alertmanager does not say, `Refused` where there is none."""

    def active(self) -> tuple[Active, ...]:
        """What fires."""

    def running(self) -> tuple[Silence, ...]:
        """What is silenced, the first to end first."""

    def silence(self, name: str, seconds: float, why: str) -> Result:
        """Tell nobody about an alert for a while; also raises `Refused` when there is no such alert."""

    def withdraw(self, identifier: str) -> Result:
        """End one silence; it may have ended already."""
