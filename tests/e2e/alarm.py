"""An instance with Prometheus, Alertmanager and the agent, and receivers that remember what came."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from instancectl.core.config_edit import with_values
from tests.e2e.host import ROOT, STACK, Instance, docker, eventually, free_port, lines

ADDRESS = "admin@elsewhere.example"


@dataclass
class Hook:
    """A receiver that remembers what it got, and when."""

    port: int = field(default_factory=free_port)
    got: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)

    def start(self) -> ThreadingHTTPServer:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/beat":
                    hook.beats.append(time.monotonic())
                else:
                    hook.got.append((time.monotonic(), json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def names(self, since: float, status: str = "firing") -> list[str]:
        told = [body for at, body in self.got if at >= since and body["status"] == status]
        return [one["name"] for body in told for one in body["alerts"]]


@dataclass(frozen=True)
class MailServer:
    """A container that takes mail and shows it."""

    container: str
    port: int
    web: str

    def subjects(self) -> list[str]:
        """Of what came, newest first."""
        with urllib.request.urlopen(f"{self.web}/api/v1/messages", timeout=10) as answer:
            return [one["Subject"] for one in json.load(answer)["messages"]]


@dataclass
class Alarmed:
    """A deployed instance with everything that alerts."""

    instance: Instance
    agent: str
    prometheus: str
    hook: Hook
    mail: MailServer
    planned_again: list[dict[str, str]]

    def query(self, expr: str) -> list[dict[str, Any]]:
        url = f"http://{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def rules(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://{self.prometheus}/api/v1/rules", timeout=10) as answer:
            groups = json.load(answer)["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def mails(self) -> list[str]:
        return self.mail.subjects()

    def verdict(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self.agent}/verdict", timeout=10) as answer:
            return json.load(answer)

    def firing(self) -> set[str]:
        found = self.query('ALERTS{alertstate="firing", severity="page"}')
        return {one["metric"]["alertname"] for one in found}


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    smtp, web = free_port(), free_port()
    name = docker(
        "run", "--detach", f"--publish=127.0.0.1:{smtp}:1025", f"--publish=127.0.0.1:{web}:8025",
        "testbed/mail:1",
    )  # fmt: skip
    try:
        made = MailServer(name, smtp, f"http://127.0.0.1:{web}")
        eventually(lambda: answers(f"{made.web}/api/v1/messages"))
        yield made
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return answer.status == 200
    return False


@contextlib.contextmanager
def alarmed(
    instance: Instance, mail: MailServer, *, mastodon_mails: bool = True, **wanted: object
) -> Iterator[Alarmed]:
    """The instance with everything that alerts, as long as the block lasts.

    With `mastodon_mails` Mastodon keeps the mail server it was deployed with, and only the agent has `mail`.
    """
    build = [sys.executable, str(ROOT / "tests/testbed/build.py"), "prometheus", "alertmanager"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    agent, prometheus, manager = (f"127.0.0.1:{free_port()}" for _ in range(3))
    hook = Hook()
    server = hook.start()
    settings = {
        "monitoring.enabled": "true",
        "monitoring.listen": agent,
        "monitoring.prometheus_listen": prometheus,
        "monitoring.alertmanager_listen": manager,
        "dashboard.enabled": "false",
        "alerts.webhook.url": f"http://127.0.0.1:{hook.port}/hook",
        "alerts.heartbeat_url": f"http://127.0.0.1:{hook.port}/beat",
        **wanted,
    }
    by_server = {
        "mail.mode": "smtp",
        "mail.server": "127.0.0.1",
        "mail.starttls": "never",
        "mail.port": mail.port,
    }
    instance.configure(**settings, **({} if mastodon_mails else by_server))
    instance.cli("deploy")
    again = instance.cli("--json", "plan").document["data"]["steps"]
    instance.configure(**settings, **by_server)
    file = instance.directory / "instance.toml"
    file.write_text(with_values(file.read_text(), {"alerts.email.to": (ADDRESS,)}))
    process = instance.start("agent", "run")
    made = Alarmed(instance, agent, prometheus, hook, mail, again)
    try:
        eventually(lambda: answers(f"http://{agent}/verdict"), seconds=60)
        eventually(
            lambda: made.query('sum(instancectl_sli_slices_total{sli="availability"}) > 2'), seconds=120
        )
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        server.shutdown()
        server.server_close()
        instance.configure()
        instance.cli("deploy")
        for volume in ("prometheus", "alertmanager"):
            eventually(lambda volume=volume: _gone(f"{STACK}_{volume}"), seconds=60)


def _gone(volume: str) -> bool:
    docker("volume", "rm", volume, check=False)
    return volume not in lines("volume", "ls", "-q")
