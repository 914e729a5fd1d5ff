"""A conversation with a mail server by smtplib."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from instancectl.core.checks.seen import Letter, MailRoute, MailStage, MailTalk
from instancectl.core.secrets import Secret

TIMEOUT_SECONDS = 5

_METHODS = {"plain": "auth_plain", "login": "auth_login", "cram_md5": "auth_cram_md5"}


class _Failed(Exception):
    """A stage failed; `said` holds the server's words, never ours."""

    def __init__(self, stage: MailStage, said: str) -> None:
        super().__init__(said)
        self.stage = stage
        self.said = said


class SmtpServer:
    """See `ports.mail_server.MailServer`."""

    def __init__(self, roots: str = "", timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Judge certificates by this host's roots, or those of the PEM file `roots`."""
        self._roots = roots
        self._timeout = timeout_seconds

    def talk(self, route: MailRoute, password: Secret, letter: Letter | None) -> MailTalk:
        """As far as it goes."""
        talk = _Talk(route, password, letter, self._roots, self._timeout)
        try:
            said = talk.run()
        except _Failed as error:
            return talk.outcome(error.stage, error.said)
        finally:
            talk.close()
        return talk.outcome(None, said)


class _Talk:
    """One conversation; remembers what was learnt until it failed."""

    def __init__(
        self, route: MailRoute, password: Secret, letter: Letter | None, roots: str, timeout: float
    ) -> None:
        self._route, self._password, self._letter = route, password, letter
        self._roots, self._timeout = roots, timeout
        self._client: smtplib.SMTP | None = None
        self._tls = ""
        self._offers_starttls = False
        self._methods: tuple[str, ...] = ()
        self._authenticated = self._sent = False

    def run(self) -> str:
        """All stages; the receipt of the mail, or empty."""
        client = self._client = self._connect()
        self._greet(client)
        self._offers_starttls = client.has_extn("starttls")
        if not self._route.tls:
            self._encrypt(client)
        self._methods = tuple(client.esmtp_features.get("auth", "").lower().replace("-", "_").split())
        self._log_in(client)
        return self._send(client)

    def outcome(self, failed_at: MailStage | None, said: str) -> MailTalk:
        """What is known now."""
        return MailTalk(
            failed_at,
            said,
            self._tls,
            self._offers_starttls,
            self._methods,
            self._authenticated,
            self._sent,
        )

    def close(self) -> None:
        """Say goodbye if there is anybody to hear it."""
        if self._client is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._client.quit()
            self._client.close()

    def _connect(self) -> smtplib.SMTP:
        route = self._route
        try:
            # Reached, but silent: the sign of a port that waits for TLS. So the two are told apart.
            socket.create_connection((route.server, route.port), self._timeout).close()
        except OSError as error:
            raise _Failed("connect", _words(error)) from error
        try:
            client = self._client_of(route)
        except ssl.SSLError as error:
            raise _Failed("tls", _words(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise _Failed("greeting", _words(error)) from error
        self._note_tls(client)
        return client

    def _client_of(self, route: MailRoute) -> smtplib.SMTP:
        if not route.tls:
            return smtplib.SMTP(route.server, route.port, timeout=self._timeout)
        return smtplib.SMTP_SSL(route.server, route.port, timeout=self._timeout, context=self._context())

    def _greet(self, client: smtplib.SMTP) -> None:
        try:
            client.ehlo_or_helo_if_needed()
        except (smtplib.SMTPException, OSError) as error:
            raise _Failed("greeting", _words(error)) from error

    def _encrypt(self, client: smtplib.SMTP) -> None:
        wanted = self._route.starttls
        if wanted == "never" or (wanted == "auto" and not self._offers_starttls):
            return
        if not self._offers_starttls:
            raise _Failed("starttls", "the server does not offer STARTTLS")
        try:
            client.starttls(context=self._context())
            client.ehlo()
        except ssl.SSLError as error:
            raise _Failed("tls", _words(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise _Failed("starttls", _words(error)) from error
        self._note_tls(client)

    def _log_in(self, client: smtplib.SMTP) -> None:
        method = self._route.auth_method
        if not self._route.login or method == "none":
            return
        name = method.upper().replace("_", "-")
        if method not in self._methods:
            offered = ", ".join(self._methods) or "no login at all"
            raise _Failed("auth", f"the server offers {offered}, not {name}")
        client.user, client.password = self._route.login, self._password.reveal()
        try:
            client.auth(name, getattr(client, _METHODS[method]))
        except (smtplib.SMTPException, OSError) as error:
            raise _Failed("auth", _words(error)) from error
        self._authenticated = True

    def _send(self, client: smtplib.SMTP) -> str:
        letter = self._letter
        if letter is None:
            return ""
        steps: tuple[Callable[[], tuple[int, bytes]], ...] = (
            lambda: client.mail(letter.sender),
            lambda: client.rcpt(letter.recipient),
            lambda: client.data(_message(letter).as_bytes()),
        )
        receipt = ""
        for step in steps:
            try:
                code, said = step()
            except (smtplib.SMTPException, OSError) as error:
                raise _Failed("send", _words(error)) from error
            receipt = f"{code} {_text(said)}"
            if code not in {250, 251}:
                raise _Failed("send", receipt)
        self._sent = True
        return receipt

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._roots or None)
        if not self._route.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _note_tls(self, client: smtplib.SMTP) -> None:
        if isinstance(client.sock, ssl.SSLSocket):
            self._tls = client.sock.version() or "TLS"


def _message(letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = letter.sender, letter.recipient, letter.subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid(domain=letter.sender.rpartition("@")[2] or None)
    message.set_content(letter.body)
    return message


def _words(error: BaseException) -> str:
    """The server's answer, or what the network did, in one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    # smtplib turns a timeout into "unexpectedly closed".
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    return " ".join(str(error).split()) or "the connection closed"


def _text(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())
