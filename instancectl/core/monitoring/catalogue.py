"""Every metric that instancectl exports, and the reference page made of them."""

from __future__ import annotations

from instancectl.core.backup.figures import BACKUP_METRICS
from instancectl.core.backup.wal_figures import WAL_METRICS
from instancectl.core.monitoring.catalogue_alerting import ALERTING_METRICS
from instancectl.core.monitoring.catalogue_probes import PROBE_METRICS
from instancectl.core.monitoring.catalogue_scaling import SCALING_METRICS
from instancectl.core.monitoring.catalogue_sidekiq import SIDEKIQ_METRICS
from instancectl.core.monitoring.catalogue_stores import (
    AGENT_METRICS,
    HOST_METRICS,
    PEOPLE_METRICS,
    STORE_METRICS,
)
from instancectl.core.monitoring.metric import Metric

SECTIONS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    ("Probes and uptime", PROBE_METRICS),
    ("Sidekiq", SIDEKIQ_METRICS),
    ("PostgreSQL and Redis", STORE_METRICS),
    ("People and releases", PEOPLE_METRICS),
    ("Containers and disks", HOST_METRICS),
    ("Backups", (*BACKUP_METRICS, *WAL_METRICS)),
    ("Scaling", SCALING_METRICS),
    ("Alerts and maintenance", ALERTING_METRICS),
    ("The agent itself", AGENT_METRICS),
)

CATALOGUE: tuple[Metric, ...] = tuple(metric for _, metrics in SECTIONS for metric in metrics)


def reference_markdown() -> str:
    """docs/reference/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "`instancectl agent run` serves them at `/metrics`; `instancectl metrics` prints one reading.",
        "No metric names the instance: give that as a target label where they are scraped.",
        "No metric carries an account, a remote server, a job's identifier or its arguments.",
        "A value that is not from the moment of the scrape says so.",
    ]
    for title, metrics in SECTIONS:
        lines += ["", f"## {title}", "", "| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
        lines += [_row(metric) for metric in metrics]
    return "\n".join(lines)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.labels)
    bounds = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.bounds)} s." if metric.bounds else ""
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help}{bounds} |"
