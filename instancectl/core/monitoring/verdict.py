"""From what was seen in one slice to good, bad or unknown, and to the service that broke.

No single request sees everything, so they are read together. A dead PostgreSQL or Redis explains all that
fails with it; only when both are well is one of Mastodon's own services the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from instancectl.core.checks.seen import MailTalk
from instancectl.core.monitoring import canary
from instancectl.core.monitoring.sidekiq import Sidekiq
from instancectl.core.monitoring.sli import (
    AVAILABILITY,
    QUEUE_OBJECTIVES,
    QUEUE_SLIS,
    SLIS,
    SURFACES,
    TIMELINE,
    Verdict,
    headline,
)
from instancectl.core.monitoring.surfaces import Answered
from instancectl.core.sizes import QUEUES
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Known, Unknown

NAMES = {"db": "PostgreSQL", "redis": "Redis", "sidekiq": "Sidekiq", "mail": "mail server"}
CAUSES = ("db", "redis", "web", "streaming", "sidekiq", "cache", "proxy", "mail", "media")
"""Whatever can be named as broken, the deepest first."""

_MAIL_SHOWS = frozenset({"mail", "queue_mailers"})
_SERVICE_OF = {"web": "web", "login": "web", "federation": "web", "streaming": "streaming"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was seen in one slice.

    Attributes:
        deployed: whether there should be something to see; None when nobody can tell.
        answers: of all replicas and the edge, already judged.
        blind: surfaces nobody could ask, and why.
        db: None when PostgreSQL took a new connection and answered; else what it did instead.
        redis: likewise.
        unwritable: why Redis refuses writes; empty when it takes them.
        sidekiq: what was read from Redis.
        mail: the last conversation with the mail server; None where there is none to talk to.
        slis: what this instance is measured by.
        canary: the last run on the write path; None where none is wanted.
    """

    deployed: bool | None
    answers: tuple[Answered, ...] = ()
    blind: Mapping[str, str] = field(default_factory=dict)
    db: Known[str | None] = None
    redis: Known[str | None] = None
    unwritable: str = ""
    sidekiq: Known[Sidekiq] = field(default_factory=lambda: Unknown("nobody looked"))
    mail: Known[MailTalk | None] = None
    slis: tuple[str, ...] = SLIS
    canary: Known[canary.Outcome | None] = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One slice.

    Attributes:
        verdicts: service level indicator → verdict, for each one the instance is measured by.
        reasons: what was wrong or could not be seen, for those that are not good.
        causes: services that broke, the deepest first; consequences are left out.
        sentence: all of it for a person.
    """

    verdicts: Mapping[str, Verdict]
    reasons: Mapping[str, str]
    causes: tuple[str, ...]
    sentence: str


def judge(evidence: Evidence) -> Judgement:
    """The verdicts of one slice."""
    if not evidence.deployed:
        why = "nothing is deployed yet" if evidence.deployed is False else "nobody can see what is deployed"
        unknown = dict.fromkeys(evidence.slis, Verdict.UNKNOWN)
        return Judgement(unknown, dict.fromkeys(evidence.slis, why), (), f"unknown: {why}")
    found = {name: _surface(name, evidence) for name in SURFACES}
    found |= {f"queue_{queue}": _queue(queue, evidence.sidekiq) for queue in QUEUE_SLIS}
    found[TIMELINE] = canary.verdict(evidence.canary)
    found = {name: one for name, one in found.items() if name in evidence.slis}
    verdicts = {name: verdict for name, (verdict, _) in found.items()}
    verdicts = {AVAILABILITY: headline(verdicts), **verdicts}
    reasons = {name: reason for name, (_, reason) in found.items() if reason}
    causes = _causes(evidence, verdicts)
    told = tuple(said for _, said in causes)
    named = tuple(service for service, _ in causes)
    return Judgement(verdicts, reasons, named, _sentence(verdicts, reasons, told, named))


def _surface(name: str, evidence: Evidence) -> tuple[Verdict, str]:
    if name == "sidekiq":
        return _background(evidence)
    if name == "mail":
        return _mail(evidence.mail)
    return _asked(name, evidence)


def _asked(name: str, evidence: Evidence) -> tuple[Verdict, str]:
    mine = [one for one in evidence.answers if one.ask.surface == name]
    wrong = [one for one in mine if one.failure and not _goes_around(one, mine)]
    if wrong:
        return Verdict.BAD, "; ".join(dict.fromkeys(_told(one) for one in wrong))
    if name in evidence.blind:
        return Verdict.UNKNOWN, evidence.blind[name]
    return (Verdict.GOOD, "") if mine else (Verdict.UNKNOWN, "nobody asked")


def _goes_around(answer: Answered, others: Iterable[Answered]) -> bool:
    """A replica that refuses connections costs nobody a request while another one answers."""
    return answer.failure == "connect" and any(one.ask is answer.ask and not one.failure for one in others)


def _told(answer: Answered) -> str:
    where = f" of {answer.replica}" if answer.replica and answer.ask.service != "edge" else ""
    path = answer.ask.path.partition("?")[0]
    through = " through the edge" if answer.ask.service == "edge" else ""
    return f"`{path}`{where}{through} {answer.said}"


def _background(evidence: Evidence) -> tuple[Verdict, str]:
    seen = evidence.sidekiq
    if isinstance(seen, Unknown):
        return Verdict.UNKNOWN, seen.reason
    covered = {queue for one in seen.live if not one.quiet for queue in one.queues}
    bare = [queue for queue in QUEUES if queue not in covered]
    if not seen.live:
        return Verdict.BAD, "no process beats"
    return (Verdict.BAD, f"nobody works on {', '.join(bare)}") if bare else (Verdict.GOOD, "")


def _mail(talk: Known[MailTalk | None]) -> tuple[Verdict, str]:
    if isinstance(talk, Unknown):
        return Verdict.UNKNOWN, talk.reason
    if talk is None:
        return Verdict.UNKNOWN, "no mail server is configured"
    if talk.failed_at:
        return Verdict.BAD, f"the mail server failed at {talk.failed_at}: {talk.said}"
    return Verdict.GOOD, ""


def _queue(queue: str, seen: Known[Sidekiq]) -> tuple[Verdict, str]:
    if isinstance(seen, Unknown):
        return Verdict.UNKNOWN, seen.reason
    latency, objective = seen.queues[queue].latency_seconds, QUEUE_OBJECTIVES[queue]
    if latency > objective:
        return (
            Verdict.BAD,
            f"the oldest job waited {show_seconds(latency)}, {show_seconds(objective)} are allowed",
        )
    return Verdict.GOOD, ""


def _causes(evidence: Evidence, verdicts: Mapping[str, Verdict]) -> list[tuple[str, str]]:
    """(service, what it did), without what follows from something deeper."""
    found = []
    for service, state in (("db", evidence.db), ("redis", evidence.redis)):
        if isinstance(state, str):
            found.append((service, f"{NAMES[service]} is down ({state})"))
    if evidence.unwritable and not found:
        found.append(("redis", f"Redis takes no writes: {evidence.unwritable}"))
    if not found:
        found += _own_causes(evidence, verdicts)
    if verdicts.get("mail") is Verdict.BAD:
        found.append(("mail", "the mail server does not take our mail"))
    return found


def _own_causes(evidence: Evidence, verdicts: Mapping[str, Verdict]) -> list[tuple[str, str]]:
    found = [
        (service, f"`{service}` does not answer as it should")
        for service in ("web", "streaming")
        if _silent(evidence, service) or _wrong(evidence, service)
    ]
    if verdicts["sidekiq"] is Verdict.BAD:
        found.append(("sidekiq", "Sidekiq does not work off its queues"))
    if _silent(evidence, "cache"):
        found.append(("cache", "`cache` does not answer"))
    # The way in fails although everything behind it is well.
    if not found and _failed(evidence, "edge", "web"):
        found.append(("proxy", "`proxy` does not let visitors in"))
    if verdicts.get("media") is Verdict.BAD and not found:
        found.append(("media", "uploads cannot be seen"))
    return found


def _silent(evidence: Evidence, service: str) -> bool:
    """No replica of a service gives any answer."""
    mine = [one for one in evidence.answers if one.ask.service == service]
    return bool(mine) and not any(one.status for one in mine)


def _wrong(evidence: Evidence, service: str) -> bool:
    surfaces = [name for name, owner in _SERVICE_OF.items() if owner == service]
    mine = [one for one in evidence.answers if one.ask.service == service and one.ask.surface in surfaces]
    return any(one.failure and not _goes_around(one, mine) for one in mine)


def _failed(evidence: Evidence, service: str, surface: str) -> bool:
    mine = [one for one in evidence.answers if (one.ask.service, one.ask.surface) == (service, surface)]
    return any(one.failure for one in mine)


def _sentence(
    verdicts: Mapping[str, Verdict],
    reasons: Mapping[str, str],
    causes: tuple[str, ...],
    services: tuple[str, ...],
) -> str:
    bad = [name for name, one in verdicts.items() if one is Verdict.BAD and name != AVAILABILITY]
    if not bad and not causes:
        unseen = [name for name in SURFACES if verdicts.get(name) is Verdict.UNKNOWN]
        return f"good; not seen: {', '.join(unseen)}" if unseen else "good"
    if not causes:
        return "bad: " + _each(bad, reasons)
    # A mail server that refuses mail holds up mails, and nothing else.
    explained = [name for name in bad if services != ("mail",) or name in _MAIL_SHOWS]
    shows = f", which shows in {', '.join(explained)}" if explained else "; nothing else shows it yet"
    rest = _each([name for name in bad if name not in explained], reasons)
    apart = f"; {rest}" if rest else ""
    return f"{'bad' if bad else 'good, but'}: {'; '.join(causes)}{shows}{apart}"


def _each(names: Iterable[str], reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reasons.get(name, 'bad')}" for name in names)
