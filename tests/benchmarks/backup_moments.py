"""B13: whether a chosen second is that second, and whether anything that was committed is lost by a crash."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from instancectl.core.backup.moment import Moment
from tests.contract.backup_harness import docker, wait_until
from tests.contract.test_moments_real import Cluster, cluster_of

if TYPE_CHECKING:
    from tests.benchmarks.backup import Report

SECONDS = 12
"""Somebody commits for so long, twice: the crash comes between."""

MOMENTS = 3
LINE = (
    "insert into words (word) values (clock_timestamp()) returning extract(epoch from word::timestamptz);\n"
)


@dataclass
class Commits:
    """Somebody who commits one row after the other; `known` are acknowledged ones, epoch seconds."""

    container: str
    known: list[float] = field(default_factory=list)

    def __enter__(self) -> Self:
        psql = ("psql", "-XAtq", "-h", "127.0.0.1", "-U", "mastodon", "-d", "mastodon_production")
        self._psql = subprocess.Popen(
            ["docker", "exec", "-i", "--env", "PGPASSFILE=/dev/null", self.container, "sh", "-c",
             'PGPASSWORD="$(cat /run/secrets/db_password)" exec "$@"', "sh", *psql],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._commit, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._psql.kill()
        self._psql.communicate()

    def _commit(self) -> None:
        assert self._psql.stdin
        assert self._psql.stdout
        try:
            while not self._stop.is_set():
                self._psql.stdin.write(LINE)
                if not (answer := self._psql.stdout.readline().strip()):
                    return  # the server crashed before it answered: nothing was promised
                self.known.append(float(answer))
        except OSError:
            return


def moments(report: Report, base: Path) -> None:
    """Commits, a crash of everything, more commits, and back to some of the seconds."""
    with cluster_of("testbed/postgres:18", base) as cluster:
        cluster.database.sql("alter system set fsync = on")
        cluster.database.sql("select pg_reload_conf()")
        known = _crashed(cluster)
        with cluster.receiver(), Commits(cluster.database.container) as more:
            time.sleep(SECONDS)
        with cluster.receiver():
            known += more.known
            cluster.send()
        latest = _times(cluster, "latest")
        report.bar("B13", f"of {len(known)} commits, lost", len(set(known) - latest), 0, "rows")
        wrong = 0
        for second in random.Random(13).sample(sorted({int(at) for at in known[1:-1]})[1:], MOMENTS):
            there = _times(cluster, Moment(second).text)
            wrong += len(there ^ {at for at in latest if at < second})
        report.bar("B13", f"at {MOMENTS} chosen seconds, rows too many or too few", wrong, 0, "rows")


def _crashed(cluster: Cluster) -> list[float]:
    """What was acknowledged until receiver and server were killed."""
    database = cluster.database
    with cluster.receiver() as receiver, Commits(database.container) as commits:
        time.sleep(SECONDS)
        docker("kill", "--signal", "KILL", receiver)
        # The end of one server process by SIGKILL is a crash of all: PostgreSQL recovers from its WAL.
        pid = database.sql("select min(pid) from pg_stat_activity where backend_type = 'client backend'")
        docker("exec", database.container, "sh", "-c", f"kill -KILL {int(pid)}")
    wait_until(database.answers, "PostgreSQL")
    return commits.known


def _times(cluster: Cluster, moment: str) -> set[float]:
    """Epoch seconds of the rows that a moment has."""
    words = cluster.words(moment, "extract(epoch from word::timestamptz)", "word <> 'old'")
    return {float(word) for word in words}
