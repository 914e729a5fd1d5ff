"""The stack as a compose file that an admin can read and `docker stack deploy` by hand.

What Docker makes of it reads back as the same `ServiceSpec`s that `deploy` creates (tested), so the
appliance is never a trap.
"""

from __future__ import annotations

from typing import Any

from instancectl.core.desired import OVERLAY_MTU, Desired
from instancectl.core.service import HOST_NETWORK, FileRef, Mount, ServiceSpec, UpdatePolicy

HEADER = """\
# The stack `{stack}` as instancectl deploys it. Written by `instancectl deploy`; edits are overwritten.
# By hand, without instancectl:
#   docker stack deploy --resolve-image never --prune -c stack.yml {stack}
# The secrets it names exist in Swarm already; their contents are in `secrets.env` and `instance.toml`.
"""

Tree = dict[str, Any]


def compose(desired: Desired) -> Tree:
    """The compose file (format 3.9) as plain values."""
    prefix = f"{desired.stack}_"
    tree: Tree = {
        "version": "3.9",
        "services": {spec.name: _service(spec, desired.stack) for spec in desired.services},
        "networks": {
            network.name: {
                "driver": "overlay",
                "driver_opts": {"com.docker.network.driver.mtu": str(OVERLAY_MTU)},
                "attachable": True,
            }
            | ({"internal": True} if network.internal else {})
            for network in desired.networks
        }
        | _host_network(desired),
        "volumes": {name: {} for name in desired.volumes},
        "secrets": {_key(prefix, name): {"external": True, "name": name} for name in desired.secrets},
        "configs": {
            _key(prefix, name): {"file": f"./{file_name(prefix, name)}", "name": name}
            for name in desired.configs
        },
    }
    return {key: _escaped(value) for key, value in tree.items()}


def _host_network(desired: Desired) -> Tree:
    """It is there already, under the same name on every host."""
    used = any(link.network == HOST_NETWORK for spec in desired.services for link in spec.networks)
    return {HOST_NETWORK: {"external": True, "name": HOST_NETWORK}} if used else {}


def _escaped(value: Any) -> Any:
    """`docker stack deploy` would read `$x` in any text as a variable of the shell it is typed in."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return {key: _escaped(item) for key, item in value.items()} if isinstance(value, dict) else value


def files(desired: Desired) -> dict[str, str]:
    """The config files that the compose file refers to: name → content."""
    prefix = f"{desired.stack}_"
    return {file_name(prefix, name): content for name, content in desired.configs.items()}


def file_name(prefix: str, name: str) -> str:
    """Where a config's content is written, beside the stack file."""
    return f"configs/{_key(prefix, name)}"


def _key(prefix: str, name: str) -> str:
    """`stack_caddyfile-0123456789ab` → `caddyfile`."""
    return name.removeprefix(prefix).rpartition("-")[0]


def _service(spec: ServiceSpec, stack: str) -> Tree:
    prefix = f"{stack}_"
    made: Tree = {
        "image": spec.image,
        "entrypoint": list(spec.entrypoint),
        "command": list(spec.command),
        "user": spec.user,
        "init": spec.init,
        "stop_signal": spec.stop_signal,
        "stop_grace_period": f"{spec.stop_grace_seconds}s",
        "environment": dict(spec.environment),
        "healthcheck": _health(spec),
        "volumes": [_mount(mount) for mount in spec.mounts],
        "secrets": [_file(item, prefix) for item in spec.secrets],
        "configs": [_file(item, prefix) for item in spec.configs],
        "networks": {
            link.network: {"aliases": list(link.aliases)} if link.aliases else {} for link in spec.networks
        },
        "ports": [
            {"target": port.target, "published": port.published, "protocol": port.protocol, "mode": "host"}
            for port in spec.ports
        ],
        "logging": {
            "driver": "json-file",
            "options": {"max-file": "3", "max-size": f"{spec.log_max_megabytes}m"},
        },
        "deploy": _deploy(spec),
    }
    return {key: value for key, value in made.items() if value}


def _deploy(spec: ServiceSpec) -> Tree:
    limits: Tree = {}
    if spec.cpu_nano:
        limits["cpus"] = f"{spec.cpu_nano / 1e9:.9f}".rstrip("0").rstrip(".")
    if spec.memory_bytes:
        limits["memory"] = str(spec.memory_bytes)
    resources: Tree = {"limits": limits} if limits else {}
    if spec.memory_reservation_bytes:
        resources["reservations"] = {"memory": str(spec.memory_reservation_bytes)}
    made: Tree = {
        "mode": "replicated",
        "replicas": spec.replicas,
        "endpoint_mode": "dnsrr",
        "labels": dict(spec.labels),
        "placement": _placement(spec),
        "resources": resources,
        "restart_policy": {"condition": spec.restart_condition, "delay": f"{spec.restart_delay_seconds}s"},
        "update_config": _policy(spec.update),
        "rollback_config": _policy(UpdatePolicy(order=spec.update.order, failure_action="pause")),
    }
    return {key: value for key, value in made.items() if value not in ({}, [])}


def _placement(spec: ServiceSpec) -> Tree:
    made: Tree = {"constraints": list(spec.constraints), "max_replicas_per_node": spec.max_replicas_per_node}
    return {key: value for key, value in made.items() if value}


def _health(spec: ServiceSpec) -> Tree:
    if spec.health is None:
        return {}
    return {
        "test": list(spec.health.test),
        "interval": f"{spec.health.interval_seconds}s",
        "timeout": f"{spec.health.timeout_seconds}s",
        "retries": spec.health.retries,
        "start_period": f"{spec.health.start_period_seconds}s",
    }


def _mount(mount: Mount) -> Tree:
    made: Tree = {"type": mount.kind, "target": mount.target}
    if mount.source:
        made["source"] = mount.source
    if mount.read_only:
        made["read_only"] = True
    if mount.size_bytes:
        made["tmpfs"] = {"size": mount.size_bytes}
    return made


def _file(item: FileRef, prefix: str) -> Tree:
    return {
        "source": _key(prefix, item.name),
        "target": item.target,
        "uid": item.uid,
        "gid": item.gid,
        "mode": item.mode,
    }


def _policy(policy: UpdatePolicy) -> Tree:
    return {
        "parallelism": policy.parallelism,
        "delay": f"{policy.delay_seconds}s",
        "failure_action": policy.failure_action,
        "monitor": f"{policy.monitor_seconds}s",
        "max_failure_ratio": 0.0,
        "order": policy.order,
    }
