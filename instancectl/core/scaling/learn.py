"""The state with one more sample in it; judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core.scaling import estimate, mail, web
from instancectl.core.scaling.estimate import Carried, Interval
from instancectl.core.scaling.sample import (
    DatabaseSample,
    HostSample,
    MailSample,
    QueueSample,
    Sample,
    ServiceSample,
    WebSample,
)
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import QueueState, ServiceState, State
from instancectl.core.scaling.window import added
from instancectl.core.unknown import Unknown

HELD_SHARE: Final = 0.5  # of a service's threads that one remote host may hold
BOOT_LEARN: Final = 0.3
BOOT_BOUNDS: Final = (2.0, 180.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample of which everything that decisions rest on is known."""

    at: float
    queues: Mapping[str, QueueSample]
    services: Mapping[str, ServiceSample]
    web: WebSample
    hosts: tuple[HostSample, ...]
    database: DatabaseSample

    @property
    def cores(self) -> int:
        """Cores of all hosts."""
        return sum(host.cores for host in self.hosts)

    @property
    def used(self) -> float:
        """Share of the processor in use, all hosts together."""
        return sum(host.used * host.cores for host in self.hosts) / max(1, self.cores)


def known(sample: Sample) -> Seen | Unknown:
    """The sample, or what is missing of it."""
    parts = {
        "queues": sample.queues,
        "services": sample.services,
        "web": sample.web,
        "hosts": sample.hosts,
        "database": sample.database,
    }
    for name, part in parts.items():
        if isinstance(part, Unknown):
            return Unknown(f"{name}: {part.reason}", part.hint)
    if not sample.hosts:
        return Unknown("hosts: none was seen")
    return Seen(sample.at, **parts)  # type: ignore[arg-type]


def learned(policy: Policy, state: State, seen: Seen, sample: Sample) -> State:
    """Everything that can be remembered of this sample."""
    elapsed = seen.at - state.at
    carried = estimate.carried(policy, seen.queues, seen.services)
    host_pace = _pace(state, sample, carried, elapsed)
    mails = state.mail
    if isinstance(sample.mail, MailSample):
        mails = mail.remembered(mails, sample.mail, seen.at)
    if not isinstance(sample.signups, Unknown):
        mails = mail.with_signups(mails, sample.signups, seen.at)
    now = Interval(seen.at, elapsed, host_pace, frozenset({"mailers"} if mails.broken_since else ()))
    services, boot = _services(policy, state, seen)
    return replace(
        state,
        at=seen.at,
        queues={one.queue: _queue(one, state.queue(one.queue), now) for one in carried},
        services=services,
        mail=mails,
        used=added(state.used, seen.at, seen.used),
        processed=state.processed if isinstance(sample.processed, Unknown) else sample.processed,
        pace=host_pace,
        boot_seconds=boot,
    )


def _pace(state: State, sample: Sample, carried: tuple[Carried, ...], elapsed: float) -> float:
    if isinstance(sample.processed, Unknown) or state.processed < 0 or sample.processed < state.processed:
        return state.pace
    return estimate.pace(state, carried, (sample.processed - state.processed) / elapsed)


def _queue(one: Carried, before: QueueState, now: Interval) -> QueueState:
    after = estimate.remembered(one, before, now)
    threads = one.service.replicas * one.plan.threads
    held = max(one.seen.destinations.values(), default=0) > HELD_SHARE * max(1, threads)
    return replace(after, held_since=(before.held_since or now.at) if held else 0.0)


def _services(policy: Policy, state: State, seen: Seen) -> tuple[dict[str, ServiceState], float]:
    boot = state.boot_seconds
    found: dict[str, ServiceState] = {}
    for plan in policy.layout.sidekiq:
        if plan.service not in seen.services:
            continue
        one = seen.services[plan.service]
        memory, boot = _started(state.service(plan.service), one.replicas, one.starting, boot, seen.at)
        busy = min(1.0, _usage(one, plan.threads))
        found[plan.service] = replace(memory, usage=added(memory.usage, seen.at, busy), replicas=one.replicas)
    memory = state.service("web")
    found["web"] = replace(
        memory,
        usage=added(memory.usage, seen.at, web.usage(seen.web, policy.layout.web)),
        replicas=seen.web.processes,
    )
    return found, boot


def _usage(one: ServiceSample, threads: int) -> float:
    if not one.replicas:
        return 0.0
    return max(one.busy / (one.replicas * threads), (one.cores or 0.0) / one.replicas)


def _started(
    memory: ServiceState, replicas: int, starting: int, boot: float, at: float
) -> tuple[ServiceState, float]:
    """Take those off the list that work now, and learn how long that took."""
    ordered = memory.ordered
    arrived = min(len(ordered), max(0, len(ordered) - starting)) if replicas > memory.replicas else 0
    low, high = BOOT_BOUNDS
    for since in ordered[:arrived]:
        boot += BOOT_LEARN * (min(max(at - since, low), high) - boot)
    kept = ordered[arrived:] if starting else ()
    return replace(memory, ordered=kept), boot
