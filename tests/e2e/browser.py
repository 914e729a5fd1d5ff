"""People and other servers, coming in through the edge with its certificate checked."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from tests.e2e.host import DOMAIN

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
_APPLICATIONS: dict[str, dict[str, str]] = {}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """Keeps cookies; trusts the proxy's own authority and nobody else."""

    port: int
    authority: str
    cookies: dict[str, str] = field(default_factory=dict)
    domain: str = DOMAIN
    address: str = "127.0.0.1"

    def named(self, host: str = "") -> str:
        """As a browser names it: the port of HTTPS goes without saying."""
        host = host or self.domain
        return host if self.port == 443 else f"{host}:{self.port}"

    def open(self, host: str = "", timeout: float = 30) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=self.authority)
        plain = socket.create_connection((self.address, self.port), timeout=timeout)
        return context.wrap_socket(plain, server_hostname=host or self.domain)

    def ask(
        self,
        path: str,
        *,
        form: dict[str, str] | None = None,
        host: str = "",
        token: str = "",
        method: str = "",
        **headers: str,
    ) -> Answer:
        """One request; `headers` with `_` for `-`."""
        host = host or self.domain
        connection = http.client.HTTPConnection(host, self.port)
        connection.sock = self.open(host)
        sent = {"Host": self.named(host), "User-Agent": "e2e", "Accept": "text/html, application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies and host == self.domain:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if token:
            sent["Authorization"] = f"Bearer {token}"
        body = None
        if form is not None:
            body, sent["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
        try:
            connection.request(method or ("POST" if form is not None else "GET"), path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    # ---- people

    def log_in(self, email: str, password: str) -> Answer:
        """As a person would: open the form, send it, follow the redirect."""
        page = self.ask("/auth/sign_in")
        assert page.status == 200, page.text
        sent = self.ask(
            "/auth/sign_in",
            form={
                "authenticity_token": _token_in(page.text),
                "user[email]": email,
                "user[password]": password,
            },
            Origin=f"https://{self.named()}",
        )
        return self.ask(urlsplit(sent.headers["Location"]).path) if sent.status == 303 else sent

    def application(self) -> dict[str, str]:
        """Registered once with each instance (an authority is one): five are allowed in ten minutes."""
        if self.authority not in _APPLICATIONS:
            scopes = "read write follow"
            form = {"client_name": "e2e", "redirect_uris": OUT_OF_BAND, "scopes": scopes}
            answer = self.ask("/api/v1/apps", form=form)
            assert answer.status == 200, (answer.status, answer.text)
            keys = {key: answer.json[key] for key in ("client_id", "client_secret")}
            _APPLICATIONS[self.authority] = {**keys, "scope": scopes}
        return _APPLICATIONS[self.authority]

    def token(self, email: str = "", password: str = "") -> str:
        """Of a person, or with nothing given of an application."""
        grant = (
            {"grant_type": "password", "username": email, "password": password}
            if email
            else {"grant_type": "client_credentials"}
        )
        answer = self.ask("/oauth/token", form={**self.application(), **grant})
        assert answer.status == 200, answer.text
        return str(answer.json["access_token"])

    def mails(self) -> list[dict[str, Any]]:
        """What the mail catcher shows, newest first."""
        host = f"mail.{self.domain}"
        found = self.ask("/api/v1/messages", host=host).json["messages"]
        return [self.ask(f"/api/v1/message/{mail['ID']}", host=host).json for mail in found]

    def websocket(self, path: str) -> int:
        """Status of a WebSocket handshake."""
        key = base64.b64encode(os.urandom(16)).decode()
        head = [
            f"GET {path} HTTP/1.1", f"Host: {self.named()}", "Connection: Upgrade",
            "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "",
        ]  # fmt: skip
        with self.open() as connection:
            connection.sendall("\r\n".join(head).encode())
            return int(connection.recv(4096).split()[1])


def _token_in(page: str) -> str:
    found = re.search(r'name="authenticity_token"[^>]*value="([^"]+)"', page)
    found = found or re.search(r'value="([^"]+)"[^>]*name="authenticity_token"', page)
    assert found, page
    return found.group(1)


class Load:
    """Requests without a pause while something happens; none of them is answered from the cache.

    with Load(browser, token) as load:
        ...
    assert load.all_well
    """

    def __init__(self, browser: Browser, token: str = "", pause_seconds: float = 0.1) -> None:
        self._browser, self._token, self._pause = browser, token, pause_seconds
        self._stop = threading.Event()
        self.statuses: Counter[object] = Counter()
        self.worst_seconds = 0.0
        self._threads = [threading.Thread(target=self._read, daemon=True)]
        if token:
            self._threads.append(threading.Thread(target=self._post, daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    @property
    def all_well(self) -> bool:
        """Whether every single request was answered with 200, and there were some."""
        return set(self.statuses) == {200} and self.statuses[200] > 20

    def _read(self) -> None:
        reader = Browser(self._browser.port, self._browser.authority)
        while not self._stop.wait(self._pause):
            self._one(lambda: reader.ask("/auth/sign_in").status)

    def _post(self) -> None:
        writer = Browser(self._browser.port, self._browser.authority)
        while not self._stop.wait(2):
            self._one(
                lambda: writer.ask("/api/v1/statuses", form={"status": "hello"}, token=self._token).status
            )

    def _one(self, ask: Any) -> None:
        started = time.monotonic()
        try:
            self.statuses[ask()] += 1
        except (OSError, http.client.HTTPException) as error:
            self.statuses[repr(error)] += 1
        self.worst_seconds = max(self.worst_seconds, time.monotonic() - started)
