"""Numbers of processes that somebody chose instead of the layout's: what may be chosen, and what follows.

A number is processes: replicas of a Sidekiq service, Puma processes of all replicas of `web`. It is recorded
in the instance's state, so that a later deploy plans with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from instancectl.core import footprint
from instancectl.core.applied import Applied
from instancectl.core.service import ServiceSpec
from instancectl.core.sizes import BASE, Layout, Share, SidekiqPlan
from instancectl.core.units import MIB
from instancectl.errors import ConfigError, Refused

WEB: Final = "web"
CONCURRENCY: Final = "WEB_CONCURRENCY"
NEVER_ZERO: Final = ("default", "mailers")
"""Queues whose own service keeps a process: people wait for what is in them."""

HEADROOM_PERCENT: Final = 125
"""Of the measured footprint, when `web` has to carry more than its limit was made for."""

_WORD: Final = re.compile(r"([a-z][a-z-]*)=(\d{1,4})")


def parsed(word: str) -> tuple[str, int]:
    """`sidekiq-push=3` → service and number.

    Raises:
        ConfigError: it is no such word.
    """
    found = _WORD.fullmatch(word)
    if found is None:
        raise ConfigError(
            f"`{word}` is no SERVICE=NUMBER", hint="write for example `sidekiq-push=3`", subject=word
        )
    return found[1], int(found[2])


def names(layout: Layout) -> tuple[str, ...]:
    """What can be scaled: Puma, and every Sidekiq service but the base process."""
    return (WEB, *(plan.service for plan in layout.sidekiq if plan.service != BASE))


def numbers(applied: Applied, at: float) -> dict[str, int]:
    """What was chosen and holds at a moment (seconds since 1970); a hold counts until its end."""
    held = {name: number for name, (number, end) in applied.holds.items() if end > at}
    return {**applied.scale, **held}


def refuse_impossible(layout: Layout, service: str, number: int) -> None:
    """What no machine makes possible.

    Raises:
        Refused: the service cannot have that number, or there is no such service in this layout.
    """
    if service == BASE:
        raise Refused(
            f"cannot run {number} processes of `{BASE}`: it carries the scheduler, of which there is exactly "
            "one",
            hint=f"scale {_listed(layout)} instead",
            subject=service,
        )
    if service not in names(layout):
        raise Refused(
            f"cannot scale `{service}`: the layout `{layout.name}` has no such service, or it does not scale",
            hint=f"there are {_listed(layout)}",
            subject=service,
        )
    if number > 0:
        return
    kept = [WEB] if service == WEB else [q for q in plan_of(layout, service).queues if q in NEVER_ZERO]
    if kept:
        raise Refused(
            f"cannot run no process of `{service}`: somebody always waits for `{kept[0]}`",
            hint=f"1 is the least: `instancectl scale set {service}=1`",
            subject=service,
        )


def _listed(layout: Layout) -> str:
    return ", ".join(f"`{name}`" for name in names(layout))


def plan_of(layout: Layout, service: str) -> SidekiqPlan:
    """The size of one process of a Sidekiq service."""
    return next(plan for plan in layout.sidekiq if plan.service == service)


def configured(layout: Layout, service: str) -> int:
    """The layout's own number."""
    if service == WEB:
        return layout.web.replicas * layout.web.processes
    return plan_of(layout, service).replicas


def counted(layout: Layout, chosen: Mapping[str, int]) -> Layout:
    """The layout with the chosen numbers; those of services that it does not have are ignored."""
    known = {name: number for name, number in chosen.items() if name in names(layout)}
    if not known:
        return layout
    sidekiq = tuple(replace(plan, replicas=known.get(plan.service, plan.replicas)) for plan in layout.sidekiq)
    shares = tuple(_widened(share, known) for share in layout.shares)
    changed = replace(layout, sidekiq=sidekiq, shares=shares)
    if WEB not in known:
        return changed
    processes, memory = web_size(layout, known[WEB])
    return replace(changed, web=replace(layout.web, processes=processes, memory_bytes=memory))


def web_size(layout: Layout, number: int) -> tuple[int, int]:
    """Puma processes of one replica, and its memory limit in bytes, for `number` processes in all."""
    web = layout.web
    processes = max(1, math.ceil(number / web.replicas))
    needed = footprint.web_loaded(processes) * HEADROOM_PERCENT // 100 // MIB * MIB
    return processes, max(web.memory_bytes, needed)


def _widened(share: Share, chosen: Mapping[str, int]) -> Share:
    """As many on one host as the chosen number asks for."""
    wanted = math.ceil(chosen.get(share.service, 0) / share.hosts) if share.service != WEB else 0
    return replace(share, most_per_host=max(share.most_per_host, wanted))


def resized(spec: ServiceSpec, layout: Layout, number: int) -> ServiceSpec:
    """The spec as it runs, with another number of processes and nothing else changed.

    Args:
        spec: as observed.
        layout: with the layout's own numbers.
        number: processes.
    """
    if spec.name != WEB:
        share = layout.share(spec.name)
        most = max(spec.max_replicas_per_node, math.ceil(number / share.hosts)) if share else 0
        limited = most if spec.max_replicas_per_node else 0
        return replace(spec, replicas=number, max_replicas_per_node=limited)
    processes, memory = web_size(layout, number)
    environment = {**dict(spec.environment), CONCURRENCY: str(processes)}
    return replace(spec, environment=tuple(sorted(environment.items())), memory_bytes=memory)


def running(spec: ServiceSpec) -> int:
    """Processes that a spec asks for."""
    if spec.name != WEB:
        return spec.replicas
    return spec.replicas * int(dict(spec.environment).get(CONCURRENCY, "1"))


def unsized(spec: ServiceSpec) -> ServiceSpec:
    """The spec without what scaling changes, to tell whether anything else changed."""
    if spec.name != WEB:
        scales = spec.name.startswith(f"{BASE}-")
        return replace(spec, replicas=0, max_replicas_per_node=0) if scales else spec
    environment = tuple(pair for pair in spec.environment if pair[0] != CONCURRENCY)
    return replace(spec, environment=environment, memory_bytes=0)
