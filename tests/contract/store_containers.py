"""Redis and PostgreSQL for contract tests, reached through their network namespaces."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from instancectl.adapters.container_network import ContainerNetwork
from tests.contract.standin_harness import built_images, docker, eventually

PASSWORD = "a-password-for-tests"


def process_of(container: str) -> int:
    """Its main process, 0 when it does not run."""
    return int(docker("inspect", "--format", "{{.State.Pid}}", container))


def network_of(container: str) -> ContainerNetwork:
    return ContainerNetwork(lambda: process_of(container))


@contextmanager
def container(image: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """A container without any network but its own loopback."""
    name = f"stores-{secrets.token_hex(4)}"
    tag = built_images(image)[image]
    docker("run", "--detach", "--name", name, "--network", "none", *options, tag, *command)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


@contextmanager
def redis(image: str = "redis") -> Iterator[str]:
    with container(image, "redis-server", "--requirepass", PASSWORD, "--appendonly", "yes") as name:
        eventually(lambda: "PONG" in redis_cli(name, "PING"))
        yield name


def redis_cli(name: str, *words: str, stdin: str | None = None) -> str:
    login = ("-a", PASSWORD, "--no-auth-warning", "--raw")
    options = ("--interactive",) if stdin is not None else ()
    return docker("exec", *options, name, "redis-cli", *login, *words, stdin=stdin)


@contextmanager
def postgres(image: str = "postgres", method: str = "") -> Iterator[str]:
    """`method` is asked for on every connection over TCP; empty is what the image does by itself."""
    environment = {
        "POSTGRES_USER": "mastodon", "POSTGRES_DB": "mastodon_production", "POSTGRES_PASSWORD": PASSWORD,
        "POSTGRES_INITDB_ARGS": f"--auth-host={method}" if method else "",
    }  # fmt: skip
    options = tuple(word for key, value in environment.items() for word in ("--env", f"{key}={value}"))
    with container(image, "postgres", "-c", "fsync=off", options=options) as name:
        ready = ("pg_isready", "--host", "127.0.0.1", "--username", "mastodon")
        eventually(lambda: "accepting" in docker("exec", name, *ready))
        yield name


def sql(name: str, query: str) -> str:
    psql = ("psql", "-U", "mastodon", "-d", "mastodon_production", "-qtAX", "-v", "ON_ERROR_STOP=1", "-c")
    return docker("exec", name, *psql, query)


@contextmanager
def frozen(name: str) -> Iterator[None]:
    """While no process of the container gets any processor."""
    docker("pause", name)
    try:
        yield
    finally:
        subprocess.run(["docker", "unpause", name], check=False, capture_output=True)
