"""A small instance out of the stand-in's containers, reached by their addresses."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Self, TypeVar
from urllib.parse import urlencode

from tests.contract.standin_http import DOMAIN, EDGE, Answer, captured_http, fetch

ROOT = Path(__file__).resolve().parents[2]

T = TypeVar("T")


def settings() -> dict[str, str]:
    """`.env.production` of one instance; the VAPID key is that of the captured answers."""
    captured = json.loads(captured_http("web-instance").body)
    return {
        "LOCAL_DOMAIN": DOMAIN,
        "SECRET_KEY_BASE": "5" * 128,
        "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY": "d" * 32,
        "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT": "s" * 32,
        "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY": "p" * 32,
        "VAPID_PRIVATE_KEY": "unused",
        "VAPID_PUBLIC_KEY": captured["configuration"]["vapid"]["public_key"],
        "DB_HOST": "db",
        "DB_PASS": "database-password",
        "REDIS_HOST": "redis",
        "REDIS_PASSWORD": "redis-password",
        "SMTP_SERVER": "mail",
        "SMTP_PORT": "1025",
        "SMTP_FROM_ADDRESS": f"notifications@{DOMAIN}",
        "EMAIL_DOMAIN_ALLOWLIST": DOMAIN,
    }


def docker(*arguments: str, check: bool = True, stdin: str | None = None) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, input=stdin)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def built_images(*names: str) -> dict[str, str]:
    """Build what is missing; name -> tag."""
    command = [sys.executable, str(ROOT / "tests/testbed/build.py"), *names]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def eventually(what: Callable[[], T], *, seconds: float = 60) -> T:
    """The first true value of `what`; the last failure when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if value := what():
                return value
            problem: Exception = AssertionError(f"still {value!r} after {seconds} s")
        except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
            problem = error
        if time.monotonic() > deadline:
            raise problem
        time.sleep(0.1)


@dataclass
class Standin:
    """Starts containers on a network of their own and removes them, and nothing else."""

    directory: Path
    images: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=settings)
    cost: str = "1"
    token: str = field(default_factory=lambda: f"standin-{secrets.token_hex(4)}")
    containers: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        docker("network", "create", self.token)
        self.write_settings()
        return self

    def __exit__(self, *_: object) -> None:
        if self.containers:
            docker("rm", "--force", "--volumes", *self.containers, check=False)
        docker("network", "rm", self.token, check=False)

    # ---- containers

    def write_settings(self, **changes: str) -> None:
        """`.env.production`, as the deployments mount it."""
        self.settings.update(changes)
        text = "".join(f"{key}={value}\n" for key, value in self.settings.items() if value)
        (self.directory / "env.production").write_text(text)

    def _environment(self, extra: Mapping[str, str]) -> list[str]:
        pairs = {"STANDIN_BOOT_SECONDS": "0", "STANDIN_COST": self.cost, **extra}
        options = [word for key, value in pairs.items() for word in ("--env", f"{key}={value}")]
        return ["--volume", f"{self.directory}/env.production:/opt/mastodon/.env.production:ro", *options]

    def start(
        self, name: str, image: str, *command: str, env: Mapping[str, str] | None = None, options=()
    ) -> str:
        """A container known to the others as `name`; its name for docker."""
        container = f"{self.token}-{name}"
        if container in self.containers:
            docker("rm", "--force", "--volumes", container)
        else:
            self.containers.append(container)
        mastodon = self._environment(env or {}) if image.startswith("mastodon") else []
        docker(
            "run", "--detach", "--name", container, "--network", self.token, "--network-alias", name,
            *mastodon, *options, self.images[image], *command,
        )  # fmt: skip
        return container

    def stores(self) -> None:
        """PostgreSQL, Redis and the mail catcher."""
        options = [
            "--env",
            "POSTGRES_USER=mastodon",
            "--env",
            f"POSTGRES_PASSWORD={self.settings['DB_PASS']}",
        ]
        self.start(
            "db",
            "postgres",
            "postgres",
            "-c",
            "fsync=off",
            options=[*options, "--env", "POSTGRES_DB=postgres"],
        )
        self.start("redis", "redis", "redis-server", "--requirepass", self.settings["REDIS_PASSWORD"])
        self.start("mail", "mail")
        ready = ["pg_isready", "--host", "127.0.0.1", "--username", "mastodon"]
        eventually(lambda: "accepting" in docker("exec", self.name("db"), *ready))

    def processes(self) -> None:
        """Web, sidekiq and streaming, all serving."""
        self.start("web", "mastodon", "bundle", "exec", "puma", "-C", "config/puma.rb")
        self.start("sidekiq", "mastodon", "bundle", "exec", "sidekiq")
        self.start("streaming", "mastodon-streaming")
        eventually(lambda: self.web("/health").status == 200)
        eventually(lambda: self.streaming("/api/v1/streaming/health").status == 200)
        eventually(lambda: self.redis("SCARD", "processes") == "1")

    @contextlib.contextmanager
    def without(self, role: str) -> Iterator[None]:
        """While `role` is stopped as an orchestrator stops it, with time to finish."""
        docker("stop", "--time", "30", self.name(role))
        try:
            yield
        finally:
            docker("start", self.name(role))

    def name(self, role: str) -> str:
        return f"{self.token}-{role}"

    def address(self, role: str) -> str:
        networks = json.loads(
            docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", self.name(role))
        )
        return networks[self.token]["IPAddress"]

    def exit_code(self, role: str) -> int | None:
        """None while it runs."""
        state = json.loads(docker("inspect", "--format", "{{json .State}}", self.name(role)))
        return None if state["Running"] else state["ExitCode"]

    def run(
        self, *command: str, image: str = "mastodon", env: Mapping[str, str] | None = None
    ) -> SimpleNamespace:
        """A one-shot container: `output` (both streams) and `code`."""
        name = f"{self.token}-run-{secrets.token_hex(3)}"
        done = subprocess.run(
            ["docker", "run", "--rm", "--name", name, "--network", self.token, *self._environment(env or {}),
             self.images[image], *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return SimpleNamespace(output=done.stdout, code=done.returncode)

    # ---- looking inside

    def redis(self, *command: str) -> str:
        login = ["-a", self.settings["REDIS_PASSWORD"], "--no-auth-warning", "--raw"]
        return docker("exec", self.name("redis"), "redis-cli", *login, *command)

    def sql(self, query: str, database: str = "mastodon_production") -> str:
        psql = ["psql", "-U", "mastodon", "-d", database, "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", query]
        return docker("exec", self.name("db"), *psql)

    def mails(self) -> list[dict]:
        return fetch(f"{self.address('mail')}:8025", "/api/v1/messages").json["messages"]

    def mail_text(self, mail: dict) -> str:
        return fetch(f"{self.address('mail')}:8025", f"/api/v1/message/{mail['ID']}").json["Text"]

    def cpu_seconds(self, role: str) -> float:
        """CPU that all processes of a container have used since they started."""
        fields = docker("exec", self.name(role), "sh", "-c", "cat /proc/[0-9]*/stat").splitlines()
        ticks = [int(field) for line in fields for field in line.rpartition(")")[2].split()[11:13]]
        return sum(ticks) / os.sysconf("SC_CLK_TCK")

    # ---- talking to it

    def web(self, path: str, **options) -> Answer:
        return fetch(f"{self.address('web')}:3000", path, **options)

    def streaming(self, path: str, **options) -> Answer:
        return fetch(f"{self.address('streaming')}:4000", path, **options)

    def api(
        self,
        path: str,
        *,
        token: str | None = None,
        form: object = None,
        method: str | None = None,
        client="",
    ) -> Answer:
        """A request as the edge passes it on, with a form as body."""
        headers = dict(EDGE)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if client:
            headers["X-Forwarded-For"] = client
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form, doseq=True).encode()
        return self.web(
            path, method=method or ("POST" if form is not None else "GET"), headers=headers, body=body
        )

    def application(self) -> dict:
        form = {
            "client_name": "tests",
            "redirect_uris": "urn:ietf:wg:oauth:2.0:oob",
            "scopes": "read write follow",
        }
        app = self.api("/api/v1/apps", form=form, client=f"198.51.100.{secrets.randbelow(250) + 1}").json
        return {
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "scope": "read write follow",
        }

    def app_token(self) -> str:
        form = {**self.application(), "grant_type": "client_credentials"}
        return self.api("/oauth/token", form=form).json["access_token"]

    def user_token(self, email: str, password: str) -> str:
        form = {**self.application(), "grant_type": "password", "username": email, "password": password}
        return self.api("/oauth/token", form=form).json["access_token"]

    def create_user(self, username: str, *options: str) -> str:
        """A confirmed and approved account; its password."""
        email = f"{username}@{DOMAIN}"
        done = self.run(
            "tootctl", "accounts", "create", username, "--email", email, "--confirmed", "--approve", *options
        )
        assert done.code == 0, done.output
        return done.output.split("New password: ")[1].strip()
