"""A set of an instance that Docker Compose runs: nothing of it is changed, and restoring it makes it ours."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.streams import ComposeStreams
from instancectl.core.backup import kit
from instancectl.operations.backup.choosing import choose
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Repository
from tests.contract.backup_harness import Database, built, container, docker, tree, wait_until
from tests.contract.test_backup_real import DOMAIN, Typed
from tests.fakes.progress import FakeProgress

pytestmark = [pytest.mark.contract, pytest.mark.slow]


def labelled(directory: Path, service: str) -> tuple[str, ...]:
    """As Docker Compose labels what it starts."""
    labels = {"project.working_dir": str(directory), "service": service, "project": "mastodon"}
    return tuple(word for k, v in labels.items() for word in ("--label", f"com.docker.compose.{k}={v}"))


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[tuple[Path, Database]]:
    built("postgres", "redis")
    directory = tmp_path / "mastodon"
    (directory / "public/system/accounts").mkdir(parents=True)
    (directory / "public/system/cache").mkdir()
    (directory / "public/system/accounts/1.jpg").write_bytes(os.urandom(5_000))
    (directory / "public/system/cache/remote.jpg").write_bytes(b"x")
    (directory / ".env.production").write_text(
        f"LOCAL_DOMAIN={DOMAIN}\nDB_USER=mastodon\nDB_NAME=mastodon_production\n"
    )
    trusting = (
        "POSTGRES_HOST_AUTH_METHOD=trust",
        "POSTGRES_USER=mastodon",
        "POSTGRES_DB=mastodon_production",
    )
    options = [word for one in trusting for word in ("--env", one)]
    with (
        container(*labelled(directory, "db"), *options, "testbed/postgres:18") as db,
        container(*labelled(directory, "redis"), "testbed/redis:8", "redis-server") as redis,
    ):
        database = Database(db)
        wait_until(database.answers, "PostgreSQL")
        ping = ["docker", "exec", redis, "redis-cli", "ping"]
        wait_until(lambda: b"PONG" in subprocess.run(ping, check=False, capture_output=True).stdout, "Redis")
        database.sql("create table accounts (id int); insert into accounts select generate_series(1, 7)")
        yield directory, database


def test_it_is_backed_up_and_not_changed(tmp_path: Path, theirs: tuple[Path, Database]) -> None:
    directory, database = theirs
    (tmp_path / "ours").mkdir()
    typed = Typed(tmp_path / "ours", f"bk{time.monotonic_ns() % 10**9}")
    typed.set_up()
    before = (database.content(), tree(directory))

    planned = typed.good("create", "--from-compose", str(directory), "--dry-run")
    made = typed.good("create", "--from-compose", str(directory))

    assert planned["media"]["files"] == made["media"]["files"] == 1
    assert made["media"]["left_out_files"] == 1
    assert typed.all_whole()
    assert (database.content(), tree(directory)) == before
    page = next((tmp_path / "ours").glob("backup-kit-*")).read_text()
    identity, public, _ = kit.opens(page)
    place, crypto = DirectoryDestination(typed.disk, DOMAIN), BackupCrypto()
    opener = Opener(place, crypto, identity, FakeProgress())
    set_ = choose(Repository(place, crypto, public), opener, "latest", ()).set
    assert opener.about(set_)["rows"] == {"public.accounts": 7}
    assert opener.small(set_, "database.dump.zst.age").startswith(b"PGDMP")
    assert b"PASSWORD" not in opener.small(set_, "globals.sql.zst.age")
    assert {"instance.toml", "secrets.env"} <= set(opener.files(set_))


def test_what_may_still_write_is_found(tmp_path: Path) -> None:
    """Docker starts a stopped container again with the host, if it is to run always."""
    built("redis")
    made = ("--entrypoint", "sleep", "testbed/redis:8", "600")
    always = docker("create", *labelled(tmp_path, "sidekiq"), "--restart", "always", *made).strip()
    stopped = docker("create", *labelled(tmp_path, "streaming"), *made).strip()
    streams = ComposeStreams(DockerSwarm(), str(tmp_path))
    try:
        with container(*labelled(tmp_path, "web"), *made):
            assert streams.rising(("web", "streaming", "sidekiq")) == ("web", "sidekiq")
    finally:
        docker("rm", "--force", "--volumes", always, stopped)
    assert streams.rising(("web", "streaming", "sidekiq")) == ()


def test_a_directory_without_running_services_is_named(tmp_path: Path, theirs: tuple[Path, Database]) -> None:
    (tmp_path / "ours").mkdir()
    typed = Typed(tmp_path / "ours", "x")
    typed.set_up()
    other = tmp_path / "other"
    other.mkdir()
    (other / ".env.production").write_text("DB_USER=postgres\n")
    code, document = typed.run("create", "--from-compose", str(other))
    assert code == 6
    assert f"no `db` of `{other}` runs on this host" in document["errors"][0]["message"]
    assert not typed.sets()


def test_names_of_databases_are_quoted(theirs: tuple[Path, Database]) -> None:
    from instancectl.core.backup import database

    argv = database.foreign("mastodon; touch /tmp/owned", "x").size
    done = subprocess.run(["docker", "exec", theirs[1].container, *argv], capture_output=True, check=False)
    assert done.returncode
    listed = docker("exec", theirs[1].container, "ls", "/tmp")
    assert "owned" not in listed
