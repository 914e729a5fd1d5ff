"""The ladder of shapes from `tiny` to `large`: each rung is the one below and a little more.

A layout is the highest rung that fits the machine, so more memory never means less of anything.
Threads where jobs wait on the network, processes where they compute (measured: one process with
25 threads delivers 80 jobs/s on 0.7 core; feed inserts gain nothing from threads beyond 5, and
192 jobs/s from a second process on a second core).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core.sizes import BASE, Machine
from instancectl.core.units import GIB

NAMES: Final = ("tiny", "small", "medium", "large")

AUTO: Final = (("large", 12 * GIB, 4), ("medium", 6 * GIB, 2), ("small", 3 * GIB, 1))
"""What `auto` may choose: name, least memory in bytes, least cores; below all of them `tiny`."""

WEB_THREADS: Final = 5  # upstream's MAX_THREADS
COMPUTING_THREADS: Final = 5  # 90 jobs/s with 5 threads, 57 with 10
WAITING_THREADS: Final = 25  # 80 deliveries/s; 50 threads deliver no more
MAILER_THREADS: Final = 10  # about 30 mails/s at 0.3 s each: above what providers accept
ONE_FOR_ALL_THREADS: Final = 10  # between both: 32 deliveries/s, 57 feed inserts/s
STREAMING_POOL: Final = 10  # upstream's default
STREAMING_POOL_TINY: Final = 5
PUMA_PROCESSES_PER_REPLICA: Final = 8
MEDIUM_WEB_PROCESSES: Final = 4

THREADS: Final = {
    BASE: COMPUTING_THREADS,
    "sidekiq-default": COMPUTING_THREADS,
    "sidekiq-ingress": COMPUTING_THREADS,
    "sidekiq-push": WAITING_THREADS,
    "sidekiq-pull": WAITING_THREADS,
    "sidekiq-mailers": MAILER_THREADS,
}
"""Threads of one process, and the canonical order of the Sidekiq services."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Counts without memory: `sidekiq` maps a service to (replicas, threads)."""

    name: str
    web_replicas: int
    web_processes: int
    web_threads: int
    streaming_replicas: int
    streaming_pool: int
    sidekiq: tuple[tuple[str, int, int], ...]

    def with_service(self, service: str, replicas: int, threads: int) -> Shape:
        """The same shape with one Sidekiq service set, in canonical order."""
        sizes = {name: (count, width) for name, count, width in self.sidekiq}
        sizes[service] = (replicas, threads)
        return replace(self, sidekiq=tuple((name, *sizes[name]) for name in THREADS if name in sizes))

    def replicas_of(self, service: str) -> int:
        """Replicas of a Sidekiq service; 0 when the shape has none."""
        return next((count for name, count, _ in self.sidekiq if name == service), 0)


@dataclass(frozen=True, slots=True)
class _Caps:
    """The most of each that the cores can use."""

    web: int
    default: int
    ingress: int
    push: int
    pull: int


def _caps(cores: int, web_cores: int) -> _Caps:
    # The base process computes too, so one core is taken; the rest is split, default first.
    dedicated = max(0, cores - 1)
    return _Caps(
        web=max(2, web_cores),
        default=(dedicated + 1) // 2,
        ingress=dedicated // 2,
        push=max(1, cores // 4),
        pull=max(1, cores // 8),
    )


def highest_name(wanted: str, machine: Machine) -> str:
    """The largest layout to try: what was asked for, or what `auto` allows on this machine."""
    if wanted != "auto":
        return wanted
    fitting = (
        name for name, memory, cores in AUTO if machine.memory_bytes >= memory and machine.cores >= cores
    )
    return next(fitting, "tiny")


def ladder(cores: int, upto: str = "large", web_cores: int = 0) -> Iterator[Shape]:
    """Shapes for `cores` cores from the least to the most, none above the layout named `upto`.

    `web_cores` are those that `web` may use, where they are not the same.
    """
    highest = NAMES.index(upto)
    for shape in _all(_caps(max(1, cores), max(1, web_cores or cores))):
        if NAMES.index(shape.name) <= highest:
            yield shape


def _all(caps: _Caps) -> Iterator[Shape]:
    tiny = Shape("tiny", 1, 1, WEB_THREADS, 1, STREAMING_POOL_TINY, ((BASE, 1, ONE_FOR_ALL_THREADS),))
    yield tiny
    yield replace(tiny, web_processes=2)
    small = replace(tiny, name="small", web_processes=2, streaming_pool=STREAMING_POOL)
    small = _grown(small.with_service(BASE, 1, COMPUTING_THREADS), "sidekiq-push")
    yield small
    shape = small
    for service, cap in (
        ("sidekiq-default", caps.default),
        ("sidekiq-mailers", 1),
        ("sidekiq-ingress", caps.ingress),
    ):
        if cap:
            shape = _grown(shape, service)
            yield shape
    shape = replace(_grown(shape, "sidekiq-pull"), name="medium")
    yield shape
    for processes in range(3, min(MEDIUM_WEB_PROCESSES, caps.web) + 1):
        shape = replace(shape, web_processes=processes)
        yield shape
    if caps.default > 1:
        shape = _grown(shape, "sidekiq-default")
        yield shape
    yield from _large(shape, caps)


def _large(medium: Shape, caps: _Caps) -> Iterator[Shape]:
    """Two replicas of web and streaming, then one more of each in turn until the cores are used."""
    shape = replace(
        medium,
        name="large",
        web_replicas=2,
        web_processes=(medium.web_processes + 1) // 2,
        streaming_replicas=2,
    )
    yield shape
    limits = (
        ("sidekiq-push", caps.push),
        ("sidekiq-default", caps.default),
        ("sidekiq-ingress", caps.ingress),
        ("sidekiq-pull", caps.pull),
    )
    growing = True
    while growing:
        growing = False
        if shape.web_replicas * shape.web_processes < caps.web:
            shape, growing = _more_web(shape), True
            yield shape
        for service, cap in limits:
            if shape.replicas_of(service) < cap:
                shape, growing = _grown(shape, service), True
                yield shape


def _more_web(shape: Shape) -> Shape:
    # Processes of one replica share Puma's master (138 MB), so they are cheaper than replicas.
    if shape.web_processes < PUMA_PROCESSES_PER_REPLICA:
        return replace(shape, web_processes=shape.web_processes + 1)
    return replace(shape, web_replicas=shape.web_replicas + 1)


def _grown(shape: Shape, service: str) -> Shape:
    return shape.with_service(service, shape.replicas_of(service) + 1, THREADS[service])
