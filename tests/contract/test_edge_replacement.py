"""Swarm replaces `cache` and `web` under load; nobody notices.

Real services on a real Swarm, because the order of things is Swarm's: a
replica leaves the name before it is told to end.
"""

from __future__ import annotations

import concurrent.futures
import secrets
import threading
import time

import pytest

from instancectl.core.edge import CACHE_HEALTH, STOP_GRACE_SECONDS, EdgeSettings
from tests.contract.edge_harness import UPSTREAM, Edge, built_images, docker, eventually, fetch, insecure
from tests.golden.edge.cases import render

pytestmark = pytest.mark.contract

SETTINGS = EdgeSettings(domain="social.example", media_local=False, tls_mode="internal")
TLS = insecure()


class Swarm:
    """Services on an overlay network of their own."""

    def __init__(self, images):
        self.images = images
        self.token = f"edge-{secrets.token_hex(4)}"
        self.services: list[str] = []

    def __enter__(self):
        docker("network", "create", "--driver=overlay", "--attachable", self.token)
        return self

    def __exit__(self, *_):
        if self.services:
            docker("service", "rm", *self.services)
        eventually(lambda: docker("network", "rm", self.token, check=False) == self.token, seconds=40)

    def service(self, name, image, *options, command=()):
        full = f"{self.token}-{name}"
        self.services.append(full)
        docker(
            "service", "create", "--detach=false", "--quiet", f"--name={full}", "--endpoint-mode=dnsrr",
            f"--network=name={self.token},alias={name}", "--no-resolve-image",
            "--update-order=start-first", *options, self.images[image], *command,
        )  # fmt: skip
        return full


@pytest.fixture
def swarm():
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive":
        docker("swarm", "init", "--advertise-addr=127.0.0.1")
    with Swarm(built_images("caddy", "nginx", "mail")) as swarm:
        yield swarm


class Load:
    """Clients that ask without pause, four in five by POST; notes what the upstream did not answer."""

    def __init__(self, port, clients=6):
        self.port = port
        self.stop = threading.Event()
        self.asked = 0
        self.problems: list[str] = []
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.clients = [self.pool.submit(self.ask) for _ in range(clients)]

    def ask(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            options = {} if number % 5 == 0 else {"method": "POST", "body": b"x" * 2000}
            try:
                answer = fetch(self.port, "/inbox", tls=TLS, **options)
                if answer.status != 200 or (options and answer.json["received"] != 2000):
                    self.problems.append(f"{answer.status} {answer.body[:100]!r}")
            except (OSError, ValueError) as problem:
                self.problems.append(repr(problem))
            self.asked += 1
            time.sleep(0.01)

    def finish(self):
        self.stop.set()
        for client in self.clients:
            client.result()
        self.pool.shutdown()
        return self.asked, self.problems


def test_no_request_fails_while_nginx_and_web_are_replaced(swarm, tmp_path):
    rendered = render(SETTINGS)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(rendered["nginx.conf"])
    web = swarm.service(
        "web", "mail", f"--mount=type=bind,source={UPSTREAM},target=/upstream.py,readonly",
        "--entrypoint=python3", command=("/upstream.py",),
    )  # fmt: skip
    cache = swarm.service(
        "cache", "nginx", f"--mount=type=bind,source={configuration},target=/etc/nginx/nginx.conf,readonly",
        f"--stop-grace-period={STOP_GRACE_SECONDS}s", "--stop-signal=SIGQUIT",
        f"--health-cmd={' '.join(CACHE_HEALTH[1:])}", "--health-interval=1s", "--health-timeout=3s",
    )  # fmt: skip
    edge = Edge(tmp_path, swarm.images, SETTINGS, token=swarm.token)
    try:
        _, https = edge.proxy()
        eventually(lambda: fetch(https, "/inbox", tls=TLS).status == 200, seconds=30)
        load = Load(https)
        for service in (cache, web, cache):
            docker("service", "update", "--detach=false", "--quiet", "--force", service)
            time.sleep(2)
        asked, problems = load.finish()
    finally:
        for container in list(edge.containers):
            edge.remove(container)
    assert problems == []
    assert asked > 500
