"""What the benchmark of backups backs up, and how it measures: posts, and a tree of media like Mastodon's."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SQL = """
create extension if not exists pg_trgm;
create table accounts (id bigint primary key, username text not null unique, private_key text);
insert into accounts select i, 'user' || i, repeat(md5(i::text), 50) from generate_series(1, 5000) i;
create table words as select i, substr(md5(i::text), 1, 2 + i % 9) as word from generate_series(1, 4000) i;
create table statuses (
  id bigint primary key, account_id bigint not null, uri text, text text, created_at timestamptz not null);
insert into statuses
  select i, 1 + i % 5000, 'https://remote.example/users/' || i % 900 || '/statuses/' || i,
    '<p>' || (select string_agg(word, ' ') from (
      select all_words[1 + (hashint8(i * 31 + n)::bigint + 2147483648) % 4000] as word
      from generate_series(1, 12 + i % 30) n) drawn) || '</p>',
    now() - i * interval '1 second'
  from generate_series(1, {rows}) i, (select array_agg(word) as all_words from words) w;
create index on statuses (account_id, id desc);
create index on statuses (created_at);
create unique index on statuses (uri);
""".format(rows=int(os.environ.get("BENCHMARK_ROWS", "1500000")))  # noqa: S608 - a whole number
"""About 1 GB, as the bars were set with: a small one measures how long Python takes to start."""

FILES, BYTES = int(os.environ.get("BENCHMARK_FILES", "50000")), 30_000
NEW, GONE = 500, 300


@dataclass(frozen=True)
class Measured:
    """One run: seconds from start to end, of the processor (children included), and the largest process."""

    wall: float
    cpu: float
    rss_mib: float


def measure(command: Sequence[str] | str, **environment: str) -> Measured:
    """Run it; a text goes through a shell."""
    argv = ["bash", "-o", "pipefail", "-c", command] if isinstance(command, str) else list(command)
    began = time.perf_counter()
    running = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **environment}, cwd=ROOT
    )
    assert running.stderr is not None
    said = running.stderr.read()
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    assert running.returncode == 0, f"{argv}: {said.decode(errors='replace')[-2000:]}"
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def best(runs: Mapping[str, Callable[[], Measured]], times: int) -> dict[str, Measured]:
    """Each of them `times` times, alternately; the least wall and processor time of each."""
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for _ in range(times):
        for name, run in runs.items():
            found[name].append(run())
    return {
        name: Measured(
            min(one.wall for one in many), min(one.cpu for one in many), max(one.rss_mib for one in many)
        )
        for name, many in found.items()
    }


def grow_tree(root: Path) -> None:
    """50,000 files of 30 kB, each below three directories of its own, as snowflake ids make them."""
    chance = random.Random(1)
    for number in range(FILES):
        write(root, number, chance)


def write(root: Path, number: int, chance: random.Random) -> None:
    """One upload."""
    digits = f"{109_000_000_000_000_000 + number * 1_000_003:018d}"
    parts = "/".join(digits[at : at + 3] for at in range(0, 18, 3))
    path = root / "media_attachments" / "files" / parts / "original" / f"{number:016x}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(chance.randbytes(BYTES))


def churn(root: Path, night: int) -> None:
    """What a day brings: new files, and some that are deleted."""
    chance = random.Random(night)
    for number in range(NEW):
        write(root, FILES * (night + 1) + number, chance)
    for path in sorted(root.rglob("*.jpg"))[night::97][:GONE]:
        path.unlink()


def install(*packages: str) -> None:
    """The competitors, as Debian ships them."""
    missing = [one for one in packages if not shutil.which({"borgbackup": "borg"}.get(one, one))]
    if missing:
        apt = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
        subprocess.run(
            apt, check=True, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
