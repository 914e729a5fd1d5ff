"""A small deployed instance out of fakes, and an agent beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from instancectl.core.backup.figures import Figures
from instancectl.core.backup.figures import samples as backups
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import surfaces
from instancectl.core.sizes import QUEUES
from instancectl.operations.monitoring import Senses
from tests.fakes.clock import FakeClock
from tests.fakes.database_line import FakeDatabaseLine
from tests.fakes.host import FakeHost
from tests.fakes.http import FakeHttp, answer
from tests.fakes.mail_server import FakeMailServer
from tests.fakes.redis_line import FakeRedisLine
from tests.fakes.stack_sight import FakeStackSight
from tests.fakes.together import OneByOne
from tests.fakes.uptime_ledger import FakeLedger

CONFIG = InstanceConfig.model_validate({
    "instance": {"domain": "social.example"},
    "mail": {"server": "mail.example", "login": "us", "starttls": "always"},
})  # fmt: skip
BODIES = {
    "instance": b'{"version":"4.6.3"}',
    "form": b'<input name="user[password]">',
    "nodeinfo": b'{"software":{}}',
}


REFUSED = NoAnswer("connection refused")


@dataclass
class Watched:
    """Everything that can be looked at, and what a test breaks of it."""

    stack: FakeStackSight = field(default_factory=FakeStackSight)
    redis: FakeRedisLine = field(default_factory=FakeRedisLine)
    database: FakeDatabaseLine = field(default_factory=FakeDatabaseLine)
    inside: FakeHttp = field(default_factory=FakeHttp)
    outside: FakeHttp = field(default_factory=FakeHttp)
    mail: FakeMailServer = field(default_factory=lambda: FakeMailServer(("us", "")))
    host: FakeHost = field(default_factory=FakeHost)
    together: OneByOne = field(default_factory=OneByOne)
    clock: FakeClock = field(default_factory=FakeClock)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    once_deployed: bool = True

    def deployed(self, web: int = 1) -> Watched:
        """All services run and answer."""
        self.stack.all()
        self.stack.replicas("web", web)
        self.redis.beat("sidekiq10000:1:x", queues=QUEUES)
        for ask in surfaces.asks(CONFIG):
            for replica in self.stack.look().replicas:
                if replica.service == ask.service:
                    self.answer(ask, replica.addresses["edge"])
            if ask.service == "edge":
                self.answer(ask, "127.0.0.1")
        self.answer(surfaces.reader(CONFIG), "127.0.0.1", **{"x-cached": "HIT"})
        return self

    def answer(self, ask: surfaces.Ask, address: str, status: int = 0, **headers: str) -> None:
        """What one replica, or the edge, answers from now on."""
        url = surfaces.request(ask, CONFIG, address).url
        web = self.outside if ask.service == "edge" else self.inside
        web.pages[url] = answer(status or min(ask.expect), BODIES.get(ask.part, b""), **headers)

    def silence(self, part: str, reason: NoAnswer = REFUSED) -> None:
        """Every URL that holds `part` gives no answer any more."""
        for web in (self.inside, self.outside):
            for url in web.pages:
                if part in url:
                    web.pages[url] = reason

    @property
    def senses(self) -> Senses:
        return Senses(
            stack=self.stack,
            redis=self.redis,
            database=self.database,
            inside=self.inside,
            outside=self.outside,
            mail=self.mail,
            host=self.host,
            together=self.together,
            clock=self.clock,
            ledger=self.ledger,
            ever_deployed=lambda: self.once_deployed,
            backups=lambda: backups(Figures(success=1), 2),
        )
