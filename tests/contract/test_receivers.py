"""Messages of alerts at real servers: ntfy and Matrix (Synapse).

Mastodon is tried in tests/e2e/test_receivers.py. Discord and Telegram cannot be had: their requests
are compared with the documented interfaces, in tests/unit/core/alerting.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from instancectl.adapters.http_probe import SocketHttpProbe
from instancectl.adapters.smtp import SmtpServer
from instancectl.core.alerting import message
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import NO_SECRET, Secret
from instancectl.operations.alerting.courier import Post
from tests.contract.standin_harness import built_images, docker, eventually
from tests.e2e.host import free_port
from tests.fakes import alerts as some

pytestmark = [pytest.mark.contract, pytest.mark.long]

SYNAPSE = "matrix-synapse==1.163.2"
"""From PyPI, into an environment of its own: no suite of Debian that the testbed uses carries it."""

SHARED = "made-up-for-tests"
HOMESERVER = {
    "server_name": "matrix.example",
    "report_stats": False,
    "registration_shared_secret": SHARED,
    "trusted_key_servers": [],
}


@contextmanager
def served(image: str, port: int) -> Iterator[str]:
    """The address of a container of that image, once something listens."""
    name = docker("run", "--detach", f"--publish=127.0.0.1::{port}", built_images(image)[image]).strip()
    try:
        where = docker("port", name, str(port)).split()[0]
        eventually(lambda: asked(f"http://{where}/") is not None)
        yield f"http://{where}"
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def asked(url: str, content: object = None, token: str = "") -> Any:
    """What a server answers, as JSON where it is; None while nobody does."""
    body = None if content is None else json.dumps(content).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            said = answer.read()
    except OSError:
        return None
    try:
        return json.loads(said)
    except ValueError:
        return said


def sent(receiver: str, settings: dict[str, object], **secrets: str) -> str:
    """What went wrong with a page; empty when the receiver took it."""
    config = some.config(**{receiver: settings})
    post = Post(
        config, SocketHttpProbe(insist=True), SmtpServer(),
        SecretSet({name: Secret(value) for name, value in secrets.items()}), NO_SECRET,
    )  # fmt: skip
    return post.send(receiver, message.read(some.posted()))


def test_ntfy_shows_a_page_as_urgent_once() -> None:
    with served("ntfy", 80) as base:
        assert sent("ntfy", {"url": f"{base}/alerts-of-a-test"}) == ""
        with urllib.request.urlopen(f"{base}/alerts-of-a-test/json?poll=1", timeout=10) as answer:
            (shown,) = [json.loads(line) for line in answer.read().splitlines()]
    assert "WebDown" in shown["title"] or "web" in shown["title"]
    assert "instancectl logs web" in shown["message"]
    assert shown["priority"] == 5
    assert shown["tags"] == ["rotating_light"]


@contextmanager
def synapse(directory: Path) -> Iterator[str]:
    """The address of a homeserver without federation, its data in a directory."""
    environment, port = directory / "environment", free_port()
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", SYNAPSE], check=True, timeout=300)
    settings = HOMESERVER | {
        "signing_key_path": str(directory / "signing.key"),
        "database": {"name": "sqlite3", "args": {"database": str(directory / "homeserver.db")}},
        "listeners": [
            {
                "port": port,
                "type": "http",
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"]}],
            }
        ],
    }
    file = directory / "homeserver.yaml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    command = [python, "-m", "synapse.app.homeserver", "--config-path", str(file)]
    subprocess.run([*command, "--generate-keys"], check=True, cwd=directory)
    with subprocess.Popen(command, cwd=directory, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: asked(f"http://127.0.0.1:{port}/_matrix/client/versions") is not None)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_matrix_shows_a_page_in_the_room_once_however_often_it_is_sent(tmp_path: Path) -> None:
    with synapse(tmp_path) as base:
        token = _user(base)
        room = asked(f"{base}/_matrix/client/v3/createRoom", {"preset": "private_chat"}, token)["room_id"]
        settings = {"homeserver": base, "room": room}
        for _ in range(2):
            assert sent("matrix", settings, MATRIX_TOKEN=token) == ""
        url = f"{base}/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=20"
        events = asked(url, token=token)["chunk"]
        refused = sent("matrix", settings, MATRIX_TOKEN="no-such-token")
    texts = [one["content"]["body"] for one in events if one["type"] == "m.room.message"]
    assert len(texts) == 1
    assert "instancectl logs web" in texts[0]
    assert refused.startswith("answered 401")
    assert "no-such-token" not in refused


def _user(base: str) -> str:
    """Access token of a new user, made as Synapse's register_new_matrix_user makes one."""
    url = f"{base}/_synapse/admin/v1/register"
    nonce = asked(url)["nonce"]
    words = ("bot", "made-up-password")
    mac = hmac.new(SHARED.encode(), "\0".join((nonce, *words, "notadmin")).encode(), hashlib.sha1).hexdigest()
    content = {"nonce": nonce, "username": words[0], "password": words[1], "admin": False, "mac": mac}
    return str(asked(url, content)["access_token"])
