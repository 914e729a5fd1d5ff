"""Metrics that Mastodon's own processes export, and under which names Prometheus keeps them apart from ours.

Streaming always serves them at its port. Sidekiq does with `MASTODON_PROMETHEUS_EXPORTER_ENABLED` and
`_LOCAL` (4.4 and later). Neither prefixes its names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.sight import Replica, Sight
from instancectl.core.probes import STREAMING_PORT

PREFIX: Final = "/relay/"
TARGETS: Final = "/targets/"
EXPORTER_PORT: Final = 9394
NETWORK: Final = "edge"
"""Of the stack: every vantage is in it (see `surfaces.VANTAGES`)."""
_ENV: Final = "MASTODON_PROMETHEUS_EXPORTER_"


@dataclass(frozen=True, slots=True)
class Relayed:
    """One job of Prometheus.

    Attributes:
        job: its name.
        names: what the names of its metrics begin with.
        services: whose replicas are asked; a name stands for all that begin with it.
        port: of each replica.
    """

    job: str
    names: str
    services: str
    port: int

    def has(self, service: str) -> bool:
        """Whether a service's replicas belong to this job."""
        return service == self.services or service.startswith(f"{self.services}-")


def relayed(config: InstanceConfig) -> tuple[Relayed, ...]:
    """The jobs of an instance."""
    env = config.mastodon.env
    jobs = [Relayed("mastodon-streaming", "mastodon_streaming_", "streaming", STREAMING_PORT)]
    if env.get(f"{_ENV}ENABLED") == "true" and env.get(f"{_ENV}LOCAL") == "true":
        port = env.get(f"{_ENV}PORT", "")
        number = int(port) if port.isdigit() else EXPORTER_PORT
        jobs.append(Relayed("mastodon-sidekiq", "mastodon_", "sidekiq", number))
    return tuple(jobs)


def targets(job: Relayed, sight: Sight, agent: str) -> list[dict[str, Any]]:
    """What Prometheus asks, in the form of its HTTP discovery: the agent, once for every replica."""
    return [
        {
            "targets": [agent],
            "labels": {
                "__metrics_path__": f"{PREFIX}{one.service}/{one.slot}",
                "instance": one.name,
                "service": one.service,
            },
        }
        for one in _replicas(job, sight)
    ]


def asked(jobs: tuple[Relayed, ...], sight: Sight, path: str) -> str:
    """Where a path of the relay leads to; empty when no replica is behind it."""
    for job in jobs:
        for one in _replicas(job, sight):
            if path == f"{PREFIX}{one.service}/{one.slot}":
                address = one.addresses[NETWORK]
                host = f"[{address}]" if ":" in address else address
                return f"http://{host}:{job.port}/metrics"
    return ""


def _replicas(job: Relayed, sight: Sight) -> Iterator[Replica]:
    return (one for one in sight.replicas if job.has(one.service) and NETWORK in one.addresses)
