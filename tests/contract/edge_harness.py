"""A small edge out of real containers: network, `web`, `streaming`, `cache`, `proxy`."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from instancectl.core.edge import CACHE_CONFIG_FILE, CACHE_PAGES_DIRECTORY, PROXY_CONFIG_FILE, EdgeSettings
from tests.golden.edge.cases import render

ROOT = Path(__file__).resolve().parents[2]
UPSTREAM = Path(__file__).with_name("edge_upstream.py")
CLIENT = "203.0.113.9"
"""A public address for requests that reach `cache` as if `proxy` had passed them on."""

T = TypeVar("T")


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr}")
    return (done.stdout + done.stderr if not check else done.stdout).strip()


def built_images(*names: str) -> dict[str, str]:
    """Build what is missing; name -> tag."""
    command = [sys.executable, str(ROOT / "tests/testbed/build.py"), *names]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def eventually(what: Callable[[], T], *, seconds: float = 15) -> T:
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
        time.sleep(0.05)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def cached(self) -> str:
        return self.headers.get("X-Cached", "")

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def seen(self) -> dict[str, str]:
        """The request's headers as the upstream saw them."""
        return self.json["headers"]


class _Connection(http.client.HTTPConnection):
    """Connects to a port of this machine, with TLS for a name when asked."""

    def __init__(self, port: int, name: str, context: ssl.SSLContext | None) -> None:
        super().__init__("127.0.0.1", port, timeout=30)
        self._name = name
        self._context = context

    def connect(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


def insecure() -> ssl.SSLContext:
    """Accept any certificate: these tests are about what is inside."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fetch(
    port: int,
    path: str,
    *,
    host: str = "social.example",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: object = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request on its own connection, with exactly these headers (and Host)."""
    connection = _Connection(port, host, tls)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"Host": host, **(headers or {})}
        if isinstance(body, bytes):
            sent.setdefault("Content-Length", str(len(body)))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body if isinstance(body, bytes) else None)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@dataclass
class Edge:
    """Starts containers on a network of their own and removes them, and nothing else."""

    directory: Path
    images: Mapping[str, str]
    settings: EdgeSettings
    subnet: str = ""
    token: str = field(default_factory=lambda: f"edge-{secrets.token_hex(4)}")
    containers: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        docker("network", "create", *([f"--subnet={self.subnet}"] if self.subnet else []), self.token)
        return self

    def __exit__(self, *_: object) -> None:
        if self.containers:
            docker("rm", "--force", "--volumes", *self.containers, check=False)
        docker("network", "rm", self.token, check=False)

    def run(
        self,
        name: str,
        image: str,
        *,
        aliases: tuple[str, ...] = (),
        files: Mapping[str, Path] | None = None,
        ports: tuple[int, ...] = (),
        options: tuple[str, ...] = (),
        command: tuple[str, ...] = (),
    ) -> str:
        """Start a container called `name` here; return its full name."""
        container = f"{self.token}-{name}"
        arguments = ["run", "--detach", "--name", container, "--network", self.token]
        arguments += [f"--network-alias={alias}" for alias in aliases]
        arguments += [f"--volume={path}:{target}:ro" for target, path in (files or {}).items()]
        arguments += [f"--publish=127.0.0.1::{port}" for port in ports]
        self.containers.append(container)
        docker(*arguments, *options, self.images.get(image, image), *command)
        return container

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def upstream(self, name: str = "web", *, aliases: tuple[str, ...] = ("web", "streaming")) -> str:
        """A replica that plays web and streaming; its answers name it."""
        return self.run(
            name,
            "mail",  # has Python
            aliases=aliases,
            files={"/upstream.py": UPSTREAM},
            options=("--entrypoint", "python3", "--env", f"REPLICA={name}"),
            command=("/upstream.py",),
        )

    def cache(
        self,
        name: str = "cache",
        *,
        settings: EdgeSettings | None = None,
        files: Mapping[str, Path] | None = None,
        options: tuple[str, ...] = (),
    ) -> int:
        """Start nginx; return the port of this machine that leads to it."""
        rendered = render(settings or self.settings)
        mounted = {CACHE_CONFIG_FILE: self.write(f"{name}/nginx.conf", rendered["nginx.conf"])}
        for page in ("unavailable.html", "maintenance.html"):
            if page in rendered:
                mounted[f"{CACHE_PAGES_DIRECTORY}/{page}"] = self.write(f"{name}/{page}", rendered[page])
        mounted |= files or {}
        container = self.run(name, "nginx", aliases=("cache",), files=mounted, ports=(8080,), options=options)
        port = self.port(container, 8080)
        eventually(lambda: fetch(port, "/-/health").status == 200)
        return port

    def proxy(
        self,
        name: str = "proxy",
        *,
        settings: EdgeSettings | None = None,
        aliases: tuple[str, ...] = (),
        files: Mapping[str, Path] | None = None,
    ) -> tuple[int, int]:
        """Start Caddy; return the ports of this machine for HTTP and HTTPS."""
        text = render(settings or self.settings)["Caddyfile"]
        container = self.run(
            name,
            "caddy",
            aliases=aliases,
            files={PROXY_CONFIG_FILE: self.write(f"{name}/Caddyfile", text), **(files or {})},
            ports=(80, 443),
        )
        http_port = self.port(container, 80)
        eventually(lambda: fetch(http_port, "/", host="unknown.example").status == 421)
        return http_port, self.port(container, 443)

    @staticmethod
    def port(container: str, inside: int) -> int:
        return int(docker("port", container, f"{inside}/tcp").splitlines()[0].rpartition(":")[2])

    @staticmethod
    def address(container: str) -> str:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", "--format", form, container)

    def remove(self, container: str) -> None:
        docker("rm", "--force", "--volumes", container)
        self.containers.remove(container)
