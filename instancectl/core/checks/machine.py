"""Checks of the host: Docker and its Swarm, memory, cores, disk, ports, clock."""

from __future__ import annotations

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import NO_LAYOUT, Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.checks.seen import Disk, ImageSeen, Listener
from instancectl.core.host.placement import rooms
from instancectl.core.host.sharing import cores_for
from instancectl.core.observed import Engine
from instancectl.core.releases import Version, at_least, parse_version, show_version
from instancectl.core.sizes import COMPUTING, Layout, Room
from instancectl.core.units import GIB, MIB, show_bytes, show_seconds
from instancectl.core.unknown import Unknown

DOCKER_MINIMUM: Version = (20, 10)
"""The first with Swarm jobs (API 1.41); older ones were not tried."""

IMAGE_BYTES = {
    "web": 1500 * MIB,
    "streaming": 400 * MIB,
    "db": 450 * MIB,
    "redis": 150 * MIB,
    "proxy": 60 * MIB,
    "cache": 200 * MIB,
    "mail": 40 * MIB,
    "pgbouncer": 30 * MIB,
}
"""Unpacked size of the official images, rounded up; a guess for others."""

DATA_BYTES = 2 * GIB
"""Least room beside the images: a database of its first weeks, its log, the cache, container logs."""

COMFORT_BYTES = 10 * GIB
"""Below this, a first deploy works but remote media fill the disk within weeks."""

RUNNING_LEAST_BYTES = GIB
RUNNING_LEAST_PERCENT = 3
"""Below either, PostgreSQL is about to stop writing: it needs room for its log and for sorting."""

RUNNING_LOW_PERCENT = 12

SKEW_WARN_SECONDS = 5
SKEW_FAIL_SECONDS = 30
"""Two-factor codes live for 30 s; S3 refuses requests that are 15 minutes off."""


def docker(facts: Facts) -> Finding:
    """An Engine that answers, and a Swarm that can be used or made."""
    if isinstance(facts.stack, Unknown):
        return fail(
            "docker",
            facts.stack.reason,
            "a Docker Engine that answers",
            facts.stack.hint or "type `systemctl start docker`, then `docker info`",
        )
    engine = facts.stack.engine
    version = parse_version(engine.version)
    seen = f"Docker {engine.version}"
    if version is not None and not at_least(version, DOCKER_MINIMUM):
        return fail(
            "docker", seen, f"Docker {show_version(DOCKER_MINIMUM)} or newer", "upgrade Docker Engine"
        )
    return _swarm(engine, seen)


def _swarm(engine: Engine, seen: str) -> Finding:
    if engine.swarm == "inactive":
        return ok("docker", f"{seen}, no Swarm yet: `deploy` makes one of this host")
    if engine.swarm == "locked":
        return fail(
            "docker",
            f"{seen}, the Swarm is locked since Docker restarted",
            "unlocked",
            "type `docker swarm unlock`",
        )
    if engine.swarm != "active":
        return fail(
            "docker",
            f"{seen}, the Swarm is `{engine.swarm}`",
            "`active`, or no Swarm at all",
            "look with `docker info`; a join that failed is undone by `docker swarm leave --force`",
        )
    if not engine.is_manager:
        return fail(
            "docker", f"{seen}, a worker of a Swarm", "a manager", "run instancectl on a manager of the Swarm"
        )
    return ok("docker", f"{seen}, Swarm active, this host is a manager")


def memory(facts: Facts) -> Judgement:
    """The limits of all services and the host's own needs fit into memory, at worst with swap."""
    budget, host = facts.memory_budget, facts.memory
    if isinstance(budget, Unknown):
        return Skipped("memory", NO_LAYOUT)
    if isinstance(host, Unknown):
        return unknown("memory", host, f"{budget.show(budget.total)} of memory")
    planned = facts.config.machine.memory_mib * MIB
    if planned > host.total_bytes:
        return fail(
            "memory",
            f"planned with {planned // MIB} MiB, but this machine has {host.total_bytes // MIB} MiB",
            f"at most {host.total_bytes // MIB} MiB",
            "lower or remove `machine.memory_mib`",
        )
    if budget.fits:
        sums = f"needs {budget.show(budget.total)} of {budget.show(budget.limit)}"
        return ok("memory", f"{sums}; {show_bytes(host.available_bytes)} available now")
    missing = budget.missing
    hint = 'set `instance.layout = "tiny"`, lower what `[services]` sets, or use a bigger machine'
    if missing <= host.swap_bytes:
        seen = f"{budget.arithmetic}; {show_bytes(host.swap_bytes)} of swap take the rest"
        return warn("memory", seen, f"{budget.show(budget.total)} of memory", hint)
    return fail(
        "memory",
        f"{budget.arithmetic}; swap {show_bytes(host.swap_bytes)}",
        f"{budget.show(budget.total)} of memory and swap",
        f"{hint}; {budget.show(missing)} of swap would do for a start",
    )


def cores(facts: Facts) -> Judgement:
    """Processes that compute find cores to do it on."""
    found, layout = facts.cores, facts.layout
    if isinstance(found, Unknown):
        return unknown("cores", found, "at least one core")
    if isinstance(layout, Unknown):
        return Skipped("cores", NO_LAYOUT)
    web, computing = layout.web.replicas * layout.web.processes, _computing(layout)
    others = _others(facts)
    web_cores, workers_cores = (cores_for(role, found, others) for role in ("web", "workers"))
    seen = f"{max(web_cores, workers_cores)} cores; {web} Puma and {computing} computing Sidekiq processes"
    planned = facts.config.machine.cores
    if planned > found:
        return warn(
            "cores", f"{seen}; planned with {planned}", f"at most {found}", "lower or remove `machine.cores`"
        )
    if web > 2 * max(2, web_cores) or computing > max(1, workers_cores) + 1:
        return warn(
            "cores",
            seen,
            "no more computing processes than cores: they only take memory",
            "lower what `[services]` sets, or remove it and let the layout choose",
        )
    return ok("cores", seen)


def _others(facts: Facts) -> tuple[Room, ...]:
    """What the other hosts offer."""
    return () if isinstance(facts.stack, Unknown) else rooms(facts.config.stack, facts.stack.nodes)


def _computing(layout: Layout) -> int:
    return sum(plan.replicas for plan in layout.sidekiq if plan.service in COMPUTING)


def disk(facts: Facts) -> Finding:
    """Room for images, database, media and logs where Docker keeps them."""
    found = facts.disk
    if isinstance(found, Unknown):
        return unknown("disk", found, "room for images and data", "type `df -h`")
    if facts.deployed or facts.applied.local_domain:
        return _disk_running(found)
    missing = () if isinstance(facts.images, Unknown) else facts.images
    return _disk_first(found, tuple(image for image in missing if not image.present))


def _disk_running(found: Disk) -> Finding:
    percent = 100 * found.free_bytes // max(1, found.total_bytes)
    seen = f"{_room(found)} ({percent} %)"
    hint = "see what takes it with `instancectl tootctl media usage` and `docker system df`"
    if found.free_bytes < RUNNING_LEAST_BYTES or percent < RUNNING_LEAST_PERCENT:
        needed = f"{show_bytes(RUNNING_LEAST_BYTES)} and {RUNNING_LEAST_PERCENT} %"
        return fail("disk", seen, f"more than {needed}, or PostgreSQL stops", hint)
    if percent < RUNNING_LOW_PERCENT:
        return warn("disk", seen, f"{RUNNING_LOW_PERCENT} %", hint)
    return ok("disk", seen)


def _room(found: Disk) -> str:
    return f"{show_bytes(found.free_bytes)} of {show_bytes(found.total_bytes)} free in {found.path}"


def _disk_first(found: Disk, missing: tuple[ImageSeen, ...]) -> Finding:
    images = sum(IMAGE_BYTES.get(image.role, 0) for image in missing)
    needed = images + DATA_BYTES
    seen = _room(found)
    parts = f"{show_bytes(needed)}: {show_bytes(images)} for {len(missing)} images, {show_bytes(DATA_BYTES)}"
    if found.free_bytes < needed:
        return fail(
            "disk", seen, f"{parts} for data", "free some with `docker image prune`, or use a bigger disk"
        )
    if found.free_bytes < images + COMFORT_BYTES:
        return warn(
            "disk",
            seen,
            f"{show_bytes(images + COMFORT_BYTES)} to be at ease: cached remote media grow by gigabytes",
            "use a bigger disk, lower `retention.media_days`, or keep media in S3 (`media.storage`)",
        )
    return ok("disk", seen)


def ports(facts: Facts) -> Finding:
    """The published ports are free, or our own proxy holds them."""
    held = facts.listeners
    proxy = facts.config.proxy
    wanted = {(proxy.http_port, "tcp"), (proxy.https_port, "tcp"), (proxy.https_port, "udp")}
    names = ", ".join(f"{port}/{protocol}" for port, protocol in sorted(wanted))
    own = _own_ports(facts)
    if wanted <= own:
        return ok("ports", f"{names} held by this instance's own proxy")
    if isinstance(held, Unknown):
        return unknown("ports", held, f"{names} free", "type `ss -ltnup` as root")
    taken = [holder for holder in held if (holder.port, holder.protocol) in wanted - own]
    if not taken:
        return ok("ports", f"{names} free")
    return fail("ports", "; ".join(_holder(one) for one in taken), f"{names} free", _release(taken[0]))


def _own_ports(facts: Facts) -> set[tuple[int, str]]:
    """What this instance's own proxy publishes: a replica holds its ports before it is healthy, too."""
    proxy = None if isinstance(facts.stack, Unknown) else facts.stack.services.get("proxy")
    if proxy is None or not any(task.state in {"starting", "running"} for task in proxy.tasks):
        return set()
    return {(port.published, port.protocol) for port in proxy.spec.ports}


def _holder(one: Listener) -> str:
    name = f"`{one.process}`" if one.process else "a program that only root may see"
    pid = f" (pid {one.pid})" if one.pid else ""
    detail = f", {one.detail}" if one.detail else ""
    return f"{one.port}/{one.protocol} on {one.address} is taken by {name}{pid}{detail}"


def _release(one: Listener) -> str:
    if one.process == "docker-proxy":
        return f"find the container with `docker ps --filter publish={one.port}` and stop it"
    if one.process:
        return (
            f"stop it, e.g. `systemctl disable --now {one.process}`, or publish other ports with "
            "`proxy.http_port` and `proxy.https_port`"
        )
    return f"type `ss -ltnup 'sport = :{one.port}'` as root"


def clock(facts: Facts) -> Finding:
    """The clock agrees with others', and something keeps it so."""
    skew = facts.clock
    hint = "type `timedatectl set-ntp true`, then look with `timedatectl`"
    needed = f"within {SKEW_WARN_SECONDS} s: certificates, two-factor codes, S3 and federation check times"
    if isinstance(skew, Unknown):
        return unknown("clock", skew, needed, "type `timedatectl`")
    kept = {True: "kept by time synchronisation", False: "not synchronised", None: ""}[skew.synchronised]
    if skew.seconds is None:
        if skew.synchronised is None:
            return unknown(
                "clock", Unknown("nobody outside answered with a time"), needed, "type `timedatectl`"
            )
        seen = f"{kept}; nobody outside answered to compare"
        return ok("clock", seen) if skew.synchronised else warn("clock", seen, needed, hint)
    off = abs(skew.seconds)
    side = "ahead of" if skew.seconds > 0 else "behind"
    seen = f"{show_seconds(off)} {side} {skew.source}" if off >= 1 else f"agrees with {skew.source}"
    seen += f", {kept}" if kept else ""
    if off > SKEW_FAIL_SECONDS:
        return fail("clock", seen, needed, hint)
    if off > SKEW_WARN_SECONDS or skew.synchronised is False:
        return warn("clock", seen, needed, hint)
    return ok("clock", seen)
