"""`prometheus` and `alertmanager`, for instances that want alerts.

Both are in the host's own network and listen on its loopback: the agent is a process of the host, and
nothing of it has to be opened for containers. See ADR 0031. On a host of their own they listen on its
address in the private network, where the agent listens, too.
"""

from __future__ import annotations

from instancectl.core.host.placement import watching
from instancectl.core.monitoring.apart import addressed
from instancectl.core.monitoring.rules import reached
from instancectl.core.service import HOST_NETWORK, Attachment, HealthCheck, Mount, ServiceSpec
from instancectl.core.topology.parts import Builder, collected_below

NOTIFY_TOKEN = "notify_token"  # noqa: S105 - name of a file


def monitoring(build: Builder) -> list[ServiceSpec]:
    """Both, or none."""
    return [alertmanager(build), prometheus(build)] if build.layout.monitoring else []


def prometheus(build: Builder) -> ServiceSpec:
    """Scrapes the agent, keeps what the 30-day objective needs, evaluates the rules."""
    config = addressed(build.config, build.layout.monitoring).monitoring
    memory = build.layout.monitoring.prometheus_memory_bytes if build.layout.monitoring else 0
    return ServiceSpec(
        name="prometheus",
        image=build.image(build.config.images.prometheus),
        command=(
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            f"--storage.tsdb.retention.time={config.retention_days}d",
            f"--storage.tsdb.retention.size={config.retention_mib}MB",
            f"--web.listen-address={config.prometheus_listen}",
        ),
        environment=collected_below(memory),
        stop_grace_seconds=60,
        health=_ready(config.prometheus_listen),
        mounts=(Mount("/prometheus", "prometheus"),),
        configs=build.files("prometheus", build.rendered.prometheus_files),
        networks=(Attachment(HOST_NETWORK),),
        constraints=_constraints(build),
        memory_bytes=memory,
    )


def alertmanager(build: Builder) -> ServiceSpec:
    """Groups and inhibits alerts, keeps silences, hands everything to the agent."""
    config = addressed(build.config, build.layout.monitoring).monitoring
    memory = build.layout.monitoring.alertmanager_memory_bytes if build.layout.monitoring else 0
    return ServiceSpec(
        name="alertmanager",
        image=build.image(build.config.images.alertmanager),
        command=(
            "--config.file=/etc/alertmanager/alertmanager.yml",
            "--storage.path=/alertmanager",
            f"--web.listen-address={config.alertmanager_listen}",
            # Without peers nobody has to be listened to on 9094.
            "--cluster.listen-address=",
        ),
        environment=collected_below(memory),
        stop_grace_seconds=30,
        health=_ready(config.alertmanager_listen),
        mounts=(Mount("/alertmanager", "alertmanager"),),
        # The image's user differs; what it guards is a listener on loopback.
        secrets=(build.secret("notify-token", build.rendered.notify_token, NOTIFY_TOKEN, mode=0o444),),
        configs=build.files("alertmanager", build.rendered.alertmanager_files),
        networks=(Attachment(HOST_NETWORK),),
        constraints=_constraints(build),
        memory_bytes=memory,
    )


def _constraints(build: Builder) -> tuple[str, ...]:
    return watching(build.config.stack, build.layout.monitoring.apart if build.layout.monitoring else None)


def _ready(listen: str) -> HealthCheck:
    words = ("CMD", "wget", "-q", "-O", "/dev/null", f"http://{reached(listen)}/-/ready")
    return HealthCheck(words, interval_seconds=10, start_period_seconds=120)
