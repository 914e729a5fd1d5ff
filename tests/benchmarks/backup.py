"""Backup sets beside pg_dump, zstd, restic, borg, tar and age, in the same minutes on the same data.

    sudo .venv/bin/python tests/benchmarks/backup.py              about fifteen minutes
    sudo .venv/bin/python tests/benchmarks/backup.py database     or `media`, `moments`, `moving` alone

Docker must answer, and the testbed's images be built; the competitors are installed from Debian's archive.
Sets of the database go to a real S3 server (Ceph RGW), encrypted; the competitors write plain files, or to a
repository on this disk. Ends with 1 when a bar is missed.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from instancectl.core.backup import naming, reviving  # noqa: E402 - the path comes first
from instancectl.operations.backup.media import PACK_BYTES  # noqa: E402
from tests.benchmarks.backup_data import (  # noqa: E402
    BYTES,
    GONE,
    NEW,
    SQL,
    Measured,
    best,
    churn,
    grow_tree,
    install,
    measure,
)  # fmt: skip
from tests.benchmarks.backup_moments import moments  # noqa: E402
from tests.benchmarks.backup_moving import moving  # noqa: E402
from tests.benchmarks.backup_proofs import proofs  # noqa: E402
from tests.contract.backup_harness import Instance, docker, postgres, redis, s3_server  # noqa: E402
from tests.contract.test_backup_real import Typed  # noqa: E402
from tests.contract.test_destinations import KEYS, Bucket  # noqa: E402
from tests.contract.test_restore_real import Restorable  # noqa: E402


@dataclass
class Report:
    """Bars, as they are measured."""

    missed: list[str] = field(default_factory=list)

    def bar(self, name: str, what: str, seen: float, most: float, unit: str = "×") -> None:
        """One line; `seen` may be `most` at most."""
        word = "met" if seen <= most else "MISSED"
        if seen > most:
            self.missed.append(name)
        print(f"| {name} | {what} | {seen:.2f} {unit} | {most:g} {unit} | {word} |", flush=True)

    def seen(self, what: str, found: dict[str, Measured]) -> None:
        """What the ratios are made of."""
        for name, one in found.items():
            print(
                f"    {what}, {name}: {one.wall:.1f} s, processor {one.cpu:.1f} s, {one.rss_mib:.0f} MiB",
                file=sys.stderr, flush=True,
            )  # fmt: skip


@contextmanager
def volume(stack: str) -> Iterator[Path]:
    """Where the instance keeps its media."""
    docker("volume", "create", f"{stack}_media")
    try:
        yield Path(docker("volume", "inspect", "--format", "{{.Mountpoint}}", f"{stack}_media").strip())
    finally:
        docker("volume", "rm", "--force", f"{stack}_media")


def database(report: Report, base: Path) -> None:
    """B1 to B5: a database to a bucket and back."""
    instance, root = Instance(base / "instance"), base / "cluster"
    root.mkdir(mode=0o755)
    where = ("--volume", f"{root}:{reviving.DIRECTORY}", "--env", f"PGDATA={reviving.DIRECTORY}/pgdata")
    with ExitStack() as stack:
        db = stack.enter_context(postgres(instance.stack, instance.secrets, "testbed/postgres:18", *where))
        stack.enter_context(redis(instance.stack, instance.secrets))
        media = stack.enter_context(volume(instance.stack))
        (media / "one.jpg").write_bytes(b"one")
        bucket = Bucket(stack.enter_context(s3_server()))
        db.sql(SQL)
        db.sql("vacuum analyze; checkpoint")
        typed = Typed(base, instance.stack)
        typed.good("init", "--bucket", bucket.name, "--endpoint", bucket.endpoint)
        asked = f"docker exec {db.container} pg_dump -U mastodon"
        plain, custom = base / "plain.zst", base / "custom.dump"
        found = best(
            {
                "ours": lambda: measure(typed.argv("create")),
                "zstd": lambda: measure(f"{asked} mastodon_production | zstd -3 -T2 -qf -o {plain}"),
                "pg_dump -Fc": lambda: measure(f"{asked} -Fc mastodon_production > {custom}"),
            },
            2,
        )
        report.seen("database", found)
        ours = found["ours"]
        report.bar(
            "B1", "to S3, encrypted / `pg_dump \\| zstd -3 -T2`, wall", ours.wall / found["zstd"].wall, 1.10
        )
        report.bar("B2", "… / `pg_dump -Fc`, wall", ours.wall / found["pg_dump -Fc"].wall, 0.35)
        dump = next(one for one in typed.good("show")["parts"] if one["name"].startswith("database"))
        report.bar("B3", "size / `zstd -3`", dump["bytes"] / plain.stat().st_size, 1.03)
        report.bar("B4", "memory of a backup", ours.rss_mib, 200, "MiB")
        restored(report, Restorable(instance, db, root), bucket, custom)


def restored(report: Report, ours: Restorable, bucket: Bucket, custom: Path) -> None:
    """B5: back from the bucket, counted and analysed, beside `pg_restore` from a local file."""
    ours.instance.backup(bucket.destination())
    (ours.root / "custom.dump").write_bytes(custom.read_bytes())
    jobs, name = os.cpu_count() or 1, ours.database.container
    theirs = (
        f"docker exec {name} createdb -U mastodon -T template0 plain && docker exec {name} "
        f"pg_restore -U mastodon -j{jobs} --no-owner -d plain {reviving.DIRECTORY}/custom.dump"
    )

    def back() -> Measured:
        began = time.perf_counter()
        ours.restore(bucket.destination())
        seconds = time.perf_counter() - began
        ours.back.drop()
        return Measured(seconds, 0, 0)

    def plainly() -> Measured:
        taken = measure(theirs)
        docker("exec", name, "dropdb", "-U", "mastodon", "plain")
        return taken

    found = best({"ours": back, f"pg_restore -j{jobs}": plainly}, 2)
    report.seen("database back", found)
    ratio = found["ours"].wall / found[f"pg_restore -j{jobs}"].wall
    report.bar("B5", f"from S3, counted / `pg_restore -j{jobs}` from a file, wall", ratio, 1.15)


def media(report: Report, base: Path) -> None:
    """B6 to B12: 50,000 files in 150,000 directories."""
    instance = Instance(base / "instance")
    with ExitStack() as stack:
        stack.enter_context(postgres(instance.stack, instance.secrets, "testbed/postgres:18")).sql(
            "create table accounts (id bigint); insert into accounts values (1)"
        )
        stack.enter_context(redis(instance.stack, instance.secrets))
        tree = stack.enter_context(volume(instance.stack))
        grow_tree(tree)
        typed = Typed(base, instance.stack)
        kit = typed.good("init", "--directory", str(typed.disk), "--accept-risk", "same-disk")["kit"]
        nights(report, typed, tree, base)
        ways_back(report, typed, Path(kit), base)
        endpoint = stack.enter_context(s3_server())
        one_file(report, typed, Path(kit), base, Bucket(endpoint))


def nights(report: Report, typed: Typed, tree: Path, base: Path) -> None:
    """B6 to B9: the first run, an unchanged one, and one with what a day brings."""
    restic = f"restic --quiet --repo {base}/restic backup {tree}"
    borg = f"borg create --compression lz4 {base}/borg::{{now}}{{pid}} {tree}"
    measure(f"restic --quiet --repo {base}/restic init")
    measure(f"borg init --encryption repokey-blake2 {base}/borg")
    measure(f"age-keygen -o {base}/key 2>/dev/null; age-keygen -y {base}/key > {base}/recipient")
    sealed = f"tar -C {tree} -cf - . | age -R {base}/recipient > {base}/tar.age"
    runs = {
        "ours": lambda: measure(typed.argv("create")),
        "restic": lambda: measure(restic),
        "borg": lambda: measure(borg),
    }
    found = best({**runs, "tar | age": lambda: measure(sealed)}, 1)
    (base / "tar.age").unlink()
    report.seen("first run", found)
    report.bar("B6", "media, first run / restic, processor", found["ours"].cpu / found["restic"].cpu, 0.40)
    report.bar("B6", "… / `tar \\| age`, processor", found["ours"].cpu / found["tar | age"].cpu, 4)
    found = best({**runs, "find": lambda: measure(["find", str(tree), "-printf", "%p %s %T@\n"])}, 2)
    report.seen("unchanged", found)
    report.bar("B7", "unchanged, wall", found["ours"].wall, 4, "s")
    report.bar("B7", "… / restic, processor", found["ours"].cpu / found["restic"].cpu, 0.16)
    report.bar("B7", "… / `find -printf`, wall", found["ours"].wall / found["find"].wall, 2.5)
    before = {path.name for path in typed.disk.rglob("*.tar.age")}
    churn(tree, 1)
    found = best(runs, 1)
    report.seen(f"+{NEW} −{GONE}", found)
    report.bar(
        "B8", f"+{NEW} −{GONE} files / restic, processor", found["ours"].cpu / found["restic"].cpu, 0.15
    )
    packs = len({path.name for path in typed.disk.rglob("*.tar.age")} - before)
    report.bar("B9", "packs written for them", packs, NEW * BYTES / PACK_BYTES + 5, "objects")


def ways_back(report: Report, typed: Typed, kit: Path, base: Path) -> None:
    """B10 and B12: all of it back, and every byte of it read."""
    ours = typed.argv("get", "media", "media_attachments/", "--kit", str(kit), "--to")
    restic = f"restic --quiet --repo {base}/restic"
    found = best(
        {
            "ours": lambda: measure([*ours, str(base / "back-ours")]),
            "restic": lambda: measure(f"{restic} restore latest --target {base}/back-restic"),
        },
        1,
    )
    report.seen("all media back", found)
    report.bar("B10", "all media back / restic, wall", found["ours"].wall / found["restic"].wall, 0.4)
    found = best(
        {
            "ours": lambda: measure(typed.argv("verify", "--read")),
            "restic": lambda: measure(f"{restic} check --read-data"),
        },
        2,
    )
    report.seen("every byte read", found)
    ratio = found["ours"].wall / found["restic"].wall
    report.bar("B12", "`verify --read` / `restic check --read-data`, wall", ratio, 0.25)


def one_file(report: Report, typed: Typed, kit: Path, base: Path, bucket: Bucket) -> None:
    """B11: one file out of a bucket."""
    place = bucket.destination()
    root = next(typed.disk.iterdir())
    for path in sorted(root.rglob("*")):
        key = path.relative_to(root).as_posix()
        if path.is_file() and naming.is_key(key):
            with place.create(key) as sink:
                sink.write(path.read_bytes())
    name = next(path for path in (base / "back-ours").rglob("*.jpg")).relative_to(base / "back-ours")
    where = ("--from", f"s3://{bucket.name}", "--endpoint", bucket.endpoint, "--kit", str(kit))
    count = iter(range(9))
    there = f"$(find {base}/back-restic -name {name.name} -printf /%P)"
    found = best(
        {
            "ours": lambda: measure(
                typed.argv("get", "media", str(name), *where, "--to", f"{base}/one-{next(count)}")
            ),
            "restic": lambda: measure(
                f"restic --quiet --repo {base}/restic dump latest {there} > {base}/one"
            ),
        },
        3,
    )
    report.seen("one file", found)
    report.bar("B11", "one file from S3, wall", found["ours"].wall, 2, "s")


PARTS = {"database": database, "media": media, "moments": moments, "moving": moving, "proofs": proofs}


def main() -> int:
    """Measure and print."""
    # Whoever stops it gets containers and volumes removed, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    install("restic", "borgbackup", "age", "zstd")
    os.environ |= {
        "RESTIC_PASSWORD": "benchmark", "BORG_PASSPHRASE": "benchmark", "RESTIC_CACHE_DIR": "",
        "INSTANCECTL_BACKUP_KEY_ID": KEYS[0], "INSTANCECTL_BACKUP_KEY": KEYS[1],
    }  # fmt: skip
    report = Report()
    print("| Bar | What | Measured | At most | |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory(prefix="instancectl-benchmark-") as directory:
            os.environ |= {
                "RESTIC_CACHE_DIR": f"{directory}/restic-cache",
                "BORG_BASE_DIR": f"{directory}/borg-base",
            }
            PARTS[name](report, Path(directory))
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
