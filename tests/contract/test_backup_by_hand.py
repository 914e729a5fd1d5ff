"""FORMAT, the text that lies beside backup sets, restores everything as it stands, without instancectl."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.backup_harness import (
    DOMAIN,
    Database,
    Instance,
    built,
    container,
    docker,
    postgres,
    redis,
    tree,
    wait_until,
)

pytestmark = [pytest.mark.contract, pytest.mark.slow]

TABLES = """
create table accounts (id bigserial primary key, username text not null, domain text);
create table statuses (id bigserial primary key, account_id bigint references accounts, text text);
create unique index on accounts (lower(username), lower(domain));
create table "odd Name" (x int);
insert into accounts (username) select 'user' || i from generate_series(1, 2000) i;
insert into statuses (account_id, text)
  select 1 + i % 2000, repeat('Grüße an alle ', 3) || i from generate_series(1, 20000) i;
create materialized view instances as select domain, count(*) from accounts group by 1;
create role reader;
grant select on accounts to reader;
"""

BLOCK = re.compile(r"^```(sh|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def odd_files(media: Path) -> None:
    """Names and kinds that a careless script stumbles over."""
    for name in (
        b"new\nline",
        b"\xff\xfe.jpg",
        b"-rf",
        b"back\\slash\\x41",
        b"tab\tname",
        b"x" * 255,
        "ümlaut".encode(),
    ):
        (media / os.fsdecode(name)).write_bytes(name * 3)
    (media / "empty").write_bytes(b"")
    (media / "link").symlink_to("../../outside")
    (media / "deep" / ("d" * 120) / ("e" * 120)).mkdir(parents=True)
    (media / "deep" / ("d" * 120) / ("e" * 120) / "file").write_bytes(b"deep")
    with (media / "sparse").open("wb") as file:
        file.truncate(300_000)
    os.mkfifo(media / "pipe")


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    built("postgres", "redis", "by-hand")
    return Instance(tmp_path)


def test_the_text_restores_everything(instance: Instance) -> None:
    media = instance.media
    for number in range(400):
        path = media / "accounts" / f"{number % 7}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(3000))
    (media / "cache").mkdir()
    (media / "cache" / "remote.jpg").write_bytes(b"can be fetched again")
    odd_files(media)
    with (
        postgres(instance.stack, instance.secrets, "testbed/postgres:18") as db,
        redis(instance.stack, instance.secrets),
    ):
        db.sql(TABLES)
        instance.backup()
        (media / "accounts" / "1" / "1.jpg").write_bytes(b"changed since the first set")
        (media / "accounts" / "2" / "2.jpg").unlink()
        shutil.rmtree(media / "accounts" / "3")
        (media / "accounts" / "late.jpg").write_bytes(b"new since the first set")
        db.sql("insert into accounts (username) values ('late'); delete from statuses where id < 10")
        db.sql("refresh materialized view instances")  # restoring one refreshes it
        instance.backup()
        rows = db.content()
        wanted = {path: content for path, content in tree(media).items() if not path.startswith(b"cache/")}
    restored, found = by_hand(instance)
    assert restored == rows
    assert found == wanted
    configuration = instance.directory / "out" / "configuration"
    assert (configuration / "secrets.env").read_bytes() == instance.files["secrets.env"]
    assert (configuration / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert (instance.directory / "out" / "redis.rdb").read_bytes().startswith(b"REDIS")
    assert "CREATE ROLE mastodon" in (instance.directory / "out" / "globals.sql").read_text()


def by_hand(instance: Instance) -> tuple[dict[str, str], dict[bytes, bytes]]:
    """Run every command of the text in a machine that knows nothing; rows and media that come out."""
    out = instance.directory / "out"
    out.mkdir()
    plain, _ = commands(instance)
    with carried_out(instance, out, plain) as database:
        return database.content(), tree(out / "media")


def commands(instance: Instance) -> tuple[list[str], list[str]]:
    """What the text says: for a set, and for a moment behind it."""
    blocks = BLOCK.findall((instance.backups / DOMAIN / "FORMAT").read_text())
    plain, forward = ([text for kind, text in blocks if kind == wanted] for wanted in ("sh", "bash"))
    return plain, forward


@contextmanager
def carried_out(
    instance: Instance, out: Path, script: Iterable[str], **environment: str
) -> Iterator[Database]:
    """The commands on a machine that knows nothing; the database that they filled."""
    further = [word for key, value in environment.items() for word in ("--env", f"{key}={value}")]
    with container(
        "--volume", f"{instance.backups / DOMAIN}:/backup:ro",
        "--volume", f"{instance.kit_files()}:/keys:ro",
        "--volume", f"{out}:/out",
        "--env", "POSTGRES_USER=mastodon", "--env", "POSTGRES_PASSWORD=other",
        "testbed/by-hand:18",
    ) as name:  # fmt: skip
        ready = ["exec", name, "sh", "-c", "pg_isready -q -h 127.0.0.1 -U mastodon && echo yes || echo no"]
        wait_until(lambda: docker(*ready).strip() == "yes", "PostgreSQL")
        docker(
            "exec", "--workdir", "/backup",
            "--env", "KEY=/keys/identity", "--env", "PUB=/keys/signing.pub", "--env", "OUT=/out",
            "--env", "PGHOST=127.0.0.1", "--env", "PGUSER=mastodon", "--env", "PGPASSWORD=other",
            *further, name, "bash", "-c", "\n".join(("set -euo pipefail", *script)),
        )  # fmt: skip
        yield Database(name)
