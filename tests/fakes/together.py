"""One look after the other; those named hang.

together = OneByOne()
together.hanging.add("names")     # never comes back
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from instancectl.core.unknown import Unknown
from instancectl.errors import InstanceError

T = TypeVar("T")


class OneByOne:
    """See `ports.together.Together`."""

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.ran: list[str] = []

    def run(self, looks: Mapping[str, Callable[[], T]], timeout_seconds: float) -> Mapping[str, T | Unknown]:
        return {name: self._one(name, look, timeout_seconds) for name, look in looks.items()}

    def _one(self, name: str, look: Callable[[], T], timeout_seconds: float) -> T | Unknown:
        self.ran.append(name)
        if name in self.hanging:
            return Unknown(f"no answer within {timeout_seconds:.0f} s")
        try:
            return look()
        except InstanceError as error:
            return Unknown(error.message, error.hint)
        except Exception as error:  # noqa: BLE001 - part of the port
            return Unknown(
                f"looking at {name} ended in an unexpected error ({type(error).__name__}: {error})"
            )
