"""Docker Engine from another repository than the distribution's: one of our own, with a key of its own."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.host import docker
from tests.hosts.conftest import MakeHost
from tests.hosts.machine import Laptop, TestHost

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

SUITE = "bookworm"
VERSION = "99.1"
EMPTY = {"docker-ce-cli": "docker-ce", "containerd.io": "containerd"}
"""Of Docker's packages, those that bring nothing here; `docker-ce` is the distribution's Engine, renamed."""

RENAME = """
cd /tmp && apt-get update -q && apt-get download -q docker.io
dpkg-deb -R docker.io_*.deb engine
sed -i -E 's/^(Package:) .*/\\1 docker-ce/; s/^(Version:) .*/\\1 99.1/' engine/DEBIAN/control
sed -i -E '/^(Conflicts|Breaks|Replaces):/d' engine/DEBIAN/control
dpkg-deb -Zgzip -z1 --build --root-owner-group engine docker-ce.deb
"""


def run(*words: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(words, cwd=cwd, check=True, capture_output=True)


def renamed_engine(host: TestHost, pool: Path) -> None:
    """The distribution's Engine as `docker-ce`, with all its units and scripts."""
    host.script(RENAME)
    docker("cp", f"{host.container}:/tmp/docker-ce.deb", str(pool / "docker-ce.deb"))
    host.script("rm -r /tmp/engine /tmp/*.deb")


def empty(pool: Path, name: str, depends: str) -> None:
    """A package that only wants others."""
    root = pool / f"{name}.d" / "DEBIAN"
    root.mkdir(parents=True)
    (root / "control").write_text(
        f"Package: {name}\nVersion: {VERSION}\nArchitecture: all\nDepends: {depends}\n"
        "Maintainer: Tests <tests@example.org>\nDescription: stands for Docker's own\n"
    )
    run("dpkg-deb", "--build", "--root-owner-group", root.parent, pool / f"{name}.deb")


def paragraph(file: Path) -> str:
    """What an index says about a package."""
    fields = subprocess.run(["dpkg-deb", "-f", file], check=True, capture_output=True, text=True).stdout
    content = file.read_bytes()
    return (
        f"{fields.rstrip()}\nFilename: pool/{file.name}\nSize: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
    )


@contextlib.contextmanager
def repository(directory: Path, host: TestHost) -> Iterator[str]:
    """A signed repository where Docker's has its own; its address, as the host sees it."""
    top = directory / "www" / "linux" / "debian"
    pool, index = top / "pool", top / "dists" / SUITE / "stable" / "binary-amd64"
    pool.mkdir(parents=True)
    index.mkdir(parents=True)
    renamed_engine(host, pool)
    for name, depends in EMPTY.items():
        empty(pool, name, depends)
    text = "\n".join(paragraph(file) for file in sorted(pool.glob("*.deb"))).encode()
    lines = [f"Origin: Docker\nSuite: {SUITE}\nCodename: {SUITE}\nComponents: stable\nArchitectures: amd64"]
    lines += ["Date: Sun, 01 Nov 2026 00:00:00 UTC", "SHA256:"]
    for name, content in (("Packages", text), ("Packages.gz", gzip.compress(text))):
        (index / name).write_bytes(content)
        lines.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} stable/binary-amd64/{name}")
    release = top / "dists" / SUITE / "Release"
    release.write_text("\n".join(lines) + "\n")
    sign(directory / "gnupg", release, top / "gpg")
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory / "www"))
    gateway = host.address.rpartition(".")[0] + ".1"
    with ThreadingHTTPServer((gateway, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{gateway}:{server.server_address[1]}/linux"
        server.shutdown()


def sign(home: Path, release: Path, key: Path) -> None:
    """With a key that is made for it; its public half is written to `key`."""
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", home, "--batch", "--passphrase", "")
    run(*gpg, "--quick-generate-key", "docker@example.org", "ed25519", "sign", "never")
    run(*gpg, "--clearsign", "--output", release.with_name("InRelease"), release)
    run(*gpg, "--armor", "--export", "--output", key)
    run("gpgconf", "--homedir", home, "--kill", "all")


def test_the_engine_comes_from_docker_s_repository(
    make_host: MakeHost, laptop: Laptop, tmp_path: Path
) -> None:
    host = make_host("upstream", SUITE)
    laptop.knows([host])
    file = laptop.directory / "instance.toml"
    words = ("--config", str(file), "--json", "host", "provision", "--host")
    with repository(tmp_path, host) as address:
        file.write_text(
            f'[instance]\ndomain = "social.example"\n[host]\ndocker_from = "docker"\n'
            f'docker_repository = "{address}"\n'
        )
        assert laptop.cli(*words, host.ssh_target).document["status"] == "changed"
        names = ("docker-ce", *EMPTY)
        versions = host.exec("dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *names).out.splitlines()
        assert versions == [f"{name} {VERSION}" for name in sorted(names)]
        assert host.exec("systemctl", "is-active", "docker").out.strip() == "active"

        # What the Engine turned out to be may change its settings, and no package.
        again = laptop.cli(*words, f"admin@{host.address}").document["data"]["hosts"][0]["changes"]
        assert not [change for change in again if change.startswith("packages")], again
        assert laptop.cli(*words, f"admin@{host.address}").document["status"] == "unchanged"
