"""Checks of background work: Sidekiq beats, every queue is worked on, exactly one process schedules."""

from __future__ import annotations

from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.questions import RedisAnswer, SidekiqProcess
from instancectl.core.sizes import BASE, QUEUES
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

BEAT_LATE_SECONDS = 30
"""A process beats every 10 s, and its record vanishes after 60 s."""

SCHEDULER = "scheduler"


def heartbeat(facts: Facts) -> Judgement:
    """Sidekiq processes beat, as many as there should be."""
    answer = _answer(facts, "sidekiq", "a heartbeat")
    if not isinstance(answer, RedisAnswer):
        return answer
    alive, late = (
        _alive(answer),
        [one for one in answer.processes if one.beat_age_seconds > BEAT_LATE_SECONDS],
    )
    hint = "type `instancectl logs sidekiq`"
    if not alive:
        seen = (
            f"last heartbeat {show_seconds(min(one.beat_age_seconds for one in late))} ago"
            if late
            else "no heartbeat"
        )
        return fail("sidekiq", f"{seen}: no mail, no deliveries, no timelines", "a heartbeat each 10 s", hint)
    wanted = _wanted(facts)
    busy, threads = sum(one.busy for one in alive), sum(one.threads for one in alive)
    seen = f"{len(alive)} processes beat, {busy} of {threads} threads busy"
    if len(alive) < wanted:
        return warn("sidekiq", f"{seen}; {wanted} are wanted", f"{wanted} processes", hint)
    return ok("sidekiq", seen)


def queues(facts: Facts) -> Judgement:
    """Each of Mastodon's queues has a process that works on it."""
    answer = _answer(facts, "queues", "a process for every queue")
    if not isinstance(answer, RedisAnswer):
        return answer
    covered = {queue for one in _alive(answer) if not one.quiet for queue in one.queues}
    bare = [queue for queue in QUEUES if queue not in covered]
    waiting = sum(answer.sizes.values())
    if bare:
        rotting = ", ".join(f"`{queue}` ({answer.sizes.get(queue, 0)} jobs wait)" for queue in bare)
        return fail(
            "queues",
            f"nobody works on {rotting}",
            f"a process for each of {', '.join(QUEUES)}",
            "type `instancectl deploy`: the `sidekiq` service works on all of them",
        )
    return ok(
        "queues", f"all {len(QUEUES)} worked on; {waiting} jobs wait, {answer.retries} to be tried again"
    )


def scheduler(facts: Facts) -> Judgement:
    """Exactly one process plans recurring work: none means no clean-up, two mean everything twice."""
    answer = _answer(facts, "scheduler", "exactly one process")
    if not isinstance(answer, RedisAnswer):
        return answer
    planning = [one for one in _alive(answer) if SCHEDULER in one.queues and not one.quiet]
    if not planning:
        return fail(
            "scheduler", "no process plans recurring work", "exactly one", "type `instancectl deploy`"
        )
    if len(planning) > 1:
        who = ", ".join(one.identity.split(":")[0] for one in planning)
        return warn(
            "scheduler",
            f"{len(planning)} processes plan recurring work ({who}): it is done twice",
            "exactly one",
            "after an update wait a minute; a Sidekiq started by hand must leave out the queue `scheduler`",
        )
    return ok("scheduler", "one process plans recurring work")


def _answer(facts: Facts, slug: str, needed: str) -> RedisAnswer | Judgement:
    if facts.deployed is False:
        return Skipped(slug, "nothing is deployed yet")
    if isinstance(facts.redis, Unknown):
        return unknown(slug, facts.redis, needed, "type `instancectl logs redis`")
    if isinstance(facts.redis, NoAnswer):
        why = Unknown(f"its record is in Redis, which does not answer: {facts.redis.reason}")
        return unknown(slug, why, needed, "type `instancectl logs redis`")
    return facts.redis


def _alive(answer: RedisAnswer) -> list[SidekiqProcess]:
    return [one for one in answer.processes if one.beat_age_seconds <= BEAT_LATE_SECONDS]


def _wanted(facts: Facts) -> int:
    if isinstance(facts.stack, Unknown):
        return 0
    states = facts.stack.services.items()
    return sum(state.spec.replicas for name, state in states if name == BASE or name.startswith(f"{BASE}-"))
