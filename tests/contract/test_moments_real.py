"""Any moment back from a real PostgreSQL: rolled forward between two commits, through kills and gaps."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from instancectl.adapters.backup_figures import WalFile
from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.scratch import DockerScratch
from instancectl.adapters.docker_engine.streams import DockerStreams
from instancectl.adapters.file_lock import FileLock
from instancectl.adapters.restoring.volume_files import VolumeDirectory
from instancectl.adapters.restoring.wal_directory import WalDirectory
from instancectl.core.backup import moment as moments
from instancectl.core.backup import receiving, reviving
from instancectl.core.backup.moment import Moment
from instancectl.core.config import InstanceConfig
from instancectl.core.units import MIB
from instancectl.errors import OperationFailed, Partial, Refused, Unhealthy
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.estimate import estimate
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.rolling import Rolling
from instancectl.operations.backup.sending import Outlet, send
from tests.contract import test_backup_by_hand as by_hand
from tests.contract.backup_harness import (
    DOMAIN,
    PASSWORD,
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
from tests.fakes.progress import FakeProgress

pytestmark = [pytest.mark.contract, pytest.mark.slow]

KEEP_MIB = 128


@dataclass
class Cluster:
    """A PostgreSQL whose WAL is received and sent."""

    made: Instance
    database: Database
    root: Path
    image: str

    @property
    def config(self) -> InstanceConfig:
        return self.made.config

    @property
    def wal(self) -> Path:
        return self.made.directory / "wal"

    @contextmanager
    def receiver(self) -> Iterator[str]:
        directory = self.made.directory
        with container(
            "--volume", f"{self.wal}:{receiving.DIRECTORY}",
            "--volume", f"{directory / 'socket'}:{receiving.SOCKET}",
            "--volume", f"{self.made.secrets}:/run/secrets:ro",
            "--env", f"KEEP_MIB={KEEP_MIB}",
            self.image, *receiving.RECEIVE,
        ) as name:  # fmt: skip
            wait_until(lambda: self.slot().startswith("t"), "the receiver")
            # It outlives the receiver, and so does the limit of what its slot holds back.
            assert self.database.sql("show max_slot_wal_keep_size").strip() == f"{KEEP_MIB}MB"
            if not list(self.made.backups.glob("*/sets/*.json")):
                self.send()
                self.made.backup()
            yield name

    def slot(self) -> str:
        return self.database.sql("select active, wal_status from pg_replication_slots")

    def gave_up(self) -> bool:
        """Somebody goes on writing, a segment a second: what is to be removed is removed by a checkpoint."""
        time.sleep(0.8)
        self.fill(16)
        return self.slot().strip() in {"", "f|lost"}

    def outlet(self) -> Outlet:
        made = self.made
        return Outlet(
            self.config,
            DockerStreams(DockerSwarm()),
            WalDirectory(lambda: str(self.wal)),
            [made.repository()],
            FileLock(made.directory / "state" / "wal.lock"),
            made.journal,
            WalFile(made.directory / "state" / "backup-wal.json"),
            made.tools(),
        )

    def send(self) -> dict[str, object]:
        return dict(send(self.outlet()).data)

    def now(self) -> int:
        """The next whole second, once it has begun."""
        at = int(time.time()) + 1
        time.sleep(at + 0.1 - time.time())
        return at

    def rolling(self) -> Rolling:
        made, streams = self.made, DockerStreams(DockerSwarm())
        scratch = DockerScratch(DockerSwarm(), made.stack, "moment")
        return Rolling(
            repository=made.repository(),
            opener=Opener(made.destination, made.crypto, made.identity, FakeProgress()),
            scratch=scratch,
            volumes=VolumeDirectory(lambda volume: streams.volume_path(scratch.stack, volume)),
            streams=streams,
            swarm=DockerSwarm(),
            tools=made.tools(),
            machine=platform.machine(),
            understood=lambda _: self.config,
        )

    def words(self, moment: str, what: str = "word", which: str = "true") -> list[str]:
        """What table `words` held at a moment: rolled forward, dumped, restored beside, counted."""
        rolling = self.rolling()
        reach = rolling.reach(moments.parse(moment), "latest")
        back = DatabaseBack(
            DockerStreams(DockerSwarm()), VolumeDirectory(lambda _: str(self.root)), self.made.stack
        )
        back.revive(lambda write: rolling.roll(reach, write))
        psql = ("psql", "-XAtq", "-U", "mastodon", "-d", reviving.RESTORED)
        query = f"select {what} from words where {which} order by id"  # noqa: S608 - our own words
        found = docker("exec", self.database.container, *psql, "-c", query)
        back.drop()
        return found.split()

    def say(self, *words: str) -> None:
        for word in words:
            self.database.sql(f"insert into words (word) values ('{word}')")  # noqa: S608 - our own words

    def fill(self, mib: int) -> None:
        """Write so much WAL, and nothing else."""
        for _ in range(max(1, mib // 16)):
            self.database.sql(
                "select count(pg_logical_emit_message(false, 'fill', repeat('x', 1048576)))"
                " from generate_series(1, 16); checkpoint"
            )


@contextmanager
def cluster_of(image: str, base: Path) -> Iterator[Cluster]:
    """A fresh one."""
    built("redis")
    built_postgres(image)
    made, root = Instance(base / "moments"), base / "cluster"
    root.mkdir()
    root.chmod(0o755)
    for name in ("wal", "socket"):
        (made.directory / name).mkdir()
    made.files = {"secrets.env": f"DB_PASS={PASSWORD}\n".encode(), "instance.toml": b"[instance]\n"}
    made.config = made.config.model_copy(
        update={
            "images": made.config.images.model_copy(update={"db": image}),
            "backup": made.config.backup.model_copy(update={"point_in_time": True}),
        }
    )
    where = (
        "--volume", f"{root}:{reviving.DIRECTORY}", "--env", f"PGDATA={reviving.DIRECTORY}/pgdata",
        "--volume", f"{made.directory / 'socket'}:{receiving.SOCKET}",
    )  # fmt: skip
    with (
        postgres(made.stack, made.secrets, image, *where) as database,
        redis(made.stack, made.secrets),
    ):
        database.sql(
            "create table words (id bigserial primary key, word text); "
            "insert into words (word) values ('old')"
        )
        database.sql("alter system set max_wal_size = '64MB'")
        database.sql("alter system set min_wal_size = '32MB'")
        database.sql("alter system set fsync = off")  # a test's disk is shared with all the others
        database.sql("select pg_reload_conf()")
        yield Cluster(made, database, root, image)


@pytest.fixture(scope="module", params=VERSIONS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(request.param, tmp_path_factory.mktemp("moments")) as made:
        yield made


def test_between_two_commits_through_a_killed_receiver(cluster: Cluster) -> None:
    began = cluster.now()
    with cluster.receiver() as receiver:
        cluster.say("first")
        between = cluster.now()
        cluster.say("second")
        sent = cluster.send()
        assert sent["until"] >= between

        # The first is there, the second is not: to the second, and neither more nor less.
        assert cluster.words(Moment(between).text) == ["old", "first"]
        assert cluster.words("latest") == ["old", "first", "second"]

        docker("kill", "--signal", "KILL", receiver)
    cluster.say("while", "nobody", "received")
    with cluster.receiver():
        cluster.say("again")
        cluster.send()
    assert cluster.words("latest")[-4:] == ["while", "nobody", "received", "again"]
    with pytest.raises(Refused, match="too early"):
        cluster.rolling().reach(Moment(began), "latest")
    with pytest.raises(Refused, match="too late"):
        cluster.rolling().reach(Moment(int(time.time()) + 600), "latest")


def test_a_role_that_was_made_after_the_set_and_dropped_since(cluster: Cluster) -> None:
    with cluster.receiver():
        cluster.database.sql("create role passing login password 'x'; grant select on words to passing")
        cluster.say("granted")
        cluster.send()
        moment = cluster.now()
        cluster.database.sql("drop owned by passing; drop role passing")
        cluster.send()
    assert cluster.words(Moment(moment).text)[-1] == "granted"
    assert "passing" in cluster.database.sql("select rolname from pg_roles")
    cluster.database.sql("drop role passing")


def test_a_moment_behind_the_last_commit_is_the_end(cluster: Cluster) -> None:
    with cluster.receiver():
        cluster.say("last")
        moment = cluster.now()
        # WAL without a commit: PostgreSQL never sees the moment pass.
        cluster.fill(16)
        cluster.send()
        assert cluster.words(Moment(moment).text)[-1] == "last"


@pytest.mark.long
def test_files_that_cannot_be_read_cost_no_set(cluster: Cluster) -> None:
    made, unreadable = cluster.made, cluster.root / "pgdata" / "of-somebody-else"
    with cluster.receiver():
        base = made.figures.load().base
        foreseen = estimate(made.subject(), made.place()).data["base_bytes"]
        unreadable.touch(mode=0)  # the test is root, PostgreSQL is not
        try:
            with pytest.raises(
                Partial, match=r"no moment begins with it: pg_basebackup .* Permission denied"
            ):
                made.backup()
        finally:
            unreadable.unlink()
        newest = made.repository().look().newest
        assert newest is not None
        assert newest.verdict.proven
        assert (newest.set.base, made.figures.load().base, made.figures.load().base_ok) == (None, base, False)
        assert not list(made.backups.glob(f"*/parts/{newest.id}/base.tar*"))
        made.backup()
        newest = made.repository().look().newest
        assert newest is not None
        assert newest.set.base is not None
        assert made.figures.load().base_ok
        part = newest.set.part("base.tar.zst.age")
        assert part is not None
        assert abs(foreseen - part.plain_bytes) < 8 * MIB


def test_an_image_of_another_major_version_is_refused_beforehand(cluster: Cluster) -> None:
    with cluster.receiver():
        cluster.say("x")
        cluster.send()
    rolling = cluster.rolling()
    reach = rolling.reach(Moment(), "latest")
    rolling.refuse_version(reach)
    version = cluster.image.rpartition(":")[2]
    another = "18" if version == "13" else "13"
    built_postgres(f"testbed/postgres:{another}")
    images = cluster.config.images.model_copy(update={"db": f"testbed/postgres:{another}"})
    other = cluster.config.model_copy(update={"images": images})
    with pytest.raises(Refused, match=f"are of PostgreSQL {version}, and its image has {another}") as told:
        replace(rolling, understood=lambda _: other).refuse_version(reach)
    assert f"`--set {reach.rest.id}`" in told.value.hint
    with pytest.raises(Refused, match="this host is a `riscv64`"):
        replace(rolling, machine="riscv64").reach(Moment(), "latest")


def test_a_damaged_segment_is_noticed(cluster: Cluster) -> None:
    with cluster.receiver():
        cluster.say("x")
        cluster.send()
    reach = cluster.rolling().reach(Moment(), "latest")
    key = reach.chain.sent[-1].key
    path = cluster.made.backups / DOMAIN / key
    content = path.read_bytes()
    path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    try:
        with pytest.raises(Unhealthy, match="is not what was written"):
            cluster.words("latest")
    finally:
        path.write_bytes(content)
    assert cluster.words("latest")[-1] == "x"
    left = docker(
        "ps", "--all", "--quiet", "--filter", f"label=instancectl.drill={cluster.made.stack}-moment"
    )
    assert not left


@pytest.mark.long
def test_without_a_receiver_the_disk_does_not_fill_and_the_gap_has_a_name(cluster: Cluster) -> None:
    with cluster.receiver():
        cluster.send()
        # Nobody sends: the receiver stops by itself, and PostgreSQL gives the slot up rather than the disk.
        wait_until(cluster.gave_up, "giving the slot up", 240)
        spool = ("run", "--rm", "--volume", f"{cluster.wal}:/w", cluster.image, "du", "-sm", "/w")
        received = int(docker(*spool).split()[0])
        assert received <= KEEP_MIB + 64
    kept = int(cluster.database.sql("select (sum(size) / 1048576)::bigint from pg_ls_waldir()"))
    assert kept <= KEEP_MIB + 64 + 48
    cluster.fill(KEEP_MIB)
    with pytest.raises(OperationFailed, match="WAL is not taken"):
        cluster.send()
    with cluster.receiver():
        cluster.say("after the gap")
        cluster.send()
        after = int(time.time())
        with pytest.raises(Unhealthy, match="WAL is missing from `0000000"):
            cluster.rolling().reach(Moment(after - 1), "latest")
        cluster.made.backup()
        cluster.say("new")
        cluster.send()
    assert cluster.words("latest")[-1] == "new"


@pytest.mark.parametrize("cluster", VERSIONS[:1], indirect=True)  # what that machine has installed
def test_by_hand_as_the_text_says(cluster: Cluster) -> None:
    built("by-hand")
    with cluster.receiver():
        cluster.send()
        cluster.made.backup()
        cluster.say("by", "hand")
        moment = cluster.now()
        cluster.say("later")
        cluster.send()
    made, out = cluster.made, cluster.made.directory / "out"
    out.mkdir()
    plain, forward = by_hand.commands(made)
    script = (*plain[:2], *forward, plain[3])
    at = Moment(moment).text.replace("T", " ").replace("Z", "+00")
    with by_hand.carried_out(made, out, script, AT=at) as restored:
        found = restored.sql("select word from words order by id").split()
    assert found[-2:] == ["by", "hand"]
