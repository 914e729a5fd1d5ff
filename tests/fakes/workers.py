"""Containers whose processor time and Puma are set by hand.

workers = FakeWorkers()
workers.pumas["web1…"] = Puma(2, 0, 0)
workers.used["spush1…"] = 12.0       # seconds of processor time
"""

from __future__ import annotations

from dataclasses import replace

from instancectl.errors import Unreachable
from instancectl.ports.workers import Puma


class FakeWorkers:
    """See `ports.workers.Workers`."""

    def __init__(self) -> None:
        self.used: dict[str, float] = {}
        self.pumas: dict[str, Puma] = {}
        self.host = (10.0, 100.0)

    def processor_seconds(self, container_id: str) -> float | None:
        return self.used.get(container_id, 0.0)

    def processor(self) -> tuple[float, float]:
        return self.host

    def puma(self, container_id: str) -> Puma | None:
        return self.pumas.get(container_id)

    def change_puma(self, container_id: str, by: int) -> None:
        puma = self.pumas.get(container_id)
        if puma is None:
            raise Unreachable("no Puma runs in this container", subject="web")
        self.pumas[container_id] = replace(puma, processes=puma.processes + by)
