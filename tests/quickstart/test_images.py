"""`./quickstart` asks whether official images can be had, and of whom."""

from __future__ import annotations

import http.server
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.core.config import InstanceConfig

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def local_images(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import local_images

    return local_images


class Engine(socketserver.ThreadingUnixStreamServer):
    """Answers for a Docker Engine whose registries have these images."""

    daemon_threads = True
    there: tuple[str, ...] = ()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        known = self.path in {f"/distribution/{image}/json" for image in self.server.there}
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with Engine(str(tmp_path / "docker.sock"), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        yield server
        server.shutdown()


def test_both_registries_have_to_answer(local_images, engine):
    assert not local_images.registry_answers()
    engine.there = local_images.PROBE_IMAGES[:1]
    assert not local_images.registry_answers()
    engine.there = local_images.PROBE_IMAGES
    assert local_images.registry_answers()


def test_an_engine_that_is_not_there_has_no_images(local_images, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert not local_images.registry_answers()


def test_what_is_asked_for_is_what_would_be_pulled(local_images):
    config = InstanceConfig.model_validate({"instance": {"domain": "mastodon.localhost"}})
    assert {config.images.proxy, config.web_image} == set(local_images.PROBE_IMAGES)
