"""Checks of a running instance: one for each surface, each naming the dependency that died.

No single probe sees everything, so PostgreSQL and Redis are asked directly and the surfaces beside them: a
surface that fails for want of PostgreSQL says so, and is no second fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.observed import Observed, ServiceState
from instancectl.core.probes import Probe, ReplicaAnswer, is_well, probes
from instancectl.core.unknown import Unknown

NAMES: Final[Mapping[str, str]] = {"db": "PostgreSQL", "redis": "Redis"}
"""What people call a service, where that is not its name."""

CONNECTIONS_WARN_PERCENT = 85


def services(facts: Facts) -> Judgement:
    """Every service runs with all its replicas, and no update is stuck."""
    if isinstance(facts.stack, Unknown):
        return unknown("services", facts.stack, "running services")
    if not facts.stack.services:
        return Skipped("services", "nothing is deployed yet")
    states = facts.stack.services.values()
    down = [state for state in states if state.running == 0 < state.spec.replicas]
    hint = f"type `instancectl logs {(down or _short(facts.stack) or list(states))[0].spec.name}`"
    if down:
        return fail("services", f"no replica runs of {_names(down)}", "every service running", hint)
    short = _short(facts.stack)
    if short:
        seen = ", ".join(f"{state.spec.name} {state.running} of {state.spec.replicas}" for state in short)
        return warn("services", f"fewer replicas than wanted: {seen}", "all replicas", hint)
    stuck = [state for state in states if state.update_state.endswith("paused")]
    if stuck:
        return warn(
            "services",
            f"the last update of {_names(stuck)} was not finished",
            "finished",
            "type `instancectl deploy`",
        )
    replicas = sum(state.running for state in states)
    return ok("services", f"{len(facts.stack.services)} services, {replicas} replicas, all run")


def postgresql(facts: Facts) -> Judgement:
    """PostgreSQL answers a query, and has connections to spare."""
    return _skip(facts, "postgresql") or _postgresql(facts)


def _postgresql(facts: Facts) -> Finding:
    answer, hint = facts.postgres, "type `instancectl logs db`"
    if isinstance(answer, Unknown):
        return unknown("postgresql", answer, "an answer to a query", hint)
    if isinstance(answer, NoAnswer):
        return fail(
            "postgresql", f"PostgreSQL does not answer: {answer.reason}", "an answer to a query", hint
        )
    used = 100 * answer.connections // max(1, answer.max_connections)
    seen = f"answers; {answer.connections} of {answer.max_connections} connections"
    if used >= CONNECTIONS_WARN_PERCENT:
        return warn(
            "postgresql",
            seen,
            f"below {CONNECTIONS_WARN_PERCENT} %",
            'type `instancectl config explain`; `database.pgbouncer = "on"` lets waiting threads hold none',
        )
    return ok("postgresql", seen)


def redis(facts: Facts) -> Judgement:
    """Redis answers, keeps what it was given, and writes it to disk."""
    return _skip(facts, "redis") or _redis(facts)


def _redis(facts: Facts) -> Finding:
    answer, hint = facts.redis, "type `instancectl logs redis`"
    if isinstance(answer, Unknown):
        return unknown("redis", answer, "an answer", hint)
    if isinstance(answer, NoAnswer):
        return fail("redis", f"Redis does not answer: {answer.reason}", "an answer", hint)
    if answer.policy != "noeviction":
        return fail(
            "redis",
            f"answers, but drops keys when memory is full (`{answer.policy}`): jobs would vanish",
            "`noeviction`",
            "type `instancectl deploy`",
        )
    if not answer.appendonly or not answer.aof_healthy:
        return warn(
            "redis", "answers, but does not write its log to disk", "a log on disk: it holds the jobs", hint
        )
    used = (
        f"{100 * answer.used_bytes // answer.max_bytes} % of its memory"
        if answer.max_bytes
        else "no memory limit"
    )
    if answer.max_bytes and answer.used_bytes > 0.9 * answer.max_bytes:
        return warn(
            "redis", f"answers, {used} used: writes fail when it is full", "below 90 %", "`redis.memory_mib`"
        )
    return ok("redis", f"answers; {used}")


def web(facts: Facts) -> Judgement:
    """Every replica of `web` answers."""
    return _surface(facts, "web")


def federation(facts: Facts) -> Judgement:
    """Other servers can look up an account: web and PostgreSQL work together."""
    finding = _surface(facts, "federation")
    answers = _of(facts, "federation")
    if isinstance(finding, Finding) and answers and all(answer.status == 404 for answer in answers):
        config = facts.config
        name = f"@{config.owner.username}@{config.instance.domain}"
        if config.owner.email and facts.applied.owner_done:
            return warn(
                "federation",
                f"looked up, but {name} is not there",
                "the owner's account",
                "set `owner.username` to the owner's present name, or see `instancectl tootctl accounts`",
            )
        return ok("federation", "accounts are looked up (the owner has no account yet)")
    return finding


def api(facts: Facts) -> Judgement:
    """Apps get an answer: web and Redis work together."""
    return _surface(facts, "api")


def streaming(facts: Facts) -> Judgement:
    """Timelines move by themselves: streaming checks tokens against PostgreSQL."""
    return _surface(facts, "streaming")


def _surface(facts: Facts, surface: str) -> Judgement:
    skipped = _skip(facts, surface)
    if skipped:
        return skipped
    probe = next(one for one in probes(facts.config) if one.surface == surface)
    wanted = " or ".join(str(status) for status in sorted(probe.expect))
    needed = f"{wanted} from every replica of `{probe.service}`"
    hint = f"type `instancectl logs {probe.service}`"
    if isinstance(facts.probes, Unknown):
        return unknown(surface, facts.probes, needed, hint)
    answers = _of(facts, surface)
    if not answers:
        return unknown(surface, Unknown("the probe said nothing"), needed, hint)
    bad = [answer for answer in answers if not is_well(probe, answer)]
    if not bad:
        slowest = max(answer.seconds for answer in answers)
        return ok(surface, f"{_count(len(answers))} well, slowest {slowest * 1000:.0f} ms")
    told = f"{len(bad)} of {_count(len(answers))}: {_said(bad[0])}"
    culprit = cause(facts, probe)
    if culprit:
        return fail(
            surface, f"{told}, because {NAMES[culprit]} is down", needed, f"type `instancectl logs {culprit}`"
        )
    return (fail if len(bad) == len(answers) else warn)(surface, told, needed, hint)


def cause(facts: Facts, probe: Probe) -> str:
    """`db` or `redis` when that is known to be down and the probe needs it; else empty."""
    direct = {"db": facts.postgres, "redis": facts.redis}
    return next((name for name in probe.sees if isinstance(direct.get(name), NoAnswer)), "")


def dead(facts: Facts) -> tuple[str, ...]:
    """Dependencies that died: known when asked directly, else concluded from which surfaces fail.

    Webfinger fails without PostgreSQL and not without Redis, `/api/v2/instance` the other way round.
    """
    known = {"db": facts.postgres, "redis": facts.redis}
    found = [name for name, answer in known.items() if isinstance(answer, NoAnswer)]
    for name, surface, other in (("db", "federation", "web"), ("redis", "api", "web")):
        silent = (
            isinstance(known[name], Unknown) and _all_fail(facts, surface) and not _all_fail(facts, other)
        )
        if silent and _errors(facts, surface):
            found.append(name)
    return tuple(found)


def _all_fail(facts: Facts, surface: str) -> bool:
    probe = next(one for one in probes(facts.config) if one.surface == surface)
    answers = _of(facts, surface)
    return bool(answers) and not any(is_well(probe, answer) for answer in answers)


def _errors(facts: Facts, surface: str) -> bool:
    return all(answer.status >= 500 for answer in _of(facts, surface))


def _of(facts: Facts, surface: str) -> tuple[ReplicaAnswer, ...]:
    if isinstance(facts.probes, Unknown):
        return ()
    return tuple(answer for answer in facts.probes if answer.surface == surface)


def _skip(facts: Facts, slug: str) -> Skipped | None:
    if facts.deployed is False:
        return Skipped(slug, "nothing is deployed yet")
    return None


def _said(answer: ReplicaAnswer) -> str:
    where = f" ({answer.address})" if answer.address else ""
    return (f"answered {answer.status}" if answer.status else answer.reason) + where


def _short(stack: Observed) -> list[ServiceState]:
    return [state for state in stack.services.values() if state.running < state.spec.replicas]


def _names(states: list[ServiceState]) -> str:
    return ", ".join(f"`{state.spec.name}`" for state in states)


def _count(replicas: int) -> str:
    return f"{replicas} replica" + ("" if replicas == 1 else "s")
