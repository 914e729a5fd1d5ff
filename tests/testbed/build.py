#!/usr/bin/env python3
"""Build the images of the test environment, once per definition.

    python3 tests/testbed/build.py                 every image that has a directory
    python3 tests/testbed/build.py caddy nginx     these (and what they are built on)
    python3 tests/testbed/build.py --default       exactly what `./quickstart` needs
    python3 tests/testbed/build.py --json          names for the `images.*` settings, builds nothing

Every image carries the hash of its definition (its directory, its build
arguments, and the hash of what it is built on) in the label
`testbed.definition`. An image whose hash is already there is not built again,
so a warm run asks the engine one question and ends.

No image registry is needed: the bottom layer comes from debootstrap.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

IMAGES_DIRECTORY = Path(__file__).resolve().parent / "images"
MIRROR = "http://deb.debian.org/debian"
LABEL = "testbed.definition"

# Official releases; the first of each is the one quickstart deploys.
MASTODON_RELEASES = ("v4.6.3", "v4.5.13", "v4.4.20", "v4.7.1")


class BuildError(Exception):
    """An image cannot be built; the text says which and why."""


@dataclass(frozen=True)
class Rootfs:
    """A Debian suite turned into an image by debootstrap and `docker import`.

    `script` names the debootstrap script: older debootstraps know no script
    for the newest suites, and `sid`'s does the same.
    """

    name: str
    tag: str
    suite: str
    script: str

    def definition(self) -> str:
        return _hash([f"rootfs\0{self.suite}\0{self.script}\0{MIRROR}\0minbase"])


@dataclass(frozen=True)
class Image:
    """One row: a directory with a Dockerfile, built under a tag on a base row."""

    name: str
    directory: str
    tag: str
    base: str
    args: tuple[tuple[str, str], ...] = ()


def _mastodon_rows() -> Iterator[Image]:
    for directory in ("mastodon", "mastodon-streaming"):
        for release in MASTODON_RELEASES:
            first = release == MASTODON_RELEASES[0]
            name = directory if first else f"{directory}:{release}"
            yield Image(name, directory, f"testbed/{directory}:{release}", "base", (("RELEASE", release),))


ROWS: tuple[Rootfs | Image, ...] = (
    Rootfs("rootfs-forky", "testbed-base:forky", "forky", "sid"),
    Rootfs("rootfs-trixie", "testbed-base:trixie", "trixie", "trixie"),
    Rootfs("rootfs-bookworm", "testbed-base:bookworm", "bookworm", "bookworm"),
    Rootfs("rootfs-bullseye", "testbed-base:bullseye", "bullseye", "bullseye"),
    Image("base", "base", "testbed/base:forky", "rootfs-forky"),
    Image("base-trixie", "base", "testbed/base:trixie", "rootfs-trixie"),
    Image("base-old", "base", "testbed/base:bullseye", "rootfs-bullseye"),
    Image("postgres", "postgres", "testbed/postgres:18", "base", (("PG_MAJOR", "18"),)),
    Image("postgres-17", "postgres", "testbed/postgres:17", "base-trixie", (("PG_MAJOR", "17"),)),
    Image("postgres-old", "postgres", "testbed/postgres:13", "base-old", (("PG_MAJOR", "13"),)),
    Image("redis", "redis", "testbed/redis:8", "base"),
    Image("redis-old", "redis", "testbed/redis:6", "base-old"),
    Image("caddy", "caddy", "testbed/caddy:2.11", "base"),
    Image("nginx", "nginx", "testbed/nginx:1.30", "base"),
    Image("mail", "mail", "testbed/mail:1", "base"),
    Image("pgbouncer", "pgbouncer", "testbed/pgbouncer:1", "base"),
    Image("ceph-rgw", "ceph-rgw", "testbed/ceph-rgw:18", "base-trixie"),
    Image("host-bookworm", "host", "testbed/host:bookworm", "rootfs-bookworm", (("SUITE", "bookworm"),)),
    Image("host-trixie", "host", "testbed/host:trixie", "rootfs-trixie", (("SUITE", "trixie"),)),
    Image("pebble", "pebble", "testbed/pebble:2", "base"),
    Image("prometheus", "prometheus", "testbed/prometheus:2.53", "base-trixie"),
    Image("alertmanager", "alertmanager", "testbed/alertmanager:0.28", "base-trixie"),
    Image("ntfy", "ntfy", "testbed/ntfy:2", "base-trixie"),
    Image("by-hand", "by-hand", "testbed/by-hand:18", "postgres"),
    *_mastodon_rows(),
)

# Key of `images.*` in instance.toml -> name of the row that stands in for it.
CONFIG_KEYS = {
    "web": "mastodon",
    "streaming": "mastodon-streaming",
    "db": "postgres",
    "redis": "redis",
    "proxy": "caddy",
    "cache": "nginx",
    "mail": "mail",
    "pgbouncer": "pgbouncer",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
}
DEFAULT = ("mastodon", "mastodon-streaming", "postgres", "redis", "caddy", "nginx", "mail")

# Built only when asked for by name: slow, or of interest to a single test.
ON_REQUEST = {
    "alertmanager",
    "rootfs-bookworm",
    "rootfs-bullseye",
    "rootfs-trixie",
    "base-old",
    "base-trixie",
    "by-hand",
    "ceph-rgw",
    "host-bookworm",
    "host-trixie",
    "ntfy",
    "postgres-17",
    "postgres-old",
    "prometheus",
    "redis-old",
} | {row.name for row in ROWS if row.name.startswith("mastodon") and ":" in row.name}


def rows_by_name() -> dict[str, Rootfs | Image]:
    """Every row; `mastodon:v4.6.3` is another name of `mastodon`."""
    rows = {row.name: row for row in ROWS}
    for directory in ("mastodon", "mastodon-streaming"):
        rows[f"{directory}:{MASTODON_RELEASES[0]}"] = rows[directory]
    return rows


def definition_of(row: Rootfs | Image) -> str:
    """Hash of everything that decides what the image contains."""
    if isinstance(row, Rootfs):
        return row.definition()
    directory = IMAGES_DIRECTORY / row.directory
    if not (directory / "Dockerfile").is_file():
        raise BuildError(
            f"cannot build image `{row.name}`: no Dockerfile in `{directory}`\n\n"
            "hint: name only images that have a directory"
        )
    parts = [f"base\0{definition_of(rows_by_name()[row.base])}"]
    parts += [f"arg\0{key}\0{value}" for key, value in row.args]
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or "__pycache__" in path.parts:
            continue
        mode = "x" if os.access(path, os.X_OK) else "-"
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        parts.append(f"file\0{path.relative_to(directory)}\0{mode}\0{content}")
    return _hash(parts)


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def with_bases(names: Sequence[str]) -> list[Rootfs | Image]:
    """The rows of `names` and all they stand on, bottom first, each once."""
    rows = rows_by_name()
    ordered: list[Rootfs | Image] = []
    for name in names:
        if name not in rows:
            raise BuildError(f"no image `{name}`\n\nhint: known are {', '.join(rows)}")
        chain = [rows[name]]
        while isinstance(chain[0], Image):
            chain.insert(0, rows[chain[0].base])
        ordered += [row for row in chain if row not in ordered]
    return ordered


def existing_definitions(tags: Sequence[str]) -> dict[str, str]:
    """Tag -> definition hash, for those of `tags` the engine has. One call."""
    # `docker image inspect` fails when one is missing and still prints the rest.
    found = _docker(["image", "inspect", *tags], check=False)
    definitions = {}
    for image in json.loads(found.stdout or "[]"):
        label = (image["Config"].get("Labels") or {}).get(LABEL, "")
        definitions.update(dict.fromkeys(image["RepoTags"], label))
    return definitions


def build(names: Sequence[str]) -> list[Rootfs | Image]:
    """Build what is missing of `names`; return their rows."""
    chain = with_bases(names)
    wanted = {row.tag: definition_of(row) for row in chain}
    existing = existing_definitions([row.tag for row in chain])
    for row in _stale(chain, wanted, existing):
        print(f"building {row.tag}", file=sys.stderr, flush=True)
        if isinstance(row, Rootfs):
            _build_rootfs(row, wanted[row.tag])
        else:
            _build_image(row, wanted[row.tag])
    rows = rows_by_name()
    return [rows[name] for name in names]


def _stale(
    chain: Sequence[Rootfs | Image], wanted: dict[str, str], existing: dict[str, str]
) -> list[Rootfs | Image]:
    stale = [row for row in chain if existing.get(row.tag) != wanted[row.tag]]
    # A base that was removed is needed only by images that must be built.
    images = [row for row in stale if isinstance(row, Image)]
    needed = {row.base for row in images}
    return [row for row in stale if isinstance(row, Image) or row.name in needed or not images]


def _build_rootfs(row: Rootfs, definition: str) -> None:
    _need_debootstrap()
    script = f"/usr/share/debootstrap/scripts/{row.script}"
    with tempfile.TemporaryDirectory(prefix="testbed-rootfs-") as directory:
        root = f"{directory}/root"
        _run(["debootstrap", "--variant=minbase", row.suite, root, MIRROR, script])
        shutil.rmtree(f"{root}/var/cache/apt/archives", ignore_errors=True)
        tar = subprocess.Popen(
            ["tar", "-C", root, "--exclude=./var/lib/apt/lists/*", "-c", "."],
            stdout=subprocess.PIPE,
        )
        _docker(["import", "--change", f"LABEL {LABEL}={definition}", "-", row.tag], stdin=tar)
        if tar.wait() != 0:
            raise BuildError(f"cannot pack `{root}` for `{row.tag}`: tar said {tar.returncode}")


def _need_debootstrap() -> None:
    if shutil.which("debootstrap"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BuildError(
            "cannot make a Debian base: `debootstrap` is missing\n\n"
            "hint: install debootstrap and run this as root"
        )
    _run(["apt-get", "update", "-qq"])
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap"])


def _build_image(row: Image, definition: str) -> None:
    base = rows_by_name()[row.base]
    arguments = [("BASE", base.tag), *row.args]
    command = ["build", "--tag", row.tag, "--label", f"{LABEL}={definition}"]
    for key, value in arguments:
        command += ["--build-arg", f"{key}={value}"]
    _docker([*command, str(IMAGES_DIRECTORY / row.directory)])


def _docker(
    arguments: Sequence[str],
    *,
    check: bool = True,
    stdin: subprocess.Popen[bytes] | None = None,
) -> subprocess.CompletedProcess[str]:
    # The classic builder: BuildKit would ask a registry for its front end.
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdin=stdin.stdout if stdin else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
    except FileNotFoundError:
        raise BuildError("cannot find `docker`\n\nhint: install Docker Engine") from None
    unreachable = "Cannot connect to the Docker daemon" in done.stderr
    if unreachable or (check and done.returncode != 0):
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise BuildError(f"`docker {' '.join(arguments)}` exited {done.returncode}:\n{tail}")
    return done


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise BuildError(f"`{' '.join(command)}` exited {done.returncode}:\n{tail}")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock of this machine, so that two runs do not build the same."""
    path = Path(tempfile.gettempdir()) / "testbed-images.lock"
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def names_to_build(arguments: argparse.Namespace) -> list[str]:
    names: list[str] = list(arguments.names)
    if arguments.default:
        names += [name for name in DEFAULT if name not in names]
    if names or arguments.json:
        return names
    directories = {path.parent.name for path in IMAGES_DIRECTORY.glob("*/Dockerfile")}
    return [
        row.name
        for row in ROWS
        if isinstance(row, Image) and row.directory in directories and row.name not in ON_REQUEST
    ]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="image to build")
    parser.add_argument("--default", action="store_true", help="build what quickstart needs")
    parser.add_argument("--json", action="store_true", help="print the `images.*` settings")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    arguments = parse(argv)
    try:
        names = names_to_build(arguments)
        built = []
        if names:
            with one_at_a_time():
                built = build(names)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        rows = rows_by_name()
        print(json.dumps({key: rows[name].tag for key, name in CONFIG_KEYS.items()}))
        return 0
    for row in built:
        print(row.name, row.tag)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
