"""What work costs in the simulation: as measured, and the heavier guess for a slow, oversold host.

Seconds of a job are split into processor time of the Ruby process, time PostgreSQL works for it, and
waiting for somebody else. Memory is in GB of 10⁹ bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Work:
    """One job or request: mean seconds, their coefficient of variation, shares of processor and database."""

    seconds: float
    variation: float
    processor: float
    database: float

    @property
    def processor_seconds(self) -> float:
        """Of the Ruby process, under its interpreter lock."""
        return self.seconds * self.processor

    @property
    def database_seconds(self) -> float:
        """That PostgreSQL works."""
        return self.seconds * self.database

    @property
    def waiting_seconds(self) -> float:
        """For other servers."""
        return self.seconds * (1 - self.processor - self.database)


@dataclass(frozen=True, slots=True)
class Costs:
    """Everything a host is asked to do.

    Attributes:
        name: for tables.
        jobs: by queue.
        request: one web request that reaches Puma.
        boot_seconds: shortest and longest start of a Sidekiq process or a `web` replica.
        boot_processor: processor seconds that a start burns.
        in_place_seconds: until a Puma process that is added in place answers.
        fresh_gb, grown_gb: memory of a Sidekiq process when started, and after ten thousands of jobs.
        web_gb, web_process_gb: memory of Puma's master and of each process.
        slow_queries: active queries above which PostgreSQL slows down, per core.
    """

    name: str
    jobs: Mapping[str, Work]
    request: Work
    boot_seconds: tuple[float, float]
    boot_processor: float
    in_place_seconds: float
    fresh_gb: float
    grown_gb: float
    web_gb: float
    web_process_gb: float
    slow_queries: float


MEASURED: Final = Costs(
    name="measured",
    jobs={
        "default": Work(0.015, 2.0, 0.80, 0.12),
        "push": Work(0.30, 1.8, 0.033, 0.01),
        "ingress": Work(0.060, 1.5, 0.60, 0.15),
        "mailers": Work(0.40, 0.8, 0.10, 0.02),
        "pull": Work(1.2, 2.0, 0.05, 0.02),
    },
    request=Work(0.055, 1.0, 0.65, 0.10),
    boot_seconds=(7.0, 14.0),
    boot_processor=6.0,
    in_place_seconds=3.0,
    fresh_gb=0.30,
    grown_gb=0.40,
    web_gb=0.16,
    web_process_gb=0.20,
    slow_queries=4.0,
)
"""Mastodon 4.6.3 on 2 cores; the waits on SMTP and other servers are assumptions."""

HEAVY: Final = Costs(
    name="heavy",
    jobs={
        "default": Work(0.12, 1.5, 0.55, 0.35),
        "push": Work(0.45, 1.8, 0.22, 0.05),
        "ingress": Work(0.25, 1.5, 0.60, 0.30),
        "mailers": Work(0.60, 0.8, 0.15, 0.05),
        "pull": Work(1.50, 2.0, 0.20, 0.10),
    },
    request=Work(0.06, 1.0, 0.55, 0.15),
    boot_seconds=(26.0, 40.0),
    boot_processor=18.0,
    in_place_seconds=3.0,
    fresh_gb=0.42,
    grown_gb=0.75,
    web_gb=0.16,
    web_process_gb=0.25,
    slow_queries=3.5,
)
"""Guesses of before anything was measured, 5 to 12 times too heavy: kept as the robustness case."""

COSTS: Final = {"measured": MEASURED, "heavy": HEAVY}
