"""The traces that come with instancectl, anchored on what was written about past surges.

Activity 1 is a server of 5,000 users: 14 jobs a second, 1.2 million a day. In November 2022 servers
saw ten times their usual load overnight, and up to 0.8 sign-ups a second at 6,000 in two hours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from instancectl.core.scaling.simulator.chance import Chance
from instancectl.core.scaling.simulator.costs import Costs
from instancectl.core.scaling.simulator.trace import QUEUES, Row, Trace

JOBS_PER_SECOND: Final = 14.0
MIX: Final = {"default": 0.42, "push": 0.24, "ingress": 0.21, "mailers": 0.01, "pull": 0.12}
REQUESTS_PER_SECOND: Final = 10.0  # that reach Puma; anonymous pages come from the cache
SIGNUP_JOBS: Final = {"default": 3, "pull": 4}
SIGNUP_REQUESTS: Final = 14
SIGNUP_MAILS: Final = 2.2
MINUTE: Final = 60
HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Stage:
    """For whom a trace is made: some are sized by what the host can carry."""

    costs: Costs
    cores: int
    seed: int


def cores_of(costs: Costs, activity: float, signups: float = 0.0) -> float:
    """Processor cores that this much takes, PostgreSQL included."""
    work = costs.jobs

    def of(queue: str) -> float:
        return work[queue].processor_seconds + work[queue].database_seconds

    request = costs.request.processor_seconds + costs.request.database_seconds
    usual = JOBS_PER_SECOND * sum(MIX[queue] * of(queue) for queue in QUEUES) + REQUESTS_PER_SECOND * request
    each = sum(count * of(queue) for queue, count in SIGNUP_JOBS.items())
    each += SIGNUP_MAILS * of("mailers") + SIGNUP_REQUESTS * request
    return activity * usual + signups * each


def _row(at: float, activity: float, signups: float = 0.0, **more: float) -> Row:
    jobs = {queue: activity * JOBS_PER_SECOND * MIX[queue] + more.get(queue, 0.0) for queue in QUEUES}
    return Row(int(at), jobs, signups, activity * REQUESTS_PER_SECOND)


def _end(at: float) -> Row:
    return Row(int(at), dict.fromkeys(QUEUES, 0.0))


def step10(stage: Stage) -> Iterator[Row]:
    """Ten times the usual load for 90 minutes, with 0.6 sign-ups a second."""
    del stage
    yield from (_row(0, 0.5), _row(30 * MINUTE, 5.0, 0.6), _row(120 * MINUTE, 0.5), _end(180 * MINUTE))


def nov7(stage: Stage) -> Iterator[Row]:
    """November 2022: 5,000 users become 40,000 within twelve hours, 1.6 sign-ups a second at the peak."""
    del stage
    total, peak, middle = 35_000, 1.6, 6 * HOUR
    steepness = 4 * peak / total
    for at in range(0, 12 * HOUR, 5 * MINUTE):
        grown = 1 / (1 + math.exp(-steepness * (at - middle)))
        daily = 0.85 + 0.15 * math.cos(2 * math.pi * at / (24 * HOUR))
        yield _row(at, (1 + 7 * grown) * daily, steepness * total * grown * (1 - grown))
    yield _end(12 * HOUR)


def viral(stage: Stage) -> Iterator[Row]:
    """Posts that go around the world: 600 to 9,000 deliveries at once, every few minutes, for 100 minutes."""
    yield from _with_bursts(
        [_row(0, 3.0), _end(180 * MINUTE)], _bursts(stage.seed, 40 * MINUTE, 140 * MINUTE)
    )


def smtp(stage: Stage) -> Iterator[Row]:
    """The mail provider is down for 40 minutes and slow for 10, in the middle of a surge of sign-ups."""
    del stage
    yield _row(0, 1.0)
    surge = _row(20 * MINUTE, 1.5, 0.5)
    yield surge
    for at, faults in ((40, {"smtp-down": 1.0}), (80, {"smtp-slow": 1.0}), (90, {})):
        yield Row(at * MINUTE, surge.jobs, surge.signups, surge.requests, faults)
    yield _row(130 * MINUTE, 1.0)
    yield _end(180 * MINUTE)


def _overloaded(stage: Stage, factor: float) -> Iterator[Row]:
    """`factor` times what the host's cores can carry, for 90 minutes."""
    signups = 0.6 * stage.cores / 6 if stage.costs.name == "measured" else 0.6
    activity = factor * stage.cores - cores_of(stage.costs, 0.0, signups)
    activity /= cores_of(stage.costs, 1.0)
    usual = 0.1 * activity
    yield _row(0, usual)
    yield _row(30 * MINUTE, activity / 2, signups / 2)
    yield _row(35 * MINUTE, activity, signups)
    yield _row(120 * MINUTE, usual)
    yield _end(180 * MINUTE)


def overload(stage: Stage) -> Iterator[Row]:
    """1.35 times what the host can carry."""
    return _overloaded(stage, 1.35)


def overload2(stage: Stage) -> Iterator[Row]:
    """1.6 times what the host can carry."""
    return _overloaded(stage, 1.6)


def dead_remote(stage: Stage) -> Iterator[Row]:
    """A server that gets half of all deliveries is slow for an hour, then dead for half of one."""
    del stage
    usual = _row(0, 2.0)
    yield usual
    for at, faults in ((30, {"remote-slow": 0.45}), (90, {"remote-dead": 0.45}), (120, {})):
        yield Row(at * MINUTE, usual.jobs, usual.signups, usual.requests, faults)
    yield _end(150 * MINUTE)


def mixed(stage: Stage) -> Iterator[Row]:
    """Four hours of shifts, sign-ups and bursts that nothing was tuned on."""
    chance = Chance(stage.seed, "mixed")
    rows = []
    at = 0.0
    while at < 4 * HOUR:
        crowd = chance.uniform() < 0.4
        rows.append(_row(at, chance.between(0.6, 4.5), chance.between(0.1, 0.7) if crowd else 0.0))
        at += chance.between(8 * MINUTE, 25 * MINUTE)
    rows.append(_end(4 * HOUR))
    yield from _with_bursts(rows, _bursts(stage.seed, 20 * MINUTE, 220 * MINUTE, every=12 * MINUTE))


def _bursts(seed: int, start: float, end: float, every: float = 3.5 * MINUTE) -> list[tuple[int, float]]:
    """When, and how many deliveries."""
    chance = Chance(seed, "bursts")
    found = []
    at = start + chance.between(0, every)
    while at < end:
        found.append((int(at), min(9000.0, max(600.0, 3000 * math.exp(0.8 * chance.normal())))))
        at += chance.between(0.5 * every, 1.5 * every)
    return found


def _with_bursts(rows: list[Row], bursts: list[tuple[int, float]]) -> Iterator[Row]:
    """The rows, interrupted for a second by each burst, and a minute of answers that come back."""
    changes = sorted(
        [(row.at, "row", row) for row in rows]
        + [(at, "burst", size) for at, size in bursts]
        + [(at + 1, "answers", size * 0.1 / 60) for at, size in bursts]
        + [(at + 61, "answers", -size * 0.1 / 60) for at, size in bursts],
        key=lambda change: change[0],
    )  # fmt: skip
    now, answers, pending = rows[0], 0.0, 0.0
    for index, (at, what, value) in enumerate(changes):
        if isinstance(value, Row):
            now = value
        elif what == "burst":
            pending += value
        else:
            answers += value
        if index + 1 < len(changes) and changes[index + 1][0] == at:
            continue
        jobs = {**now.jobs}
        jobs["push"] += pending
        jobs["ingress"] += max(0.0, answers)
        yield Row(at, jobs, now.signups, now.requests, now.faults)
        pending = 0.0
        if at == rows[-1].at:
            return


MAKERS: Final[Mapping[str, Callable[[Stage], Iterator[Row]]]] = {
    "step10": step10,
    "nov7": nov7,
    "viral": viral,
    "smtp": smtp,
    "overload": overload,
    "overload2": overload2,
    "dead-remote": dead_remote,
    "mixed": mixed,
}


def trace(name: str, stage: Stage) -> Trace:
    """A shipped trace.

    Raises:
        KeyError: there is none of that name.
    """
    return Trace(name, tuple(MAKERS[name](stage)))


def meaning(name: str) -> str:
    """What a shipped trace is, in one sentence."""
    return (MAKERS[name].__doc__ or "").strip()
