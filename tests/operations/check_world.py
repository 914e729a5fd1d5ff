"""An instance that runs well, or is about to be deployed, and everything to look at it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.config import InstanceConfig
from instancectl.core.result import Result
from instancectl.core.secrets import Secret
from instancectl.operations.check import OwnHost, Senses, Subject, check, preflight
from tests.fakes.containers import FakeContainers
from tests.fakes.host import FakeHost
from tests.fakes.http import FakeHttp, answer
from tests.fakes.mail_server import FakeMailServer
from tests.fakes.names import FakeDns
from tests.fakes.object_store import FakeStore
from tests.fakes.own_host import fresh_host
from tests.fakes.time_source import FakeTime
from tests.fakes.together import OneByOne

DOMAIN, HERE = "social.dev.org", "9.9.9.9"
GIB = 1024**3


@dataclass
class World:
    """An instance that runs well, and everything to look at it with."""

    config: InstanceConfig
    containers: FakeContainers
    host: FakeHost
    dns: FakeDns
    mail: FakeMailServer
    http: FakeHttp
    time: FakeTime
    together: OneByOne
    own: OwnHost
    store: FakeStore | None = None
    applied: Applied = Applied(local_domain=DOMAIN, owner_done=True, verified="x")  # noqa: RUF009 - frozen

    @property
    def senses(self) -> Senses:
        store = self.store
        return Senses(
            self.containers,
            self.host,
            self.dns,
            self.mail,
            self.http,
            self.time,
            self.together,
            self.own,
            (lambda: store) if store else None,
        )

    @property
    def subject(self) -> Subject:
        return Subject(self.config, self.applied, (), Secret("right"))

    def check(self, *only: str, **options: Any) -> Result:
        return check(self.senses, self.subject, only, **options)

    def found(self, *only: str) -> dict[str, Finding]:
        result = self.check(*only)
        return {
            one["check"]: Finding(
                one["check"], Severity(one["severity"]), one["seen"], one["needed"], one["hint"]
            )
            for one in result.data["findings"]
        }

    def gate(self, **options: Any) -> dict[str, Finding]:
        stack = self.containers.observe(self.config.stack)
        return {one.check: one for one in preflight(self.senses, self.subject, stack, **options)}


def world(**sections: dict[str, Any]) -> World:
    base: dict[str, dict[str, Any]] = {
        "instance": {"domain": DOMAIN},
        "owner": {"email": "admin@dev.org"},
        "mail": {"server": "mail.dev.org", "login": "mastodon"},
    }
    config = InstanceConfig.model_validate(
        {name: {**base.get(name, {}), **sections.get(name, {})} for name in {*base, *sections}}
    )
    host = FakeHost()
    host.own = (HERE,)
    http = FakeHttp()
    site = f"https://{config.site}"
    http.pages[f"{site}/health"] = answer(200, b"OK", HERE)
    http.pages[f"{site}/-/client-address"] = answer(200, f"{HERE}\n".encode(), HERE)
    http.pages["https://acme-v02.api.letsencrypt.org/directory"] = answer(
        200, date="Sun, 22 Nov 2026 05:44:55 GMT"
    )
    names = FakeDns({DOMAIN: (HERE,)})
    mail = FakeMailServer(login=("mastodon", "right"))
    return World(
        config, FakeContainers(config), host, names, mail, http, FakeTime(), OneByOne(), fresh_host()
    )


def fresh(**sections: dict[str, Any]) -> World:
    """The same before the first deploy."""
    found = world(**sections)
    found.containers.services.clear()
    found.applied = Applied()
    return found
