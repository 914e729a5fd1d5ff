"""Both servers accept every rendering that is kept as a golden file."""

from __future__ import annotations

import subprocess

import pytest

from tests.contract.edge_harness import built_images, docker
from tests.golden.edge.cases import CASES, HERE

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def images():
    return built_images("caddy", "nginx")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2",
         "-addext", "subjectAltName=DNS:example.org,DNS:*.example.org",
         "-keyout", directory / "tls.key", "-out", directory / "tls.crt"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return directory


def validated(image: str, options: list[str], command: str) -> str:
    golden = f"--volume={HERE}:/golden:ro"
    script = f"for case in {' '.join(CASES)}; do echo == $case; {command} || echo FAILED; done"
    return docker("run", "--rm", "--network=none", golden, *options, image, "sh", "-c", script, check=False)


def test_nginx_accepts_every_rendering(images):
    output = validated(images["nginx"], [], "nginx -t -c /golden/$case/nginx.conf")
    assert output.count("test is successful") == len(CASES), output
    assert "[warn]" not in output, output
    assert "FAILED" not in output, output


def test_caddy_accepts_every_rendering(images, certificate):
    options = [
        f"--volume={certificate}/tls.crt:/etc/caddy/tls.crt:ro",
        f"--volume={certificate}/tls.key:/run/secrets/tls.key:ro",
        f"--volume={certificate}/tls.crt:/etc/caddy/acme-root.pem:ro",
    ]
    output = validated(
        images["caddy"], options, "caddy validate --adapter caddyfile --config /golden/$case/Caddyfile"
    )
    assert output.count("Valid configuration") == len(CASES), output
    assert "FAILED" not in output, output


def test_nginx_may_open_more_files_than_containers_begin_with(images):
    """Engine 29 gives them 1024, of which every stream takes two."""
    script = (
        "ulimit -S -n 1024; nginx -c /golden/plain/nginx.conf; sleep 1; master=$(cat /run/nginx.pid); "
        'cat /proc/$(cut -d" " -f1 /proc/$master/task/$master/children)/limits'
    )
    golden = f"--volume={HERE}:/golden:ro"
    output = docker("run", "--rm", "--network=none", golden, images["nginx"], "sh", "-c", script)
    limits = [line.split()[3] for line in output.splitlines() if line.startswith("Max open files")]
    assert limits == ["16384"], output
