"""What works inside the containers of this host, closer than the Engine shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Puma:
    """One container's Puma.

    Attributes:
        processes: that answer requests.
        connections: open to its port; the edge opens one for each request.
        waiting: of those, the ones that no thread has taken yet.
    """

    processes: int
    connections: int
    waiting: int


class Workers(Protocol):
    """None where a container is not on this host, or gone."""

    def processor_seconds(self, container_id: str) -> float | None:
        """Seconds of processor time that everything in it has used."""

    def processor(self) -> tuple[float, float]:
        """Seconds of all cores of this host since it started: busy ones, and all of them."""

    def puma(self, container_id: str) -> Puma | None:
        """Its Puma, as it is at this moment."""

    def change_puma(self, container_id: str, by: int) -> None:
        """Have it start (`by` > 0) or stop (`by` < 0) so many processes; requests under way end first.

        Raises:
            Unreachable: there is no Puma in it.
        """
