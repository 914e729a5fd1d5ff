"""A small instance to back up: PostgreSQL and Redis in containers of this test, media in a directory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.streams import DockerStreams
from instancectl.adapters.file_lock import FileLock
from instancectl.adapters.media_index_file import MediaIndexFile
from instancectl.adapters.media_tree import MediaTree
from instancectl.adapters.system_clock import SystemClock
from instancectl.core.config import InstanceConfig
from instancectl.operations.backup.create import create
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.subject import Subject, Tools
from instancectl.ports.destination import Destination
from tests.fakes.backup_figures import FakeFigures
from tests.fakes.journal import FakeJournal
from tests.fakes.progress import FakeProgress
from tests.fakes.reporter import FakeReporter

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = (
    "testbed/postgres:18",
    pytest.param("testbed/postgres:17", marks=pytest.mark.long),
    pytest.param("testbed/postgres:13", marks=pytest.mark.long),
)
"""Of PostgreSQL, each from a release of Debian; none has 14 to 16 beside what else is wanted of it."""

_ROWS = {
    "testbed/postgres:18": "postgres",
    "testbed/postgres:17": "postgres-17",
    "testbed/postgres:13": "postgres-old",
}
DOMAIN = "social.example"
PASSWORD = "backup-password"


def docker(*argv: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["docker", *argv], check=False, capture_output=True, text=True, input=stdin, timeout=300
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def built(*names: str) -> None:
    subprocess.run([sys.executable, ROOT / "tests/testbed/build.py", *names], check=True, capture_output=True)


def built_postgres(image: str) -> None:
    """One of `VERSIONS`."""
    built(_ROWS[image])


def wait_until(ready, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not start"
        time.sleep(0.2)


@contextmanager
def container(*argv: str) -> Iterator[str]:
    name = docker("run", "--detach", "--rm", *argv).strip()
    try:
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False, capture_output=True)


@contextmanager
def s3_server() -> Iterator[str]:
    """A real one (Ceph RGW); its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with container("--publish", f"127.0.0.1:{port}:7480", "testbed/ceph-rgw:18") as name:
        ready = ["docker", "exec", name, "test", "-f", "/run/rgw-ready"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "the S3 server", 120)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def postgres(stack: str, secrets: Path, image: str, *options: str) -> Iterator[Database]:
    (secrets / "db_password").write_text(PASSWORD)
    with container(
        "--label", f"com.docker.swarm.service.name={stack}_db",
        "--volume", f"{secrets}:/run/secrets:ro",
        "--env", "POSTGRES_DB=mastodon_production",
        "--env", "POSTGRES_USER=mastodon",
        "--env", "POSTGRES_PASSWORD_FILE=/run/secrets/db_password",
        *options,
        image,
    ) as name:  # fmt: skip
        database = Database(name)
        wait_until(database.answers, "PostgreSQL")
        yield database


@dataclass(frozen=True)
class Database:
    container: str

    def answers(self) -> bool:
        asked = ["docker", "exec", self.container, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "mastodon"]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    def sql(self, text: str) -> str:
        return docker(
            "exec", "-i", self.container,
            "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "mastodon", "-d", "mastodon_production",
            stdin=text,
        )  # fmt: skip

    def content(self) -> dict[str, str]:
        """Every table with a fingerprint of its rows."""
        tables = self.sql("select relname from pg_stat_user_tables order by 1").split("\n")[:-1]
        digest = "select md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from \"{}\" t"
        return {table: self.sql(digest.format(table)).strip() for table in tables}


@contextmanager
def redis(stack: str, secrets: Path) -> Iterator[str]:
    (secrets / "redis_password").write_text(PASSWORD)
    with container(
        "--label", f"com.docker.swarm.service.name={stack}_redis",
        "--volume", f"{secrets}:/run/secrets:ro",
        "testbed/redis:8", "redis-server", "--requirepass", PASSWORD, "--repl-diskless-sync-delay", "0",
    ) as name:  # fmt: skip
        ping = ["docker", "exec", "--env", f"REDISCLI_AUTH={PASSWORD}", name, "redis-cli", "ping"]
        wait_until(
            lambda: "PONG" in subprocess.run(ping, check=False, capture_output=True, text=True).stdout,
            "Redis",
        )
        yield name


class Instance:
    """What is backed up, and where to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stack = f"bk{uuid.uuid4().hex[:8]}"
        self.media = directory / "media"
        self.secrets = directory / "run-secrets"
        self.backups = directory / "backups"
        for made in (self.media, self.secrets, self.backups):
            made.mkdir(parents=True)
        self.crypto = BackupCrypto()
        self.identity, self.recipient = self.crypto.new_identity()
        self.signing, self.public = self.crypto.new_signing_key()
        self.reporter, self.journal, self.figures = FakeReporter(), FakeJournal(), FakeFigures()
        self.files = {"secrets.env": b"SECRET_KEY_BASE=abc\n", "instance.toml": b"[instance]\n"}
        self.config = InstanceConfig.model_validate({
            "instance": {"domain": DOMAIN, "name": self.stack},
            "mail": {"mode": "none"},
            "backup": {"recipients": [self.recipient]},
        })  # fmt: skip

    @property
    def destination(self) -> DirectoryDestination:
        return DirectoryDestination(self.backups, DOMAIN)

    def repository(self, destination: Destination | None = None) -> Repository:
        return Repository(destination or self.destination, self.crypto, self.public, self.signing)

    def place(self, *destinations: Destination) -> Place:
        chosen = destinations or (self.destination,)
        return Place(
            [self.repository(one) for one in chosen],
            FileLock(self.directory / "state" / "lock"),
            self.journal,
            self.figures,
        )

    def tools(self) -> Tools:
        return Tools(self.crypto, SystemClock(), self.reporter, FakeProgress())

    def subject(self) -> Subject:
        return Subject(
            config=self.config,
            streams=DockerStreams(DockerSwarm()),
            files=self.files,
            fingerprints={"SECRET_KEY_BASE": "0" * 12},
            media=MediaTree(self.media, ("cache",)),
            index=MediaIndexFile(self.directory / "state" / "media.tsv"),
            images={"postgres:18": "postgres:18@sha256:1"},
            tool="0.1",
        )

    def backup(self, *destinations: Destination, **changes):
        return create(replace(self.subject(), **changes), self.tools(), self.place(*destinations))

    def kit_files(self) -> Path:
        """The two keys of the emergency kit as files."""
        keys = self.directory / "keys"
        keys.mkdir(exist_ok=True)
        (keys / "identity").write_text(self.identity.reveal() + "\n")
        (keys / "signing.pub").write_text(self.public)
        return keys


def tree(root: Path) -> dict[bytes, bytes]:
    """Path → content of everything below `root`, links as their targets."""
    found = {}
    for path in root.rglob("*"):
        name = os.fsencode(path.relative_to(root))
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found
