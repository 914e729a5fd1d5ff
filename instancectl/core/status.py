"""One screen about an instance: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from instancectl.core.check import Finding, Severity
from instancectl.core.checks.facts import Facts, Look
from instancectl.core.checks.seen import Answer, NoAnswer
from instancectl.core.observed import Observed, ServiceState
from instancectl.core.questions import PostgresAnswer, RedisAnswer
from instancectl.core.sizes import QUEUES
from instancectl.core.units import show_bytes, show_seconds
from instancectl.core.unknown import Unknown

LOOKS = frozenset({Look.MACHINE, Look.PROBES, Look.POSTGRES, Look.REDIS, Look.EDGE})
"""What the screen needs; nothing slower."""

Verdict = Literal["well", "degraded", "down", "unknown", "maintenance", "absent"]

SURFACES = frozenset({"web", "edge", "federation", "api", "services", "postgresql", "redis"})
"""Checks whose `fail` means that people cannot use the site."""

DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Verdict, the sentence that explains it, and everything shown."""

    verdict: Verdict
    sentence: str
    data: dict[str, Any]
    lines: tuple[str, ...]


def report(facts: Facts, findings: tuple[Finding, ...], now: float) -> StatusReport:
    """The screen.

    Args:
        facts: what was seen; what nobody could look at is shown as unknown.
        findings: judgements of the health checks.
        now: seconds since 1970.
    """
    verdict, why = judge(facts, findings)
    domain = facts.config.instance.domain
    sentence = f"{domain} {_WORDS[verdict]}" + (f": {why}" if why else "")
    data: dict[str, Any] = {
        "verdict": verdict,
        "sentence": sentence,
        "domain": domain,
        "url": site_url(facts),
        "release": facts.config.instance.release,
        "services": _services(facts),
        "queues": _queues(facts),
        "database": _database(facts),
        "redis": _redis(facts),
        "disk": _disk(facts),
        "certificate": _certificate(facts, now),
        "maintenance": facts.applied.maintenance is not None,
        "findings": [finding.as_json() for finding in findings if finding.severity is not Severity.OK],
    }
    return StatusReport(verdict, sentence, data, tuple(_screen(data)))


_WORDS = {
    "well": "is well",
    "degraded": "is degraded",
    "down": "is down",
    "unknown": "cannot be judged",
    "maintenance": "shows its maintenance page",
    "absent": "is not deployed on this host",
}


def judge(facts: Facts, findings: tuple[Finding, ...]) -> tuple[Verdict, str]:
    """The verdict and the worst reason; unknown is never well."""
    if facts.deployed is False:
        return "absent", "run `instancectl deploy`"
    worst = sorted(
        (finding for finding in findings if finding.severity is not Severity.OK),
        key=lambda finding: list(Severity).index(finding.severity),
        reverse=False,
    )
    fails = [finding for finding in worst if finding.severity is Severity.FAIL]
    if any(finding.check in SURFACES for finding in fails):
        return "down", "; ".join(finding.seen for finding in fails)
    if facts.applied.maintenance is not None:
        return "maintenance", "`instancectl maintenance off` ends it"
    if fails:
        return "degraded", "; ".join(finding.seen for finding in fails)
    unseen = [finding for finding in worst if finding.severity is Severity.UNKNOWN]
    if unseen:
        return "unknown", unseen[0].seen
    return ("degraded", worst[0].seen) if worst else ("well", "")


def site_url(facts: Facts) -> str:
    """Where people open it."""
    port = facts.config.proxy.https_port
    return f"https://{facts.config.site}" + ("" if port == 443 else f":{port}")


def _services(facts: Facts) -> list[dict[str, Any]] | None:
    if isinstance(facts.stack, Unknown):
        return None
    states = facts.stack.services
    return [_service(states[name]) for name in sorted(states, key=lambda name: _order(name, facts.stack))]


def _order(name: str, stack: Observed | Unknown) -> tuple[int, str]:
    known = ("proxy", "cache", "web", "streaming", "sidekiq")
    group = next((n for n, prefix in enumerate(known) if name.startswith(prefix)), len(known))
    return (group, name) if not isinstance(stack, Unknown) else (0, name)


def _service(state: ServiceState) -> dict[str, Any]:
    current = [task for task in state.tasks if task.wanted == "running"]
    if state.update_state in {"updating", "rollback_started", "paused", "rollback_paused"}:
        health = state.update_state.replace("_", " ")
    elif state.running == state.spec.replicas:
        health = "serves" if state.running else "stopped"
    else:
        health = next((task.error or task.state for task in current if task.state != "running"), "missing")
    return {
        "name": state.spec.name,
        "running": state.running,
        "replicas": state.spec.replicas,
        "health": health,
        "image": state.spec.image.partition("@")[0],
    }


def _queues(facts: Facts) -> list[dict[str, Any]] | None:
    answer = facts.redis
    if not isinstance(answer, RedisAnswer):
        return None
    names = (*QUEUES, *sorted(set(answer.sizes) - set(QUEUES)))
    return [
        {
            "name": name,
            "size": answer.sizes.get(name, 0),
            "latency_seconds": round(answer.latencies.get(name, 0.0), 1),
        }
        for name in names
    ]


def _database(facts: Facts) -> dict[str, Any] | None:
    answer = facts.postgres
    if not isinstance(answer, PostgresAnswer):
        return None
    return {
        "version": ".".join(map(str, answer.version)),
        "size_bytes": answer.database_bytes,
        "connections": answer.connections,
        "max_connections": answer.max_connections,
    }


def _redis(facts: Facts) -> dict[str, Any] | None:
    answer = facts.redis
    if not isinstance(answer, RedisAnswer):
        return None
    return {
        "version": ".".join(map(str, answer.version)),
        "used_bytes": answer.used_bytes,
        "max_bytes": answer.max_bytes,
        "retries": answer.retries,
        "dead": answer.dead,
    }


def _disk(facts: Facts) -> dict[str, Any] | None:
    if isinstance(facts.disk, Unknown):
        return None
    return {
        "path": facts.disk.path,
        "total_bytes": facts.disk.total_bytes,
        "free_bytes": facts.disk.free_bytes,
    }


def _certificate(facts: Facts, now: float) -> dict[str, Any] | None:
    if isinstance(facts.edge, Unknown | NoAnswer) or not isinstance(facts.edge, Answer):
        return None
    certificate = facts.edge.certificate
    if certificate is None:
        return None
    return {
        "expires_in_seconds": int(certificate.not_after - now),
        "not_after": int(certificate.not_after),
        "trusted": not certificate.distrust,
    }


def _screen(data: dict[str, Any]) -> Iterator[str]:
    yield data["sentence"]
    for finding in data["findings"]:
        if finding["hint"]:
            yield f"  {finding['severity']:<8}{finding['check']}: {finding['seen']}; {finding['hint']}"
    if data["verdict"] == "absent":
        return
    yield f"{data['url']}  release {data['release']}"
    yield ""
    yield from _table(
        ("SERVICE", "REPLICAS", "STATE", "IMAGE"),
        [
            (row["name"], f"{row['running']}/{row['replicas']}", row["health"], row["image"])
            for row in data["services"] or ()
        ],
    )
    yield ""
    yield from _table(
        ("QUEUE", "SIZE", "LATENCY"),
        [
            (row["name"], str(row["size"]), show_seconds(row["latency_seconds"]))
            for row in data["queues"] or ()
        ],
    )
    yield ""
    yield from _facts(data)


def _facts(data: dict[str, Any]) -> Iterator[str]:
    database, redis, disk, certificate = (data[key] for key in ("database", "redis", "disk", "certificate"))
    yield "database     " + (
        f"PostgreSQL {database['version']}, {show_bytes(database['size_bytes'])}, "
        f"{database['connections']} of {database['max_connections']} connections"
        if database
        else "unknown"
    )
    yield "redis        " + (
        f"Redis {redis['version']}, {show_bytes(redis['used_bytes'])} of {show_bytes(redis['max_bytes'])}; "
        f"{redis['retries']} jobs to retry, {redis['dead']} dead"
        if redis
        else "unknown"
    )
    yield "disk         " + (
        f"{show_bytes(disk['free_bytes'])} free of {show_bytes(disk['total_bytes'])}" if disk else "unknown"
    )
    trust = "" if certificate is None or certificate["trusted"] else ", not trusted by this host"
    yield "certificate  " + (_left(certificate["expires_in_seconds"]) + trust if certificate else "unknown")


def _left(seconds: int) -> str:
    if seconds <= 0:
        return f"expired {show_seconds(-seconds)} ago"
    days = seconds // DAY_SECONDS
    return f"valid for {days} days" if days > 1 else f"valid for {show_seconds(seconds)}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        yield f"{head[0].lower()}s are unknown"
        return
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
