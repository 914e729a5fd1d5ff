"""What a backup costs the people of an instance, and what a rehearsal of its restore takes.

    sudo .venv/bin/python tests/benchmarks/backup_live.py         about ten minutes

It deploys an instance of its own, as `run.py` does, fills its database, and removes it again.
The same requests are timed while nothing else happens, during `backup create`, and during `pg_dump | zstd -3`
(from Debian's archive), in turns. Ends with 1 when a bar is missed.
"""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

from backup import Report  # noqa: E402 - the path comes first
from backup_data import install  # noqa: E402 - the path comes first
from clients import Connection  # noqa: E402 - the path comes first
from stack import ROOT, Instance, docker, instance, wait_until  # noqa: E402 - the path comes first

FILL = """
create table filler as select i as id, md5(i::text) || md5((i * 7)::text) || md5((i * 13)::text) as text
from generate_series(1, 1500000) i; alter table filler add primary key (id); checkpoint
"""
"""A quarter of a GiB: a backup then takes long enough to ask a few hundred times."""

QUIET_SECONDS, PAUSE_SECONDS, TURNS = 15, 0.05, 2
ANSWERS_FILE = "/auth/sign_in"
"""Never answered from the cache; what people wait for is web."""

Asked = list[float]


def asked_while(goes_on: Callable[[], bool]) -> Asked:
    """Seconds that each of many requests took, one after the other, through the edge."""
    taken, connection = [], Connection()
    while goes_on():
        began = time.perf_counter()
        connection.request("GET", ANSWERS_FILE, headers={"Cookie": "_session_id=benchmark"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"`{ANSWERS_FILE}` was answered with {answer.status}")
        taken.append(time.perf_counter() - began)
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return taken


def quiet() -> Asked:
    """Nothing else happens."""
    end = time.monotonic() + QUIET_SECONDS
    return asked_while(lambda: time.monotonic() < end)


def during(command: list[str]) -> Asked:
    """While a command runs, which must end well."""
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, cwd=ROOT)
        try:
            taken = asked_while(lambda: running.poll() is None)
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.kill()
            running.wait()
        if running.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}:\n{said.read().decode(errors='replace')}")
    return taken


def percentile(taken: Asked, share: float) -> float:
    """Nearest rank."""
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * share))]


def latency(report: Report, made: Instance, base: Path) -> None:
    """What people wait, without and with a backup, in turns."""
    ours = [sys.executable, "-m", "instancectl", "--config", str(made.directory), "backup", "create"]
    db = made.container("db")
    dump = 'PGPASSWORD="$(cat /run/secrets/db_password)" pg_dump -h 127.0.0.1 -U mastodon mastodon_production'
    theirs = ["bash", "-c", f"set -o pipefail; docker exec {db} sh -c '{dump}' | zstd -3 -T2 -qf -o {base}/x"]
    runs = {"quiet": quiet, "ours": lambda: during(ours), "pg_dump | zstd": lambda: during(theirs)}
    taken: dict[str, Asked] = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            taken[name] += run()
    for name, found in taken.items():
        print(
            f"    {name}: {len(found)} requests, median {1000 * statistics.median(found):.1f} ms, "
            f"95 % within {1000 * percentile(found, 0.95):.1f} ms",
            file=sys.stderr, flush=True,
        )  # fmt: skip
    for share, name in ((0.5, "median"), (0.95, "95 %")):
        without = percentile(taken["quiet"], share)
        report.bar(
            "latency", f"during a backup / without, {name}", percentile(taken["ours"], share) / without, 1.2
        )
        others = percentile(taken["pg_dump | zstd"], share)
        report.bar(
            "latency", f"… / during `pg_dump \\| zstd`, {name}", percentile(taken["ours"], share) / others, 1
        )


def rehearsal(report: Report, made: Instance, kit: Path) -> None:
    """B16: a drill beside the restore that it stands for."""
    drilled = json.loads(made.ctl("--json", "backup", "drill", "--kit", str(kit)))["data"]
    restored = json.loads(made.ctl("--json", "restore", "--kit", str(kit), "--side-by-side"))["data"]
    made.ctl("restore", "finish")
    print(f"    drill {drilled['rto_seconds']} s, restore {restored['seconds']} s", file=sys.stderr)
    report.bar(
        "B16", "a drill, unattended / a restore, wall", drilled["rto_seconds"] / restored["seconds"], 3
    )


@contextlib.contextmanager
def filled() -> Iterator[Instance]:
    """An instance with something to dump."""
    with instance() as made:
        made.deploy()
        wait_until(made.converged, "the instance")
        login = 'PGPASSWORD="$(cat /run/secrets/db_password)"'
        sql = f'{login} psql -h 127.0.0.1 -U mastodon -d mastodon_production -Xqc "$1"'
        for statement in FILL.split(";"):
            docker("exec", made.container("db"), "sh", "-c", sql, "sh", statement)
        yield made


def main() -> int:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    install("zstd")
    report = Report()
    print("| Bar | What | Measured | At most | |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="instancectl-benchmark-") as directory, filled() as made:
        base, kit = Path(directory), Path(directory) / "kit.txt"
        (base / "sets").mkdir(mode=0o700)
        place = ("--directory", str(base / "sets"), "--accept-risk", "same-disk")
        made.ctl("backup", "init", *place, "--kit", str(kit))
        latency(report, made, base)
        rehearsal(report, made, kit)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
