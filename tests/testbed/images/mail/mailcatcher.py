"""A mail catcher with the settings and the interface of Mailpit.

Settings are Mailpit's environment variables: MP_SMTP_AUTH_ACCEPT_ANY,
MP_SMTP_AUTH_ALLOW_INSECURE, MP_SMTP_TLS_CERT, MP_SMTP_TLS_KEY,
MP_MAX_MESSAGES, MP_ENABLE_CHAOS. As there, AUTH is offered only with
MP_SMTP_AUTH_ACCEPT_ANY. With chaos enabled, `PUT /api/v1/chaos` makes the
sink refuse senders, recipients or logins; TESTBED_SMTP_DELAY_SECONDS makes
it slow.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import ssl
import threading
import warnings
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pages
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from store import Mail, Store

TRIGGERS = ("Sender", "Recipient", "Authentication")


def enabled(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


class Chaos:
    """Refusals asked for over HTTP: an SMTP code and a probability per trigger."""

    def __init__(self) -> None:
        self.triggers = {name: {"ErrorCode": 451, "Probability": 0} for name in TRIGGERS}

    def set(self, wanted: dict[str, dict[str, int]]) -> None:
        for name in TRIGGERS:
            self.triggers[name] = wanted.get(name, {"ErrorCode": 451, "Probability": 0})

    def refusal(self, name: str) -> str | None:
        trigger = self.triggers[name]
        if random.randrange(100) < trigger.get("Probability", 0):
            return f"{trigger.get('ErrorCode', 451)} Chaos triggered this error"
        return None


class Catcher:
    """aiosmtpd's hooks: keep every mail unless chaos says no."""

    def __init__(self, store: Store, chaos: Chaos, delay_seconds: float) -> None:
        self._store = store
        self._chaos = chaos
        self._delay_seconds = delay_seconds

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self._delay_seconds)
        if refusal := self._chaos.refusal("Sender"):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._chaos.refusal("Recipient"):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        username = str(session.auth_data or "")
        content = envelope.content or b""
        assert isinstance(content, bytes)
        mail = self._store.add(envelope.mail_from or "", envelope.rcpt_tos, username, content)
        print(f"[smtpd] received for {', '.join(mail.recipients)}: {mail.subject}")
        return f"250 2.0.0 Ok: queued as {mail.identifier}"

    def authenticate(self, *arguments: object) -> AuthResult:
        """Called with server, session, envelope, mechanism and the login data."""
        data = arguments[-1]
        if refusal := self._chaos.refusal("Authentication"):
            return AuthResult(success=False, handled=False, message=refusal)
        login = data.login.decode() if isinstance(data, LoginPassword) else ""
        return AuthResult(success=True, auth_data=login)


def smtp(store: Store, chaos: Chaos) -> Controller:
    catcher = Catcher(store, chaos, float(os.environ.get("TESTBED_SMTP_DELAY_SECONDS", "0")))
    options: dict[str, object] = {}
    if certificate := os.environ.get("MP_SMTP_TLS_CERT"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, os.environ["MP_SMTP_TLS_KEY"])
        options["tls_context"] = context
    if enabled("MP_SMTP_AUTH_ACCEPT_ANY"):
        options["authenticator"] = catcher.authenticate
        options["auth_require_tls"] = not enabled("MP_SMTP_AUTH_ALLOW_INSECURE")
    else:
        options["auth_exclude_mechanism"] = ["LOGIN", "PLAIN"]
    return Controller(catcher, hostname="0.0.0.0", port=1025, data_size_limit=50 << 20, **options)


class Handler(BaseHTTPRequestHandler):
    """Mailpit's interface, as far as tests and people use it."""

    protocol_version = "HTTP/1.1"
    store: Store
    chaos: Chaos

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        parts = [part for part in url.path.split("/") if part]
        match parts:
            case ["livez" | "readyz"]:
                self._send("ok", "text/plain")
            case []:
                self._send(pages.inbox(self.store.all()), "text/html")
            case ["api", "v1", "messages"]:
                self._json(self._list(self.store.all(), query))
            case ["api", "v1", "search"]:
                self._json(self._list(self.store.search(query.get("query", "")), query))
            case ["api", "v1", "chaos"] if enabled("MP_ENABLE_CHAOS"):
                self._json(self.chaos.triggers)
            case ["api", "v1", "message", identifier, *rest]:
                self._one(identifier, rest)
            case ["view", identifier]:
                self._view(identifier)
            case _:
                self._missing()

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        wanted = self._body()
        if urlsplit(self.path).path != "/api/v1/messages":
            return self._missing()
        self.store.remove(list(wanted.get("IDs", [])))
        self._send("ok", "text/plain")

    def do_PUT(self) -> None:
        wanted = self._body()
        if urlsplit(self.path).path != "/api/v1/chaos" or not enabled("MP_ENABLE_CHAOS"):
            return self._missing()
        self.chaos.set(wanted)
        self._json(self.chaos.triggers)

    def _list(self, mails: list[Mail], query: dict[str, str]) -> dict[str, object]:
        start, limit = int(query.get("start", 0)), int(query.get("limit", 50))
        chosen = mails[start : start + limit]
        return {
            "total": len(self.store.all()),
            "unread": len(mails),
            "count": len(chosen),
            "messages_count": len(mails),
            "messages_unread": len(mails),
            "start": start,
            "tags": [],
            "messages": [mail.summary() for mail in chosen],
        }

    def _one(self, identifier: str, rest: list[str]) -> None:
        mail = self.store.get(identifier)
        if mail is None:
            return self._missing()
        match rest:
            case []:
                self._json(mail.detail())
            case ["headers"]:
                self._json(mail.headers())
            case ["raw"]:
                self._send(mail.raw.decode("utf-8", "replace"), "text/plain")
            case _:
                self._missing()

    def _view(self, name: str) -> None:
        identifier, _, suffix = name.partition(".")
        mail = self.store.get(identifier)
        if mail is None:
            return self._missing()
        if suffix == "txt":
            self._send(mail.body("plain"), "text/plain")
        elif suffix == "html":
            self._send(mail.body("html"), "text/html")
        else:
            self._send(pages.mail_page(mail), "text/html")

    def _body(self) -> dict[str, object]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(raw) if raw else {}

    def _json(self, value: object) -> None:
        self._send(json.dumps(value), "application/json")

    def _missing(self) -> None:
        self._send("not found", "text/plain", HTTPStatus.NOT_FOUND)

    def _send(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Health checks would fill the log."""


def main() -> None:
    # aiosmtpd warns about its own attribute on every login.
    warnings.filterwarnings("ignore", module="aiosmtpd")
    store = Store(int(os.environ.get("MP_MAX_MESSAGES", "500")))
    chaos = Chaos()
    Handler.store, Handler.chaos = store, chaos
    controller = smtp(store, chaos)
    controller.start()
    http = ThreadingHTTPServer(("0.0.0.0", 8025), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    print("[smtpd] listening on 1025, [http] on 8025")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main()
