"""Load: wrk for how fast, threads with an eye on every answer for whether none fails."""

from __future__ import annotations

import collections
import functools
import http.client
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Self

from stack import DOMAIN, HTTPS_PORT, ROOT, BenchmarkError, Instance, docker, run

WRK = "instancectl-bench/wrk"
DELETE = json.dumps({
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": "https://peer.invalid/1#delete",
    "type": "Delete",
    "actor": "https://peer.invalid/1",
    "object": "https://peer.invalid/1",
})  # fmt: skip
"""Unsigned, about an account nobody knows: the app itself answers 202, and nothing is enqueued."""


BEHIND_PROXY = {"Host": DOMAIN, "X-Forwarded-Proto": "https"}


@functools.cache
def wrk_image() -> str:
    """Build the load generator once."""
    run("env", "DOCKER_BUILDKIT=0", "docker", "build", "-q", "-t", WRK,
        "--build-arg", "BASE=testbed/base:forky", str(ROOT / "tests" / "benchmarks" / "load"))  # fmt: skip
    return WRK


@dataclass(frozen=True)
class Rate:
    """What wrk saw."""

    per_second: float
    failed: int
    requests: int


def rate(url: str, network: str, headers: dict[str, str], *, seconds: int, connections: int = 8) -> Rate:
    """Requests a second at full speed, from a container in the given network namespace."""
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    hosts = ["--add-host", f"{DOMAIN}:127.0.0.1"] if network == "host" else []
    said = docker(
        "run", "--rm", "--network", network, *hosts, wrk_image(),
        "-t", "2", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "20s", *words, url,
    )  # fmt: skip
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    total = re.search(r"(\d+) requests in", said)
    if not found or not total:
        raise BenchmarkError(f"wrk said nothing of use about {url}:\n{said}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    sockets = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    failed = int(bad[1]) if bad else 0
    return Rate(float(found[1]), failed + sum(map(int, sockets.groups() if sockets else ())), int(total[1]))


def straight_to_cache(instance: Instance, path: str, accept: str, *, seconds: int) -> Rate:
    """Without the proxy and its TLS: from inside a `cache` replica's own network namespace.

    The client's address is a private one: a public one may not ask as often as this.
    """
    headers = {**BEHIND_PROXY, "X-Forwarded-For": "10.20.30.40", "Accept": accept}
    namespace = f"container:{instance.container('cache')}"
    return rate(f"http://127.0.0.1:8080{path}", namespace, headers, seconds=seconds)


def straight_to_web(instance: Instance, path: str, accept: str, *, seconds: int) -> Rate:
    """Past the edge: from inside a web replica's own network namespace.

    Raises:
        BenchmarkError: it did not answer everything, so there is nothing to compare with.
    """
    headers = {**BEHIND_PROXY, "X-Forwarded-For": "10.20.30.40", "Accept": accept}
    namespace = f"container:{instance.container('web')}"
    found = rate(f"http://127.0.0.1:3000{path}", namespace, headers, seconds=seconds)
    if found.failed:
        raise BenchmarkError(f"web answered {found.failed} of {found.requests} requests for {path} badly")
    return found


def through_the_edge(path: str, accept: str, *, seconds: int) -> Rate:
    """As anybody comes in: TLS, proxy, cache."""
    return rate(f"https://{DOMAIN}:{HTTPS_PORT}{path}", "host", {"Accept": accept}, seconds=seconds)


class Connection(http.client.HTTPSConnection):
    """To the edge on this machine, whatever the resolver says about the name."""

    def __init__(self) -> None:
        """The certificate is the proxy's own."""
        super().__init__(DOMAIN, HTTPS_PORT, timeout=30, context=ssl._create_unverified_context())

    def connect(self) -> None:
        """Open a TLS connection."""
        plain = socket.create_connection(("127.0.0.1", HTTPS_PORT), 30)
        self.sock = self._context.wrap_socket(plain, server_hostname=DOMAIN)  # type: ignore[attr-defined]


def ask(method: str, path: str, form: dict[str, str] | None = None, token: str = "") -> dict[str, object]:
    """One API request through the edge; its JSON."""
    connection = Connection()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(
        method, path, urllib.parse.urlencode(form or {}) if method == "POST" else None, headers
    )
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise BenchmarkError(f"{method} {path}: {answer.status} {text[:200]!r}")
    found: dict[str, object] = json.loads(text)
    return found


def write_posts(email: str, password: str, count: int) -> list[str]:
    """Log in as the owner and post; ids of the posts."""
    scopes = {"scopes": "read write", "scope": "read write"}
    app = ask("POST", "/api/v1/apps", {
        "client_name": "benchmark", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", **scopes,
    })  # fmt: skip
    token = ask("POST", "/oauth/token", {
        "client_id": str(app["client_id"]), "client_secret": str(app["client_secret"]), **scopes,
        "grant_type": "password", "username": email, "password": password,
    })  # fmt: skip
    posts = (
        ask("POST", "/api/v1/statuses", {"status": f"post {number}"}, str(token["access_token"]))
        for number in range(count)
    )
    return [str(post["id"]) for post in posts]


@dataclass
class Watch:
    """Eight clients, every other one posting, until told to stop; every answer is looked at."""

    answers: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[str] = field(default_factory=list)
    worst_seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start; the first answers arrive before what is to be watched begins."""
        for number in range(8):
            thread = threading.Thread(target=self._client, args=(number % 2 == 1,), daemon=True)
            thread.start()
            self._threads.append(thread)
        time.sleep(2)
        return self

    def __exit__(self, *_: object) -> None:
        """Two more seconds, then the end."""
        time.sleep(2)
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _client(self, posting: bool) -> None:
        connection: Connection | None = None
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                connection = connection or Connection()
                self._request(connection, posting=posting)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                connection = None
            self.worst_seconds = max(self.worst_seconds, time.monotonic() - started)
            self._stop.wait(0.02)

    def _request(self, connection: Connection, *, posting: bool) -> None:
        if posting:
            connection.request("POST", "/inbox", DELETE, {"Content-Type": "application/activity+json"})
        else:  # a cookie: never answered from the cache
            connection.request("GET", "/health", headers={"Cookie": "_session_id=benchmark"})
        answer = connection.getresponse()
        answer.read()
        wanted = 202 if posting else 200
        self.answers["POST" if posting else "GET"] += 1
        if answer.status != wanted:
            self.failures.append(f"{'POST' if posting else 'GET'} {answer.status}")
