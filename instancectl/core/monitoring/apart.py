"""Where Prometheus, Alertmanager and the agent find each other, once another host does the watching."""

from __future__ import annotations

from instancectl.core.config import InstanceConfig
from instancectl.core.host.settings import WATCH_PORTS
from instancectl.core.sizes import MonitoringPlan


def addressed(config: InstanceConfig, plan: MonitoringPlan | None) -> InstanceConfig:
    """The configuration with the addresses that they have on their hosts."""
    if plan is None or plan.apart is None:
        return config
    return reaching(config, plan.apart.address, plan.apart.home.address)


def reaching(config: InstanceConfig, watcher: str, home: str) -> InstanceConfig:
    """The same, from addresses in the private network.

    Args:
        config: what the admin wrote.
        watcher: of the host with Prometheus and Alertmanager; empty when they are beside the data, and
            `[monitoring]` stands as it was written.
        home: of the host with the data, where the agent runs.
    """
    if not watcher:
        return config
    hosts = {"listen": home, "prometheus_listen": watcher, "alertmanager_listen": watcher}
    addresses = {key: f"{hosts[key]}:{port}" for key, port in WATCH_PORTS.items()}
    return config.model_copy(update={"monitoring": config.monitoring.model_copy(update=addresses)})
