"""Translates between `ServiceSpec` and the Engine API's service spec, in both directions.

`read(write(spec)) == spec` holds, and what `docker stack deploy` makes of the rendered file reads
back as the same value; both are tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instancectl.core.service import (
    HOST_NETWORK,
    Attachment,
    FileRef,
    HealthCheck,
    Mount,
    PublishedPort,
    ServiceSpec,
    UpdatePolicy,
)

NAMESPACE = "com.docker.stack.namespace"
"""Label by which `docker stack` knows what belongs together."""

IMAGE_LABEL = "com.docker.stack.image"
SECOND = 1_000_000_000
"""The API counts time in nanoseconds."""

Json = dict[str, Any]


def write(stack: str, spec: ServiceSpec, ids: Mapping[str, str]) -> Json:
    """The API's form of a spec.

    Args:
        stack: prefix of names.
        spec: what is desired.
        ids: identifiers of secrets and configs, by name.
    """
    return {
        "name": f"{stack}_{spec.name}",
        "labels": {NAMESPACE: stack, IMAGE_LABEL: spec.image, **dict(spec.labels)},
        "mode": {"Replicated": {"Replicas": spec.replicas}},
        "update_config": _policy(spec.update),
        "rollback_config": _policy(UpdatePolicy(order=spec.update.order, failure_action="pause")),
        "endpoint_spec": _endpoint(spec),
        "task_template": {
            "ContainerSpec": _container(stack, spec, ids),
            "Resources": _resources(spec),
            "RestartPolicy": {
                "Condition": spec.restart_condition,
                "Delay": spec.restart_delay_seconds * SECOND,
                "MaxAttempts": 0,
            },
            "Placement": _placement(spec),
            "Networks": [_network(stack, spec.name, link) for link in spec.networks],
            "LogDriver": {
                "Name": "json-file",
                "Options": {"max-file": "3", "max-size": f"{spec.log_max_megabytes}m"},
            },
            "ForceUpdate": 0,
        },
    }


def read(stack: str, api: Json, networks: Mapping[str, str]) -> ServiceSpec:
    """A spec from the API's form; `networks` maps identifiers to names."""
    task = api["TaskTemplate"]
    container = task["ContainerSpec"]
    resources = task.get("Resources") or {}
    limits, reservations = resources.get("Limits") or {}, resources.get("Reservations") or {}
    restart = task.get("RestartPolicy") or {}
    name = _short(stack, api["Name"])
    labels = {k: v for k, v in (api.get("Labels") or {}).items() if k not in {NAMESPACE, IMAGE_LABEL}}
    options = (task.get("LogDriver") or {}).get("Options") or {}
    return ServiceSpec(
        name=name,
        image=container["Image"],
        entrypoint=tuple(container.get("Command") or ()),
        command=tuple(container.get("Args") or ()),
        environment=tuple(sorted(_pair(line) for line in container.get("Env") or ())),
        user=container.get("User", ""),
        init=bool(container.get("Init")),
        stop_signal=container.get("StopSignal", ""),
        stop_grace_seconds=(container.get("StopGracePeriod") or 0) // SECOND,
        health=_read_health(container.get("Healthcheck")),
        mounts=tuple(sorted(_read_mount(stack, mount) for mount in container.get("Mounts") or ())),
        secrets=tuple(sorted(_read_file(item, "Secret") for item in container.get("Secrets") or ())),
        configs=tuple(sorted(_read_file(item, "Config") for item in container.get("Configs") or ())),
        networks=tuple(
            sorted(_read_network(stack, name, item, networks) for item in task.get("Networks") or ())
        ),
        ports=_read_ports(api),
        replicas=api.get("Mode", {}).get("Replicated", {}).get("Replicas", 1),
        constraints=tuple((task.get("Placement") or {}).get("Constraints") or ()),
        max_replicas_per_node=(task.get("Placement") or {}).get("MaxReplicas") or 0,
        memory_bytes=limits.get("MemoryBytes", 0),
        memory_reservation_bytes=reservations.get("MemoryBytes", 0),
        cpu_nano=limits.get("NanoCPUs", 0),
        update=_read_policy(api.get("UpdateConfig")),
        restart_condition=restart.get("Condition", "any"),
        restart_delay_seconds=(restart.get("Delay") or 0) // SECOND,
        log_max_megabytes=int(options.get("max-size", "0m").rstrip("m") or 0),
        labels=tuple(sorted(labels.items())),
    )


def _network(stack: str, service: str, link: Attachment) -> Json:
    if link.network == HOST_NETWORK:
        return {"Target": HOST_NETWORK}
    return {"Target": f"{stack}_{link.network}", "Aliases": [*link.aliases, service]}


def _container(stack: str, spec: ServiceSpec, ids: Mapping[str, str]) -> Json:
    made: Json = {
        "Image": spec.image,
        "Labels": {NAMESPACE: stack},
        "Env": [f"{key}={value}" for key, value in spec.environment],
        "StopGracePeriod": spec.stop_grace_seconds * SECOND,
        "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
        "Mounts": [_mount(stack, mount) for mount in spec.mounts],
        "Secrets": [_file(item, "Secret", ids) for item in spec.secrets],
        "Configs": [_file(item, "Config", ids) for item in spec.configs],
    }
    if spec.entrypoint:
        made["Command"] = list(spec.entrypoint)
    if spec.command:
        made["Args"] = list(spec.command)
    if spec.user:
        made["User"] = spec.user
    if spec.init:
        made["Init"] = True
    if spec.stop_signal:
        made["StopSignal"] = spec.stop_signal
    if spec.health:
        made["Healthcheck"] = {
            "Test": list(spec.health.test),
            "Interval": spec.health.interval_seconds * SECOND,
            "Timeout": spec.health.timeout_seconds * SECOND,
            "Retries": spec.health.retries,
            "StartPeriod": spec.health.start_period_seconds * SECOND,
        }
    return {key: value for key, value in made.items() if value != []}


def _resources(spec: ServiceSpec) -> Json:
    limits = {"MemoryBytes": spec.memory_bytes, "NanoCPUs": spec.cpu_nano}
    made: Json = {
        "Limits": {key: value for key, value in limits.items() if value},
        "Reservations": {"MemoryBytes": spec.memory_reservation_bytes}
        if spec.memory_reservation_bytes
        else {},
    }
    return {key: value for key, value in made.items() if value}


def _placement(spec: ServiceSpec) -> Json:
    made: Json = {"Constraints": list(spec.constraints), "MaxReplicas": spec.max_replicas_per_node}
    return {key: value for key, value in made.items() if value}


def _endpoint(spec: ServiceSpec) -> Json:
    ports = [
        {
            "Protocol": port.protocol,
            "TargetPort": port.target,
            "PublishedPort": port.published,
            "PublishMode": "host",
        }
        for port in spec.ports
    ]
    return {"Mode": "dnsrr", "Ports": ports} if ports else {"Mode": "dnsrr"}


def _policy(policy: UpdatePolicy) -> Json:
    return {
        "Parallelism": policy.parallelism,
        "Delay": policy.delay_seconds * SECOND,
        "FailureAction": policy.failure_action,
        "Monitor": policy.monitor_seconds * SECOND,
        "MaxFailureRatio": 0,
        "Order": policy.order,
    }


def _mount(stack: str, mount: Mount) -> Json:
    made: Json = {"Type": mount.kind, "Target": mount.target}
    if mount.kind == "volume":
        made |= {"Source": f"{stack}_{mount.source}", "VolumeOptions": {"Labels": {NAMESPACE: stack}}}
    if mount.kind == "bind":
        made["Source"] = mount.source
    if mount.read_only:
        made["ReadOnly"] = True
    if mount.size_bytes:
        made["TmpfsOptions"] = {"SizeBytes": mount.size_bytes}
    return made


def _file(item: FileRef, kind: str, ids: Mapping[str, str]) -> Json:
    return {
        "File": {"Name": item.target, "UID": item.uid, "GID": item.gid, "Mode": item.mode},
        f"{kind}ID": ids[item.name],
        f"{kind}Name": item.name,
    }


def _read_health(found: Json | None) -> HealthCheck | None:
    if not found or not found.get("Test"):
        return None
    return HealthCheck(
        test=tuple(found["Test"]),
        interval_seconds=found.get("Interval", 0) // SECOND,
        timeout_seconds=found.get("Timeout", 0) // SECOND,
        retries=found.get("Retries", 0),
        start_period_seconds=found.get("StartPeriod", 0) // SECOND,
    )


def _read_mount(stack: str, found: Json) -> Mount:
    source = found.get("Source", "")
    return Mount(
        target=found["Target"],
        source=_short(stack, source) if found["Type"] == "volume" else source,
        kind=found["Type"],
        read_only=bool(found.get("ReadOnly")),
        size_bytes=(found.get("TmpfsOptions") or {}).get("SizeBytes", 0),
    )


def _read_file(found: Json, kind: str) -> FileRef:
    file = found["File"]
    return FileRef(found[f"{kind}Name"], file["Name"], file["UID"], file["GID"], file["Mode"])


def _read_network(stack: str, service: str, found: Json, networks: Mapping[str, str]) -> Attachment:
    target = networks.get(found["Target"], found["Target"])
    aliases = tuple(alias for alias in found.get("Aliases") or () if alias != service)
    return Attachment(_short(stack, target), tuple(sorted(aliases)))


def _read_ports(api: Json) -> tuple[PublishedPort, ...]:
    found = (api.get("EndpointSpec") or {}).get("Ports") or ()
    return tuple(sorted(PublishedPort(p["PublishedPort"], p["TargetPort"], p["Protocol"]) for p in found))


def _read_policy(found: Json | None) -> UpdatePolicy:
    if not found:
        return UpdatePolicy()
    return UpdatePolicy(
        order=found.get("Order", "stop-first"),
        failure_action=found.get("FailureAction", "pause"),
        parallelism=found.get("Parallelism", 1),
        delay_seconds=(found.get("Delay") or 0) // SECOND,
        monitor_seconds=(found.get("Monitor") or 0) // SECOND,
    )


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key, value


def _short(stack: str, name: str) -> str:
    return name.removeprefix(f"{stack}_")
