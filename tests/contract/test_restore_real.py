"""A database back from its set into a real PostgreSQL: beside, counted, swapped; from a real store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.streams import DockerStreams
from instancectl.adapters.restoring.volume_files import VolumeDirectory
from instancectl.core.backup import reviving
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.operations.backup import redis_back
from instancectl.operations.backup.choosing import choose
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.opening import Opener
from instancectl.ports.destination import Destination
from tests.contract.backup_harness import (
    VERSIONS,
    Database,
    Instance,
    built,
    built_postgres,
    container,
    docker,
    postgres,
    redis,
    wait_until,
)
from tests.contract.test_destinations import Bucket
from tests.fakes.progress import FakeProgress

pytestmark = [pytest.mark.contract, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
FILL = """
create extension if not exists pg_trgm;
create table accounts (id bigint primary key, username text not null unique);
create table statuses (id bigserial primary key, account_id bigint not null references accounts, text text);
create index on statuses using gin (text gin_trgm_ops);
insert into accounts select i, 'user' || i from generate_series(1, 1000) i;
insert into statuses (account_id, text)
  select 1 + i % 1000, md5(i::text) || E'\\n\\t''\\\\ ümlaut' from generate_series(1, 20000) i;
create view recent as select * from statuses order by id desc limit 10;
create role reader login password 'of-the-set';
create role "odd; name" nologin;
grant "odd; name" to reader;
grant pg_monitor to reader;
grant select on accounts to reader;
grant select on statuses to "odd; name";
"""


@dataclass
class Restorable:
    """PostgreSQL with a backup set of it."""

    instance: Instance
    database: Database
    root: Path

    def opener(self, destination: Destination | None = None) -> Opener:
        made = self.instance
        return Opener(destination or made.destination, made.crypto, made.identity, FakeProgress())

    @property
    def back(self) -> DatabaseBack:
        volumes = VolumeDirectory(lambda _: str(self.root))
        return DatabaseBack(DockerStreams(DockerSwarm()), volumes, self.instance.stack)

    def restore(self, destination: Destination | None = None) -> str:
        repository = self.instance.repository(destination)
        opener = self.opener(destination)
        return self.back.restore(opener, choose(repository, opener, "latest", ()).set)

    def databases(self) -> set[str]:
        return set(self.database.sql("select datname from pg_database where datname ~ '^mastodon'").split())

    def content(self, name: str) -> str:
        return docker(
            "exec", self.database.container, "psql", "-XAtq", "-U", "mastodon", "-d", name, "-c",
            "select md5(string_agg(s::text, ',' order by id)), count(*), (select max(username) from accounts)"
            " from statuses s",
        )  # fmt: skip


@contextmanager
def running(made: Instance, root: Path, image: str) -> Iterator[Database]:
    built_postgres(image)
    root.mkdir(exist_ok=True)
    root.chmod(0o755)  # as Docker makes volumes
    where = ("--volume", f"{root}:{reviving.DIRECTORY}", "--env", f"PGDATA={reviving.DIRECTORY}/pgdata")
    with postgres(made.stack, made.secrets, image, *where) as database:
        yield database


@pytest.fixture(scope="module", params=VERSIONS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restorable]:
    built("redis")
    made = Instance(tmp_path_factory.mktemp("restore"))
    root = tmp_path_factory.mktemp("cluster")
    with running(made, root, request.param) as database, redis(made.stack, made.secrets):
        database.sql(FILL)
        made.backup()
        yield Restorable(made, database, root)


@pytest.fixture
def restorable(source: Restorable) -> Iterator[Restorable]:
    yield source
    source.back.drop()
    assert source.databases() == {"mastodon_production"}
    assert not list(source.root.glob("*instancectl*"))


def test_beside_swapped_and_back(restorable: Restorable) -> None:
    wanted = restorable.content("mastodon_production")
    restorable.database.sql("delete from statuses where id > 5")
    now = restorable.content("mastodon_production")
    assert now != wanted
    assert "21000 rows in 2 tables, as counted" in restorable.restore()
    assert restorable.content("mastodon_production") == now
    assert restorable.content(reviving.RESTORED) == wanted
    assert restorable.back.indexes() >= 4

    # Somebody is connected, as PgBouncer would be: that does not hold the swap up.
    psql = ("psql", "-U", "mastodon", "-d", "mastodon_production", "-c", "select pg_sleep(60)")
    sleeping = subprocess.Popen(
        ["docker", "exec", restorable.database.container, *psql],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(0.5)
    assert restorable.back.swap()
    sleeping.wait(timeout=10)
    assert restorable.content("mastodon_production") == wanted
    assert restorable.content(reviving.BEFORE) == now
    assert restorable.back.swap()
    assert restorable.content("mastodon_production") == wanted

    restorable.back.swap_back()
    restorable.back.swap_back()
    assert restorable.content("mastodon_production") == now
    restorable.restore()
    restorable.back.swap()


@pytest.mark.long
def test_a_set_restores_into_the_newest_postgresql(restorable: Restorable, tmp_path: Path) -> None:
    """Which is how an instance moves on from an old one."""
    made, wanted = restorable.instance, restorable.content("mastodon_production")
    other = Instance(tmp_path / "newer")
    with running(other, tmp_path / "cluster", "testbed/postgres:18") as database:
        there = Restorable(made, database, tmp_path / "cluster")
        volumes = VolumeDirectory(lambda _: str(there.root))
        back = DatabaseBack(DockerStreams(DockerSwarm()), volumes, other.stack)
        opener = restorable.opener()
        back.restore(opener, choose(made.repository(), opener, "latest", ()).set)
        assert back.indexes() >= 4
        back.swap()
        assert there.content("mastodon_production") == wanted
        assert "reader" in database.sql("select rolname from pg_roles")
        assert "reader" in database.sql("select acl.grantee::regrole from pg_class, aclexplode(relacl) acl")


def test_extensions_views_and_sequences_come_along(restorable: Restorable) -> None:
    restorable.restore()
    restorable.back.swap()
    sql = restorable.database.sql
    assert "pg_trgm" in sql("select extname from pg_extension")
    assert sql("select count(*) from recent").strip() == "10"
    sql("insert into statuses (account_id, text) values (1, 'new')")
    assert sql("select max(id) from statuses").strip() == "20001"
    with pytest.raises(AssertionError, match="foreign key"):
        sql("insert into statuses (account_id, text) values (0, 'nobody')")
    sql("delete from statuses where id = 20001")


ROLES_NOW = """
select rolname, rolcanlogin, rolpassword, rolconfig,
  (select string_agg(roleid::regrole::text, ',' order by 1) from pg_auth_members where member = a.oid)
from pg_authid a
left join (select setrole, setconfig rolconfig from pg_db_role_setting where setdatabase = 0) s
  on setrole = oid
where rolname !~ '^pg_'
order by 1
"""


def test_roles_that_were_dropped_since_come_back_with_what_was_granted(restorable: Restorable) -> None:
    sql = restorable.database.sql
    wanted = sql(ROLES_NOW)
    for role in ("reader", '"odd; name"'):
        sql(f"drop owned by {role}; drop role {role}")
    restorable.restore()
    restorable.restore()
    restorable.back.swap()
    assert sql(ROLES_NOW) == wanted
    assert sql("select has_table_privilege('reader', 'accounts', 'select')").strip() == "t"
    assert sql("select has_table_privilege('odd; name', 'statuses', 'select')").strip() == "t"


def test_roles_that_are_there_stay_as_they_are(restorable: Restorable) -> None:
    sql = restorable.database.sql
    before = sql(ROLES_NOW)
    sql("alter role reader nologin password 'of-today'; alter role reader set work_mem = '8MB'")
    sql("revoke pg_monitor from reader")
    changed = sql(ROLES_NOW)
    assert changed != before
    try:
        restorable.restore()
        assert sql(ROLES_NOW) == changed
    finally:
        sql("alter role reader login password 'of-the-set'; alter role reader reset work_mem")
        sql("grant pg_monitor to reader")


def test_a_row_that_is_missing_is_noticed(restorable: Restorable) -> None:
    restorable.restore()
    docker(
        "exec", restorable.database.container, "psql", "-U", "mastodon", "-d", reviving.RESTORED, "-c",
        "delete from statuses where id = 7",
    )  # fmt: skip
    opener = restorable.opener()
    set_ = choose(restorable.instance.repository(), opener, "latest", ()).set
    rows = {table: int(count) for table, count in opener.about(set_)["rows"].items()}
    with pytest.raises(Unhealthy, match=r"`public.statuses` has 19999 rows, 20000 were counted"):
        restorable.back.compare(rows)


def test_an_index_that_is_not_sound_is_named(restorable: Restorable) -> None:
    restorable.restore()
    found = docker(
        "exec", restorable.database.container, "psql", "-XAtq", "-U", "mastodon", "-d", reviving.RESTORED,
        "-c", "select pg_relation_filepath('accounts_pkey')", "-c", "checkpoint",
    )  # fmt: skip
    with (restorable.root / "pgdata" / found.strip()).open("r+b") as file:
        file.seek(8192 * 2 + 8000)
        file.write(bytes(100))
    restart(restorable)  # PostgreSQL holds the page in memory until then
    with pytest.raises(OperationFailed, match="cannot check the indexes"):
        restorable.back.indexes()


def restart(restorable: Restorable) -> None:
    docker("restart", "--time", "0", restorable.database.container)
    wait_until(restorable.database.answers, "PostgreSQL")


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.streams import DockerStreams
from instancectl.adapters.restoring.volume_files import VolumeDirectory
from instancectl.core.secrets import Secret
from instancectl.operations.backup.choosing import choose
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup import redis_back
from instancectl.operations.backup.repository import Repository
from tests.fakes.progress import FakeProgress
crypto = BackupCrypto()
place = DirectoryDestination(Path({backups!r}), "social.example")
opener = Opener(place, crypto, Secret({identity!r}), FakeProgress())
set_ = choose(Repository(place, crypto, {public!r}), opener, "latest", ()).set
volumes = VolumeDirectory(lambda _: {cluster!r})
DatabaseBack(DockerStreams(DockerSwarm()), volumes, {stack!r}).restore(opener, set_)
print("done")
"""


@pytest.mark.parametrize("after_seconds", [0.5, 0.9, 1.3, 1.8])
def test_killed_while_it_restores_the_next_run_begins_anew(
    restorable: Restorable, after_seconds: float
) -> None:
    made, wanted = restorable.instance, restorable.content("mastodon_production")
    program = KILLED.format(
        root=str(ROOT), backups=str(made.backups), identity=made.identity.reveal(), public=made.public,
        cluster=str(restorable.root), stack=made.stack,
    )  # fmt: skip
    run = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    )
    time.sleep(after_seconds)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert restorable.content("mastodon_production") == wanted
    restorable.restore()
    assert restorable.content(reviving.RESTORED) == restorable.content("mastodon_production") == wanted


def test_a_server_that_dies_between_restore_and_swap_has_both(restorable: Restorable) -> None:
    wanted = restorable.content("mastodon_production")
    restorable.restore()
    restart(restorable)
    assert restorable.content("mastodon_production") == restorable.content(reviving.RESTORED) == wanted
    restorable.back.swap()


def test_from_a_real_store(restorable: Restorable, ceph: str) -> None:
    bucket = Bucket(ceph)
    place = bucket.destination()
    restorable.instance.backup(place)
    assert "rows in 2 tables, as counted" in restorable.restore(place)
    key = next(one.key for one in place.listed("parts/") if "database.dump" in one.key)
    content = bytearray(b"".join(place.read(key)))
    content[len(content) // 2] ^= 1
    place.delete(key)
    with place.create(key) as sink:
        sink.write(bytes(content))
    with pytest.raises(Unhealthy, match=key) as caught:
        restorable.restore(place)
    assert caught.value.exit_code == 4


def test_redis_takes_its_jobs_from_the_set(tmp_path: Path) -> None:
    """With an append-only file switched on, as the product does, a lone `dump.rdb` would be ignored."""
    built("redis")
    tmp_path.chmod(0o755)
    data = tmp_path / "data"
    (data / "appendonlydir").mkdir(parents=True)
    with container("testbed/redis:8", "redis-server") as first:
        wait_until(lambda: answers(first), "Redis")
        docker("exec", first, "redis-cli", "lpush", "queue:default", "job")
        rdb = subprocess.run(
            ["docker", "exec", first, "redis-cli", "--rdb", "-"], capture_output=True, check=True
        ).stdout
    with (data / "appendonlydir" / redis_back.BASE).open("wb") as file:
        stream = redis_back.WithoutMark(file.write)
        for at in range(0, len(rdb), 7):
            stream.write(rdb[at : at + 7])
        stream.end()
    (data / "appendonlydir" / "appendonly.aof.manifest").write_bytes(redis_back.MANIFEST)
    where = ("--volume", f"{data}:/data")
    with container(*where, "testbed/redis:8", "redis-server", "--appendonly", "yes") as second:
        wait_until(lambda: answers(second), "Redis")
        assert docker("exec", second, "redis-cli", "lrange", "queue:default", "0", "-1") == "job\n"
        docker("exec", second, "redis-cli", "lpush", "queue:default", "another")
        docker("restart", "--time", "5", second)
        wait_until(lambda: answers(second), "Redis")
        assert docker("exec", second, "redis-cli", "llen", "queue:default") == "2\n"


def answers(name: str) -> bool:
    ping = ["docker", "exec", name, "redis-cli", "ping"]
    return b"PONG" in subprocess.run(ping, check=False, capture_output=True).stdout
