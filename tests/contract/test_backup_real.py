"""`instancectl backup` as typed, against real PostgreSQL and Redis; killed, starved and cut off."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.streams import DockerStreams
from instancectl.adapters.secret_file import SecretFile
from instancectl.adapters.secret_generator import SystemSecretGenerator
from instancectl.core.backup import database
from instancectl.core.backup.keys import KIT_CODE
from instancectl.errors import InstanceError, Unreachable
from instancectl.ports.container_streams import Running
from tests.contract.backup_harness import Database, built, docker, postgres, redis, wait_until

pytestmark = [pytest.mark.contract, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "social.example"
FILL = """
create table t (x text);
insert into t select md5(i::text) || repeat('x', 100) from generate_series(1, {}) i
"""
NAMES = (
    "SECRET_KEY_BASE", "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY", "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT", "VAPID_PRIVATE_KEY", "DB_PASS", "REDIS_PASSWORD",
)  # fmt: skip


class Typed:
    """An instance's directory, and commands typed in it."""

    def __init__(self, directory: Path, stack: str) -> None:
        self.directory, self.disk = directory, directory / "disk"
        self.disk.mkdir()
        (directory / "instance.toml").write_text(
            f'[instance]\ndomain = "{DOMAIN}"\nname = "{stack}"\n\n[mail]\nmode = "none"\n'
        )
        SecretFile(directory / "secrets.env").add(SystemSecretGenerator().generate(NAMES))

    def argv(self, *words: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "instancectl",
            "--json",
            "--config",
            str(self.directory),
            "backup",
            *words,
        ]

    def run(self, *words: str) -> tuple[int, dict]:
        done = subprocess.run(
            self.argv(*words), capture_output=True, text=True, check=False, cwd=ROOT, timeout=300
        )
        return done.returncode, json.loads(done.stdout)

    def good(self, *words: str) -> dict:
        code, document = self.run(*words)
        assert code == 0, document
        return document["data"]

    def set_up(self) -> None:
        self.good("init", "--directory", str(self.disk), "--accept-risk", "same-disk")

    def sets(self) -> list[str]:
        return [one["set"] for one in self.good("list")["destinations"][0]["sets"]]

    def all_whole(self) -> bool:
        code, document = self.run("verify", "all", "--read")
        return code == 0 and {one["verdict"] for one in document["data"]["sets"]} == {"read"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Database]]:
    built("postgres", "redis")
    name = f"bk{time.monotonic_ns() % 10**9}"
    secrets = tmp_path_factory.mktemp("secrets")
    volume = docker("volume", "create", f"{name}_media").strip()
    try:
        media = Path(docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip())
        for number in range(50):
            (media / f"{number}.jpg").write_bytes(os.urandom(20_000))
        with postgres(name, secrets, "testbed/postgres:18") as db, redis(name, secrets):
            db.sql(FILL.format(200_000))
            yield name, db
    finally:
        docker("volume", "rm", "--force", volume)


@pytest.fixture
def typed(tmp_path: Path, stack: tuple[str, Database]) -> Typed:
    return Typed(tmp_path, stack[0])


def test_from_nothing_to_a_proven_set(typed: Typed) -> None:
    assert typed.run("create")[0] == 7
    assert typed.run("init")[0] == 7
    assert typed.run("init", "--directory", str(typed.disk))[1]["errors"][0]["subject"] == "same-disk"
    answer = typed.good("init", "--directory", str(typed.disk), "--accept-risk", "same-disk")
    assert Path(answer["kit"]).stat().st_mode & 0o777 == 0o600
    made = typed.good("create")
    assert {part["name"] for part in made["parts"]} >= {"database.dump.zst.age", "redis.rdb.zst.age"}
    assert made["media"]["files"] == 50
    assert typed.sets() == [made["set"]]
    assert typed.all_whole()
    assert typed.good("show")["set"] == made["set"]
    assert typed.good("expire")["destinations"][0]["sets"][0]["keep"]
    code = SecretFile(typed.directory / "backup.env").load().reveal(KIT_CODE)
    assert typed.run("init", "--kit-code", "0000-0000")[0] == 7
    typed.good("init", "--kit-code", code)
    assert not Path(answer["kit"]).exists()
    again = typed.good("create")
    assert again["media"]["new_files"] == 0
    assert "AGE-SECRET-KEY" not in "".join(
        path.read_text(errors="replace") for path in typed.directory.glob("*") if path.is_file()
    )


def test_killed_anywhere_old_sets_stay_whole_and_the_next_run_succeeds(typed: Typed) -> None:
    typed.set_up()
    first = typed.good("create")
    chance = random.Random(7)
    for _ in range(4):
        running = subprocess.Popen(
            typed.argv("create"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        time.sleep(chance.uniform(0.3, 1.5 * first["seconds"] + 1))
        running.kill()
        running.wait()
    assert first["set"] in typed.sets()
    newest = typed.good("create")["set"]
    assert typed.sets()[0] == newest
    assert typed.all_whole()


def test_a_killed_run_leaves_no_session_that_holds_up_vacuum(
    typed: Typed, stack: tuple[str, Database]
) -> None:
    typed.set_up()
    count = "select count(*) from pg_stat_activity where application_name = 'instancectl-backup'"
    _, db = stack
    running = subprocess.Popen(
        typed.argv("create"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    wait_until(lambda: db.sql(count).strip() != "0", "the dump")
    running.kill()
    running.wait()
    typed.good("create")
    assert db.sql(count).strip() == "0"


def test_a_run_that_is_told_to_stop_ends_within_seconds_and_leaves_nothing_unfinished(typed: Typed) -> None:
    typed.set_up()
    running = subprocess.Popen(typed.argv("create"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    unfinished = typed.disk / DOMAIN / ".unfinished"
    wait_until(lambda: unfinished.is_dir() and list(unfinished.iterdir()), "writing", 30)
    running.send_signal(signal.SIGTERM)
    began = time.monotonic()
    running.communicate(timeout=30)
    assert running.returncode == 130
    assert time.monotonic() - began < 5
    assert not list(unfinished.iterdir())
    assert typed.sets() == []
    assert '"backup-failed"' in (typed.directory / "state" / "journal.jsonl").read_text()


def test_two_runs_at_once_are_one(typed: Typed) -> None:
    typed.set_up()
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(typed.run("create")[0])) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(codes) in ([0, 5], [0, 0])  # they may not have met
    assert typed.all_whole()


def test_a_dead_database_is_told_and_makes_no_set(typed: Typed) -> None:
    text = (typed.directory / "instance.toml").read_text()
    (typed.directory / "instance.toml").write_text(text.replace('name = "', 'name = "x'))
    typed.set_up()
    code, document = typed.run("create")
    assert code in {1, 6}
    assert document["errors"][0]["message"]
    assert typed.sets() == []


def test_a_database_that_dies_while_it_is_dumped_makes_no_set(tmp_path: Path) -> None:
    built("postgres")
    name = f"bk{time.monotonic_ns() % 10**9}"
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    with postgres(name, secrets, "testbed/postgres:18") as db:
        db.sql(FILL.format(600_000))
        streams = DockerStreams(DockerSwarm())
        with streams.start(name, "db", database.DUMP_ARGV) as running:
            output = running.output()
            assert next(output).startswith(database.DUMP_MAGIC)
            docker("kill", db.container)
            with pytest.raises(InstanceError, match=r"was cut|did not end well"):
                judged(running, output)


def judged(running: Running, output: Iterator[bytes]) -> database.Dumped:
    for _ in output:
        pass
    return database.read(running.said, running.code())


def test_a_dump_is_read_in_constant_memory(stack: tuple[str, Database]) -> None:
    program = (
        "import resource, sys\n"
        "from instancectl.adapters.docker_engine import DockerSwarm\n"
        "from instancectl.adapters.docker_engine.streams import DockerStreams\n"
        "streams = DockerStreams(DockerSwarm())\n"
        "argv = ('sh', '-c', 'head -c %s /dev/zero')\n"
        "for size in (1_000_000, 300_000_000):\n"
        "    with streams.start(sys.argv[1], 'db', (*argv[:2], argv[2] % size)) as running:\n"
        "        assert sum(map(len, running.output())) == size and running.code() == 0\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, stack[0]], capture_output=True, text=True, check=True, cwd=ROOT
    )
    small, large = map(int, done.stdout.split())
    assert large - small < 8_000  # KiB


def test_stderr_and_exit_code_are_apart_from_the_output(stack: tuple[str, Database]) -> None:
    streams = DockerStreams(DockerSwarm())
    with streams.start(stack[0], "db", ("sh", "-c", "echo out; echo err >&2; exit 3")) as running:
        assert b"".join(running.output()) == b"out\n"
        assert (running.said, running.code()) == ("err\n", 3)
    with (
        pytest.raises(Unreachable, match="no replica of `none` runs"),
        streams.start(stack[0], "none", ("true",)),
    ):
        pass


@pytest.mark.parametrize("image", ["testbed/postgres:18", "testbed/postgres:13"])
def test_rows_are_counted_in_the_view_of_the_dump(tmp_path: Path, image: str) -> None:
    """Rows that appear while the dump runs are in neither."""
    built("postgres", "postgres-old")
    name = f"bk{time.monotonic_ns() % 10**9}"
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    ended = threading.Event()
    with postgres(name, secrets, image) as db:
        db.sql("create table growing (x int)")

        def grow() -> None:
            while not ended.is_set():
                db.sql("insert into growing select 1")

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            with DockerStreams(DockerSwarm()).start(name, "db", database.DUMP_ARGV) as running:
                dump = b"".join(running.output())
                told = database.read(running.said, running.code())
        finally:
            ended.set()
            writer.join()
        listed = ["exec", "-i", db.container, "pg_restore", "--data-only", "--table=growing", "--file=-"]
        restored = subprocess.run(["docker", *listed], input=dump, capture_output=True, check=True)
    rows = sum(line == b"1" for line in restored.stdout.splitlines())
    assert rows == told.rows["public.growing"]
    assert told.version.startswith(("13.", "18"))
