"""What the files of Prometheus and Alertmanager are rendered from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alert import Alert, duration
from instancectl.core.monitoring.alerts import groups, inhibitions
from instancectl.core.monitoring.alerts_agent import JOB
from instancectl.core.monitoring.recordings import Recording, recordings, slow_recordings
from instancectl.core.monitoring.relayed import TARGETS, relayed
from instancectl.core.monitoring.surfaces import slis_of

Fill = Callable[[str, Mapping[str, object]], str]
"""(template, values) → text."""

RULES_FILE: Final = "/etc/prometheus/rules.yml"
PROMETHEUS_FILE: Final = "/etc/prometheus/prometheus.yml"
ALERTMANAGER_FILE: Final = "/etc/alertmanager/alertmanager.yml"

_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what such an address is reached by


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other; `interval` is empty for that of all scrapes."""

    name: str
    interval: str = ""
    recordings: tuple[Recording, ...] = ()
    alerts: tuple[Alert, ...] = ()


def rule_groups(config: InstanceConfig) -> tuple[Group, ...]:
    """Every group of an instance; what is recorded comes first."""
    return (
        Group("slo", recordings=recordings(slis_of(config), config.monitoring.objectives.shares)),
        Group("slo-30d", interval="5m", recordings=slow_recordings()),
        *(Group(name, alerts=alerts) for name, alerts in groups(config).items()),
    )


def reached(listen: str) -> str:
    """Where something that listens at `listen` is reached from the host itself."""
    host, _, port = listen.rpartition(":")
    return f"{_ANYWHERE.get(host, host)}:{port}"


def rules_text(config: InstanceConfig, fill: Fill) -> str:
    """The rule file."""
    return fill("monitoring/rules.yml.j2", {"groups": rule_groups(config), "duration": duration})


def prometheus_files(config: InstanceConfig, fill: Fill) -> dict[str, str]:
    """Path in the container → content."""
    wanted = config.monitoring
    jobs = (
        (JOB, reached(wanted.listen)),
        ("prometheus", reached(wanted.prometheus_listen)),
        ("alertmanager", reached(wanted.alertmanager_listen)),
    )
    values = {
        "agent": reached(wanted.listen),
        "alertmanager": reached(wanted.alertmanager_listen),
        "jobs": jobs,
        "relayed": relayed(config),
        "site": config.site,
        "targets": TARGETS,
    }
    return {
        PROMETHEUS_FILE: fill("monitoring/prometheus.yml.j2", values),
        RULES_FILE: rules_text(config, fill),
    }


def alertmanager_files(config: InstanceConfig, fill: Fill) -> dict[str, str]:
    """Path in the container → content."""
    values = {
        "agent": reached(config.monitoring.listen),
        "inhibitions": tuple(inhibitions(config)),
        "repeat_hours": config.alerts.repeat_hours,
    }
    return {ALERTMANAGER_FILE: fill("monitoring/alertmanager.yml.j2", values)}
