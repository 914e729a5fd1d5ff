"""B14: how long nobody can post while an instance moves to another host, and whether anything is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.backup_data import write
from tests.contract.backup_harness import s3_server
from tests.contract.moving_harness import Moved, OldHost, move, new_host
from tests.contract.test_destinations import Bucket
from tests.contract.test_moments_real import cluster_of

if TYPE_CHECKING:
    from tests.benchmarks.backup import Report

IMAGE = "testbed/postgres:18"
FILES = 2_000
SMALL, LARGE = 0, 2
"""How often the posts are there: the gap must not grow with them."""

POSTS = """create table statuses as
  select i as id, 'https://remote.example/statuses/' || i as uri, repeat(md5(i::text), 10) as text
  from generate_series(1, 500000) i;
create unique index on statuses (uri);
"""
MORE = """insert into statuses
  select id + {number}000000, uri || '/{number}', text from statuses where id <= 500000"""

GAP_SECONDS, TOTAL_SECONDS = 10, 60


def moving(report: Report, base: Path) -> None:
    """A small and a large instance, through a real S3 server, while somebody commits all the time."""
    with s3_server() as endpoint:
        for name, times in (("small", SMALL), ("large", LARGE)):
            size, found = _moved(base / name, Bucket(endpoint), times)
            what = f"{name}, {size} MiB"
            report.bar(
                "B14",
                f"{what}: between the last commit there and the first here",
                found.gap,
                GAP_SECONDS,
                "s",
            )
            report.bar(
                "B14", f"{what}: from the command to the first commit here", found.total, TOTAL_SECONDS, "s"
            )
            report.bar("B14", f"{what}: of {found.committed} commits, lost", found.lost_rows, 0, "rows")
            report.bar("B14", f"{what}: of {found.files} files, lost", found.lost_files, 0, "files")


def _moved(base: Path, bucket: Bucket, times: int) -> tuple[int, Moved]:
    base.mkdir()
    destination = bucket.destination()
    with cluster_of(IMAGE, base) as cluster:
        database = cluster.database
        database.sql("alter system set fsync = on")
        database.sql("select pg_reload_conf()")
        for number in range(times):
            database.sql(POSTS if not number else MORE.format(number=number))
        database.sql("vacuum analyze")  # who reads rows first writes, too: more than a slot holds here
        database.sql("checkpoint")  # a slot begins with the last one
        chance = random.Random(14)
        for number in range(FILES):
            write(cluster.made.media, number, chance)
        old = OldHost(cluster, destination)
        with cluster.receiver(), new_host(cluster, destination, base / "new") as new:
            old.prepare()
            size = int(database.sql("select pg_database_size(current_database()) / 1048576"))
            time.sleep(1)
            return size, move(old, new)
