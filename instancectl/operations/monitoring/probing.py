"""One round of deep probes: look from everywhere at once, try failures again, judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from instancectl.core.checks.seen import Answer, MailTalk, NoAnswer
from instancectl.core.config import InstanceConfig
from instancectl.core.letter import route
from instancectl.core.monitoring import surfaces
from instancectl.core.monitoring.canary import Outcome
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.sidekiq import Sidekiq
from instancectl.core.monitoring.sight import Sight
from instancectl.core.monitoring.stores import unwritable
from instancectl.core.monitoring.surfaces import Answered, Ask
from instancectl.core.monitoring.verdict import Evidence
from instancectl.core.secrets import Secret
from instancectl.core.topology.parts import EDGE
from instancectl.core.unknown import NOT_LOOKED, Known, Unknown
from instancectl.errors import InstanceError, OperationFailed
from instancectl.operations.monitoring.redis_reading import read_redis
from instancectl.ports.clock import Clock
from instancectl.ports.database_line import DatabaseLine
from instancectl.ports.host_facts import HostFacts
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.mail_server import MailServer
from instancectl.ports.redis_line import RedisLine
from instancectl.ports.stack_sight import StackSight
from instancectl.ports.together import Together
from instancectl.ports.uptime_ledger import UptimeLedger

SIGHT_SECONDS = 1.5
ROUND_SECONDS = 4.0
"""Both rounds, the pause between them and the look at the Engine fit into one slice."""

MAIL_EVERY_SECONDS = 300.0
"""A login each slice would be abuse: the last conversation stands for the slices until the next one."""

MAIL_AGAIN_SECONDS = 60.0
"""While it does not work, so that the end of an outage is seen soon."""

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Senses:
    """Everything to look with.

    Attributes:
        inside: HTTP from within the overlay network.
        outside: HTTP from this host, as a visitor.
        mail_password: for the login at the mail server; may be empty.
        ever_deployed: whether a deploy was once seen to work: then nothing to see is an outage.
        backups: what is remembered of backups.
        canary: its last run; None where none is wanted.
    """

    stack: StackSight
    redis: RedisLine
    database: DatabaseLine
    inside: HttpProbe
    outside: HttpProbe
    mail: MailServer
    host: HostFacts
    together: Together
    clock: Clock
    ledger: UptimeLedger
    mail_password: Secret = field(default_factory=lambda: Secret(""))
    ever_deployed: Callable[[], bool] = lambda: False
    backups: Callable[[], Iterable[Sample]] = tuple
    canary: Callable[[], Known[Outcome | None]] = lambda: None


@dataclass(frozen=True, slots=True)
class _Blind:
    """Something that could not even be tried."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Down:
    """A dependency that was tried and did not do what it should."""

    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought home, for the metrics.

    Attributes:
        sight: what the Engine showed, now or last.
        certificates: host name → end of its certificate.
        reader: label of what an anonymous reader got; empty when nobody asked.
        release: Mastodon's version as it answers; empty when it does not.
    """

    evidence: Evidence
    sight: Known[Sight]
    certificates: Mapping[str, float]
    reader: str = ""
    release: str = ""


class Prober:
    """Makes rounds; remembers the last look at the Engine and the last talk with the mail server."""

    def __init__(self, config: InstanceConfig, senses: Senses) -> None:
        """Nothing is looked at yet."""
        self._config, self._senses = config, senses
        self._asks = surfaces.asks(config)
        self._slis = surfaces.slis_of(config)
        self._sight: Known[Sight] = NOT_LOOKED
        self._mail: Known[MailTalk | None] = NOT_LOOKED if "mail" in self._slis else None
        self._mail_due = 0.0

    def round(self, slice_number: int) -> Round:
        """One slice's worth of looking; takes at most 12 s."""
        seen = self._senses.together.run({"sight": self._senses.stack.look}, SIGHT_SECONDS)["sight"]
        if not isinstance(seen, Unknown) or isinstance(self._sight, Unknown):
            self._sight = seen
        deployed = self._deployed(seen)
        if not deployed:
            evidence = Evidence(deployed, slis=self._slis)
            return Round(evidence, self._sight, {})
        wanted = self._requests(slice_number)
        looks: dict[str, Callable[[], Any]] = {key: look for key, (_, _, look) in wanted.items()}
        looks |= {
            "db": partial(_tried, "db", self._greet_database),
            "redis": partial(_tried, "redis", self._ask_redis),
            "reader": self._ask_as_reader,
        }
        if self._mail_is_due():
            looks["mail"] = self._talk_to_mail_server
        started = self._senses.clock.monotonic_seconds()
        found = dict(self._senses.together.run(looks, ROUND_SECONDS))
        again = [key for key in looks if key not in {"mail", "reader"} and _went_wrong(found[key])]
        if again:
            passed = self._senses.clock.monotonic_seconds() - started
            self._senses.clock.sleep(max(0.0, surfaces.RETRY_AFTER_SECONDS - passed))
            found |= self._senses.together.run({key: looks[key] for key in again}, ROUND_SECONDS)
        return self._round(wanted, found)

    def _deployed(self, seen: Known[Sight]) -> bool | None:
        if isinstance(self._sight, Unknown):
            return True if self._once_deployed() else None
        # The proxy comes last: until it runs, an instance that never was seen to work is being made.
        if any(one.runs for one in self._sight.of("proxy")):
            return True
        # Services that are gone without a `destroy`: an outage, not an instance that never was.
        return self._once_deployed() if not isinstance(seen, Unknown) else None

    def _once_deployed(self) -> bool:
        try:
            return self._senses.ever_deployed()
        except InstanceError:
            return False  # the record cannot be read; `instancectl plan` says so

    def _requests(self, slice_number: int) -> dict[str, tuple[Ask, str, Callable[[], Answered | _Blind]]]:
        found: dict[str, tuple[Ask, str, Callable[[], Answered | _Blind]]] = {}
        for ask in self._asks:
            for name, address in self._targets(ask, slice_number):
                look = partial(self._asked, ask, name, address)
                found[f"{ask.surface} {ask.part} {name}"] = (ask, name, look)
        return found

    def _targets(self, ask: Ask, slice_number: int) -> list[tuple[str, str]]:
        """(replica, address) to ask; one without an address when there is no replica."""
        if ask.service == "edge":
            return [("edge", self._edge_address())]
        if isinstance(self._sight, Unknown):
            return []
        replicas = [one for one in self._sight.of(ask.service) if EDGE in one.addresses]
        known = {one.addresses[EDGE]: one.name for one in replicas}
        chosen = surfaces.chosen(ask, tuple(known), slice_number)
        return [(known[address], address) for address in chosen] or [("", "")]

    def _edge_address(self) -> str:
        """Loopback, unless the proxy is on another host; empty asks the name."""
        if isinstance(self._sight, Unknown):
            return LOOPBACK
        proxies = self._sight.of("proxy")
        return LOOPBACK if any(one.here for one in proxies) or not proxies else ""

    def _asked(self, ask: Ask, name: str, address: str) -> Answered | _Blind:
        if not name:
            return Answered(ask, "", "absent", said="has no replica that runs")
        http = self._senses.outside if ask.service == "edge" else self._senses.inside
        started = self._senses.clock.monotonic_seconds()
        try:
            answer = http.ask(surfaces.request(ask, self._config, address))
        except InstanceError as error:
            return _Blind(error.message)
        if isinstance(answer, NoAnswer):
            took = self._senses.clock.monotonic_seconds() - started
            return Answered(ask, name, answer.kind, seconds=took, said=f"gave no answer: {answer.reason}")
        return surfaces.judged(surfaces.answered(ask, name, answer))

    def _ask_as_reader(self) -> Answer | NoAnswer:
        ask = surfaces.reader(self._config)
        return self._senses.outside.ask(surfaces.request(ask, self._config, self._edge_address()))

    def _greet_database(self) -> None:
        self._senses.database.greet()

    def _ask_redis(self) -> tuple[str, Sidekiq]:
        self._senses.redis.greet()
        info, reading = read_redis(self._senses.redis, jobs=False)
        return unwritable(info), reading

    def _mail_is_due(self) -> bool:
        return self._mail is not None and self._senses.clock.monotonic_seconds() >= self._mail_due

    def _talk_to_mail_server(self) -> None:
        """Kept where it is found: a slow conversation may outlast the round."""
        started = self._senses.clock.monotonic_seconds()
        self._mail_due = started + MAIL_EVERY_SECONDS
        talk = self._senses.mail.talk(route(self._config), self._senses.mail_password, None)
        if talk.failed_at:
            self._mail_due = started + MAIL_AGAIN_SECONDS
        self._mail = talk

    def _round(self, wanted: Mapping[str, tuple[Ask, str, Any]], found: Mapping[str, Any]) -> Round:
        answers, blind = [], {}
        for key, (ask, name, _) in wanted.items():
            one = found[key]
            if isinstance(one, _Blind):
                blind[ask.surface] = one.reason
            elif isinstance(one, Unknown):
                late = f"gave no answer within {ROUND_SECONDS:.0f} s"
                answers.append(Answered(ask, name, "timeout", seconds=ROUND_SECONDS, said=late))
            else:
                answers.append(one)
        if isinstance(self._sight, Unknown):
            blind |= {ask.surface: self._sight.reason for ask in self._asks if ask.service != "edge"}
        redis = found["redis"]
        read_redis = isinstance(redis, tuple)
        evidence = Evidence(
            deployed=True,
            answers=tuple(answers),
            blind=blind,
            db=self._state("db", found["db"]),
            redis=self._state("redis", redis),
            unwritable=redis[0] if read_redis else "",
            sidekiq=redis[1] if read_redis else Unknown(f"its record is in Redis: {redis.reason}"),
            mail=self._mail,
            slis=self._slis,
            canary=self._senses.canary(),
        )
        return self._described(evidence, found["reader"])

    def _state(self, service: str, found: Any) -> Known[str | None]:
        """None when it is well, words when it is down; unknown where it cannot be asked from this host."""
        if isinstance(found, Unknown) and found.reason.startswith("no answer"):
            found = _Down(found.reason)
        if isinstance(found, (_Blind, Unknown)):
            return Unknown(found.reason)
        if not isinstance(found, _Down):
            return None
        if isinstance(self._sight, Unknown) or any(not one.here for one in self._sight.of(service)):
            return Unknown(found.reason)
        return found.reason

    def _described(self, evidence: Evidence, reader: Any) -> Round:
        certificates: dict[str, float] = {}
        word = "none"
        if isinstance(reader, Answer):
            word = surfaces.cache_word(reader.header("x-cached"), reader.status)
            if reader.certificate is not None:
                certificates[self._config.site] = reader.certificate.not_after
        well = (one for one in evidence.answers if one.ask.part == "instance" and not one.failure)
        release = next((surfaces.release(one.body) for one in well), "")
        answers = tuple(replace(one, body=b"") for one in evidence.answers)
        return Round(replace(evidence, answers=answers), self._sight, certificates, word, release)


def _went_wrong(found: Any) -> bool:
    return isinstance(found, (Unknown, _Down)) or (isinstance(found, Answered) and bool(found.failure))


def _tried(service: str, look: Callable[[], Any]) -> Any:
    """What the look found; or what the service did instead; or why nobody could try."""
    try:
        return look()
    except InstanceError as error:
        words = error.message.removeprefix("PostgreSQL: ").removeprefix("Redis: ")
        refused = isinstance(error, OperationFailed) or error.subject == service
        return _Down(words) if refused else _Blind(words)
