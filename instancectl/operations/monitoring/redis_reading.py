"""Reads Redis and Sidekiq in two round trips, or three while jobs run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from instancectl.core.monitoring.sidekiq import (
    OPENING,
    Sidekiq,
    follow_up,
    last_look,
    moment,
    read,
    running,
)
from instancectl.core.monitoring.stores import info_of
from instancectl.ports.redis_line import RedisLine

Minutes = Callable[[float], tuple[str, ...]]


def no_minutes(now: float) -> tuple[str, ...]:  # noqa: ARG001 - a `Minutes`
    """Of the minute buckets none is wanted."""
    return ()


def read_redis(
    line: RedisLine, minutes: Minutes = no_minutes, *, jobs: bool = True
) -> tuple[Mapping[str, str], Sidekiq]:
    """INFO with one setting, and Sidekiq.

    Args:
        line: to Redis.
        minutes: names of the minute buckets wanted, by Redis' clock.
        jobs: also look at what runs now.
    """
    opening = line.ask(OPENING)
    wanted = minutes(moment(opening[0]))
    reading = read(opening, line.ask(follow_up(opening, wanted)), wanted)
    if jobs:
        looks = last_look(reading.processes)
        if looks:
            oldest, busy = running(line.ask(looks))
            reading = replace(reading, oldest_run=oldest, busy=busy)
        elif not any(one.busy for one in reading.processes):
            reading = replace(reading, oldest_run={}, busy={})
    return info_of(opening), reading
