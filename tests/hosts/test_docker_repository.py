"""Docker Engine from another repository than the distribution's: one of our own, with a key of its own."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.hosts.conftest import MakeHost
from tests.hosts.machine import Laptop

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

PACKAGES = {
    "docker-ce": "docker.io, docker-cli",
    "docker-ce-cli": "docker-cli",
    "containerd.io": "containerd",
}
"""Docker's own names; here each brings the distribution's Engine along."""

SUITE = "trixie"


def run(*words: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(words, cwd=cwd, check=True, capture_output=True)


def package(pool: Path, name: str, depends: str) -> str:
    """An empty package; its paragraph of the index."""
    root = pool / f"{name}.d"
    (root / "DEBIAN").mkdir(parents=True)
    control = (
        f"Package: {name}\nVersion: 99.1\nArchitecture: all\nMaintainer: Tests <tests@example.org>\n"
        f"Depends: {depends}\nDescription: stands for Docker's own\n"
    )
    (root / "DEBIAN" / "control").write_text(control)
    file = pool / f"{name}.deb"
    run("dpkg-deb", "--build", "--root-owner-group", root, file)
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{control}Filename: pool/{file.name}\nSize: {len(content)}\nSHA256: {digest}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[int]:
    """The port at which `/linux/debian` is a signed repository."""
    top = tmp_path / "www" / "linux" / "debian"
    pool, index = top / "pool", top / "dists" / SUITE / "stable" / "binary-amd64"
    pool.mkdir(parents=True)
    index.mkdir(parents=True)
    text = "\n".join(package(pool, name, depends) for name, depends in PACKAGES.items()).encode()
    lines = [f"Origin: Docker\nSuite: {SUITE}\nCodename: {SUITE}\nComponents: stable\nArchitectures: amd64"]
    lines += ["Date: Sun, 01 Nov 2026 00:00:00 UTC", "SHA256:"]
    for name, content in (("Packages", text), ("Packages.gz", gzip.compress(text))):
        (index / name).write_bytes(content)
        lines.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} stable/binary-amd64/{name}")
    release = top / "dists" / SUITE / "Release"
    release.write_text("\n".join(lines) + "\n")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", home, "--batch", "--passphrase", "")
    run(*gpg, "--quick-generate-key", "docker@example.org", "ed25519", "sign", "never")
    run(*gpg, "--clearsign", "--output", release.with_name("InRelease"), release)
    run(*gpg, "--armor", "--export", "--output", top / "gpg")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("0.0.0.0", 0), handler) as server:  # noqa: S104 - hosts of the tests come from outside
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
    run("gpgconf", "--homedir", home, "--kill", "all")


def test_the_engine_comes_from_docker_s_repository(
    make_host: MakeHost, laptop: Laptop, repository: int
) -> None:
    host = make_host("upstream", SUITE)
    laptop.knows([host])
    gateway = host.address.rpartition(".")[0] + ".1"
    file = laptop.directory / "instance.toml"
    file.write_text(
        f'[instance]\ndomain = "social.example"\n[host]\ndocker_from = "docker"\n'
        f'docker_repository = "http://{gateway}:{repository}/linux"\n'
    )
    words = ("--config", str(file), "--json", "host", "provision", "--host")
    first = laptop.cli(*words, host.ssh_target).document
    assert first["status"] == "changed"
    versions = host.exec("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES).out.splitlines()
    assert versions == [f"{name} 99.1" for name in sorted(PACKAGES)]
    assert host.exec("docker", "run", "--help").code == 0
    assert host.exec("systemctl", "is-active", "docker").out.strip() == "active"

    # What the Engine turned out to be may change its settings, and nothing else.
    again = laptop.cli(*words, f"admin@{host.address}").document["data"]["hosts"][0]["changes"]
    assert not [change for change in again if "Engine" not in change], again
    assert laptop.cli(*words, f"admin@{host.address}").document["status"] == "unchanged"
