"""Brings messages to their receivers, again and again until each has them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from instancectl.core.alerting import message, retrying, senders
from instancectl.core.alerting.message import Message
from instancectl.core.checks.seen import NoAnswer, Request
from instancectl.core.config import InstanceConfig
from instancectl.core.letter import route
from instancectl.core.monitoring import catalogue_alerting as metrics
from instancectl.core.monitoring.metric import Counter, Sample
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import Secret
from instancectl.core.unknown import Unknown
from instancectl.errors import InstanceError
from instancectl.operations.alerting.desk import Desk
from instancectl.ports.alert_spool import AlertSpool, Waiting
from instancectl.ports.clock import Clock
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.mail_server import MailServer
from instancectl.ports.reporter import Reporter
from instancectl.ports.together import Together

ROUND_SECONDS = 1.0
"""How often the spool is looked at; an empty one costs a query."""

SEND_SECONDS = 20.0
"""A receiver that has not answered by then is tried again later; the others are not held up."""

AFTER_ERROR_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Post:
    """The ways out.

    Attributes:
        http: talks to no server whose certificate nobody vouches for.
        secrets: of `alerts.env`.
        mail_password: of the mail server of `[mail]`.
    """

    config: InstanceConfig
    http: HttpProbe
    mail: MailServer
    secrets: SecretSet
    mail_password: Secret

    def send(self, receiver: str, told: Message) -> str:
        """What went wrong, without any secret; empty when the receiver has it."""
        if receiver not in self.config.alerts.receivers:
            return "it is no longer set up"
        if receiver == "email":
            return self._mail(told)
        name = senders.SECRETS[receiver]
        if receiver not in senders.OPTIONAL and not self.secrets.get(name):
            return f"`{name}` is not in `alerts.env`"
        return self.ask(senders.request(receiver, self.config, self.secrets, told))

    def ask(self, request: Request) -> str:
        """What went wrong with a request; empty when it was accepted."""
        answer = self.http.ask(request)
        if isinstance(answer, NoAnswer):
            return answer.reason
        if 200 <= answer.status < 300:
            return ""
        said = " ".join(answer.body[:200].decode(errors="replace").split())
        return f"answered {answer.status}: {self._hidden(said)}"

    def _hidden(self, said: str) -> str:
        """Some servers repeat what they were sent."""
        for name in self.secrets.values:
            value = self.secrets.reveal(name)
            said = said.replace(value, "…") if value else said
        return said

    def _mail(self, told: Message) -> str:
        if self.config.mail.mode != "smtp" or not self.config.mail.server:
            return "`[mail]` names no server"
        failed = []
        for letter in senders.letters(self.config, told):
            talk = self.mail.talk(route(self.config), self.mail_password, letter)
            if not talk.sent:
                failed.append(f"{letter.recipient}: {talk.failed_at}: {talk.said}")
        return "; ".join(failed)


@dataclass
class Courier:
    """Runs beside the agent.

    Attributes:
        well: whether the agent itself still measures: no heartbeat leaves otherwise.
    """

    spool: AlertSpool
    post: Post
    desk: Desk
    clock: Clock
    together: Together
    reporter: Reporter
    well: Callable[[], bool]
    background: Callable[[Callable[[], None]], None]
    _sent: Counter = field(default_factory=lambda: Counter(metrics.ALERT_DELIVERIES))
    _failed: Counter = field(default_factory=lambda: Counter(metrics.ALERT_FAILURES))
    _dropped: Counter = field(default_factory=lambda: Counter(metrics.ALERT_DROPPED))
    _beaten_at: float = 0.0
    _closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Everything that can be counted reads zero."""
        for receiver in self._channels():
            for counter in (self._sent, self._failed, self._dropped):
                counter.add((receiver,), 0)

    def start(self) -> None:
        """Work in the background until closed."""
        self.background(self._work)

    def close(self) -> None:
        """Begin no further round."""
        self._closed.set()

    def samples(self) -> Iterator[Sample]:
        """Of messages and heartbeats."""
        try:
            waiting: Mapping[str, int] = self.spool.waiting()
        except InstanceError:
            waiting = {}
        else:
            for receiver in self._channels():
                yield Sample(metrics.ALERT_WAITING, waiting.get(receiver, 0), (receiver,))
        for counter in (self._sent, self._failed, self._dropped):
            yield from counter.samples()
        if self.post.config.alerts.heartbeat_url:
            yield Sample(metrics.HEARTBEAT_SENT, self._beaten_at)

    def round(self) -> None:
        """Everything that is due, each receiver beside the others."""
        due: dict[str, list[Waiting]] = {}
        for one in self.spool.due(self.clock.epoch_seconds()):
            due.setdefault(one.receiver, []).append(one)
        looks = {receiver: self._sending(receiver, mine[0]) for receiver, mine in due.items()}
        answers = self.together.run(looks, SEND_SECONDS) if looks else {}
        for receiver, error in answers.items():
            self._note(due[receiver][0], error.reason if isinstance(error, Unknown) else error)
        self._beat()

    def _channels(self) -> tuple[str, ...]:
        alerts = self.post.config.alerts
        return (*alerts.receivers, *(("heartbeat",) if alerts.heartbeat_url else ()))

    def _sending(self, receiver: str, one: Waiting) -> Callable[[], str]:
        return lambda: self.post.send(receiver, message.read(one.body))

    def _note(self, one: Waiting, error: str) -> None:
        now = self.clock.epoch_seconds()
        if not error:
            self.spool.delivered(one, now)
            self._sent.add((one.receiver,))
            return
        self._failed.add((one.receiver,))
        gone = one.receiver not in self.post.config.alerts.receivers
        if gone or retrying.given_up(one.accepted_at, now):
            self.spool.failed(one, error, now, None)
            self._dropped.add((one.receiver,))
            self.reporter.note(f"a message to {one.receiver} is given up: {error}")
            return
        if one.attempts == 0:
            self.reporter.note(f"a message to {one.receiver} did not get through, it is tried again: {error}")
        self.spool.failed(one, error, now, retrying.next_try(one.attempts + 1, now))

    def _beat(self) -> None:
        url = self.post.config.alerts.heartbeat_url
        now = self.clock.epoch_seconds()
        # Asked even without an address, so that an old beat never counts later.
        if not self.desk.beat() or not url or not self.well():
            return
        body = b"prober and alerts work"
        error = self.together.run(
            {"heartbeat": lambda: self.post.ask(Request(url, method="POST", body=body))}, SEND_SECONDS
        )["heartbeat"]
        if error:
            self._failed.add(("heartbeat",))
            return
        self._sent.add(("heartbeat",))
        self._beaten_at = now

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                self.round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next message must still leave
                said = (
                    error.message if isinstance(error, InstanceError) else f"{type(error).__name__}: {error}"
                )
                self.reporter.note(f"messages do not leave: {said}")
                self.clock.sleep(AFTER_ERROR_SECONDS)
            self.clock.sleep(ROUND_SECONDS)
