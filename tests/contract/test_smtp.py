"""A conversation with a mail server: the fake one, and real ones that behave well and badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from instancectl.adapters.smtp import SmtpServer
from instancectl.core.checks.seen import Letter, MailRoute, MailTalk
from instancectl.core.secrets import Secret
from tests.contract.tls_files import Authority
from tests.fakes.mail_server import FakeMailServer

LETTER = Letter("notifications@social.example", "me@dev.example", "Test mail", "It works: ü\n")
ROUTE = MailRoute(
    "localhost", 0, tls=False, starttls="always", login="mastodon", auth_method="plain", verify=True
)


@dataclass
class Behaviour:
    """How the server of a test behaves."""

    starttls: bool = True
    trusted: bool = True
    implicit_tls: bool = False
    login: tuple[str, str] | None = ("mastodon", "right")
    refuses_sender: bool = False


class Bench(Protocol):
    def talk(
        self, behaviour: Behaviour, route: MailRoute, password: str, letter: Letter | None = None
    ) -> MailTalk: ...

    def received(self) -> list[tuple[str, str]]:
        """Sender and recipient of what arrived."""


class FakeBench:
    def __init__(self) -> None:
        self._letters: list[Letter] = []

    def talk(
        self, behaviour: Behaviour, route: MailRoute, password: str, letter: Letter | None = None
    ) -> MailTalk:
        server = FakeMailServer(behaviour.login)
        server.offers_starttls = behaviour.starttls
        server.trusted = behaviour.trusted
        server.refuses_sender = behaviour.refuses_sender
        talk = server.talk(route, Secret(password), letter)
        self._letters += server.received
        return talk

    def received(self) -> list[tuple[str, str]]:
        return [(letter.sender, letter.recipient) for letter in self._letters]


class Handler:
    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.letters: list[Any] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.behaviour.refuses_sender:
            return "550 5.7.1 sender not allowed"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.letters.append(envelope)
        return "250 OK"


class RealBench:
    """aiosmtpd on loopback."""

    def __init__(self, directory: Path) -> None:
        self._authority = Authority(directory)
        self.letters: list[Any] = []

    def talk(
        self, behaviour: Behaviour, route: MailRoute, password: str, letter: Letter | None = None
    ) -> MailTalk:
        handler = Handler(behaviour)
        context = self._authority.context("localhost", trusted=behaviour.trusted)
        controller = Controller(
            handler,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=self._authenticator(behaviour),
            auth_require_tls=False,
            auth_exclude_mechanism=() if behaviour.login else ("PLAIN", "LOGIN"),
            tls_context=context if behaviour.starttls and not behaviour.implicit_tls else None,
            ssl_context=context if behaviour.implicit_tls else None,
        )
        controller.start()
        try:
            server = SmtpServer(self._authority.roots, 2)
            return server.talk(replace(route, port=controller.port), Secret(password), letter)
        finally:
            controller.stop()
            self.letters += handler.letters

    def received(self) -> list[tuple[str, str]]:
        return [(one.mail_from, one.rcpt_tos[0]) for one in self.letters]

    def _authenticator(self, behaviour: Behaviour) -> Any:
        def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            assert isinstance(data, LoginPassword)
            given = (data.login.decode(), data.password.decode())
            return AuthResult(success=given == behaviour.login, handled=False)

        return check


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return FakeBench() if request.param == "fake" else RealBench(tmp_path)


def test_encrypted_and_logged_in(bench: Bench) -> None:
    talk = bench.talk(Behaviour(), ROUTE, "right")
    assert talk.failed_at is None
    assert talk.tls.startswith("TLSv1")
    assert talk.offers_starttls
    assert talk.authenticated
    assert not talk.sent
    assert bench.received() == []


def test_a_mail_is_handed_over_once(bench: Bench) -> None:
    talk = bench.talk(Behaviour(), ROUTE, "right", LETTER)
    assert talk.sent
    assert talk.said == "250 OK"
    assert bench.received() == [(LETTER.sender, LETTER.recipient)]


def test_tls_from_the_first_byte(bench: Bench) -> None:
    route = replace(ROUTE, tls=True, starttls="never")
    talk = bench.talk(Behaviour(implicit_tls=True), route, "right")
    assert talk.failed_at is None
    assert talk.tls


def test_a_wrong_password_fails_at_the_login_with_the_servers_words(bench: Bench) -> None:
    talk = bench.talk(Behaviour(), ROUTE, "wrong")
    assert talk.failed_at == "auth"
    assert talk.said.startswith("535")
    assert "wrong" not in talk.said
    assert "plain" in talk.auth_offered


def test_the_second_method_is_used_when_wanted(bench: Bench) -> None:
    assert bench.talk(Behaviour(), replace(ROUTE, auth_method="login"), "right").authenticated


def test_a_method_that_is_not_offered_names_those_that_are(bench: Bench) -> None:
    talk = bench.talk(Behaviour(), replace(ROUTE, auth_method="cram_md5"), "right")
    assert talk.failed_at == "auth"
    assert "plain" in talk.said
    assert set(talk.auth_offered) == {"plain", "login"}


def test_a_server_without_logins_says_so(bench: Bench) -> None:
    talk = bench.talk(Behaviour(login=None), ROUTE, "right")
    assert talk.failed_at == "auth"
    assert "no login at all" in talk.said


def test_without_a_login_none_is_tried(bench: Bench) -> None:
    talk = bench.talk(Behaviour(login=None), replace(ROUTE, login=""), "")
    assert talk.failed_at is None
    assert not talk.authenticated


def test_a_certificate_nobody_vouches_for_is_refused(bench: Bench) -> None:
    talk = bench.talk(Behaviour(trusted=False), ROUTE, "right")
    assert talk.failed_at == "tls"
    assert "not trusted" in talk.said


def test_a_certificate_nobody_vouches_for_is_taken_without_verification(bench: Bench) -> None:
    assert bench.talk(Behaviour(trusted=False), replace(ROUTE, verify=False), "right").failed_at is None


def test_starttls_that_is_required_and_not_offered_ends_it(bench: Bench) -> None:
    talk = bench.talk(Behaviour(starttls=False), ROUTE, "right")
    assert talk.failed_at == "starttls"
    assert not talk.offers_starttls


def test_starttls_that_is_only_preferred_is_done_without(bench: Bench) -> None:
    talk = bench.talk(Behaviour(starttls=False), replace(ROUTE, starttls="auto"), "right")
    assert talk.failed_at is None
    assert talk.tls == ""
    assert bench.talk(Behaviour(), replace(ROUTE, starttls="auto"), "right").tls


def test_an_offer_of_starttls_that_is_not_taken_is_noted(bench: Bench) -> None:
    talk = bench.talk(Behaviour(), replace(ROUTE, starttls="never"), "right")
    assert talk.tls == ""
    assert talk.offers_starttls


def test_a_refused_sender_fails_at_the_mail(bench: Bench) -> None:
    talk = bench.talk(Behaviour(refuses_sender=True), ROUTE, "right", LETTER)
    assert talk.failed_at == "send"
    assert "550" in talk.said
    assert talk.authenticated
    assert not talk.sent


@pytest.mark.contract
class TestRealTrouble:
    """What only a real socket does."""

    def talk(self, port: int, **changes: Any) -> MailTalk:
        route = replace(ROUTE, server="127.0.0.1", port=port, **changes)
        return SmtpServer(timeout_seconds=0.5).talk(route, Secret("x"), None)

    def test_nobody_listens(self) -> None:
        talk = self.talk(free_port())
        assert talk.failed_at == "connect"
        assert talk.said == "Connection refused"

    def test_a_name_that_does_not_resolve(self) -> None:
        talk = SmtpServer(timeout_seconds=0.5).talk(
            replace(ROUTE, server="nobody.invalid"), Secret("x"), None
        )
        assert talk.failed_at == "connect"

    def test_somebody_listens_and_says_nothing(self, mute: int) -> None:
        talk = self.talk(mute)
        assert talk.failed_at == "greeting"
        assert talk.said == "no answer in time"

    def test_tls_where_the_server_speaks_plainly(self, chatty: int) -> None:
        talk = self.talk(chatty, tls=True, starttls="never")
        assert talk.failed_at == "tls"
        assert "wrong version number" in talk.said.lower() or "record layer" in talk.said.lower()

    def test_somebody_who_is_no_mail_server(self, chatty: int) -> None:
        assert self.talk(chatty).failed_at == "greeting"


def serve(reply: bytes) -> Iterator[int]:
    """A server that answers every connection with these bytes, or with none, and waits."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                if reply:
                    connection.sendall(reply)

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


@pytest.fixture
def mute() -> Iterator[int]:
    yield from serve(b"")


@pytest.fixture
def chatty() -> Iterator[int]:
    yield from serve(b"554 go away, this is no place for mail\r\n")
