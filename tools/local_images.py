"""Which images the local instance runs: official ones, or ones built here that imitate them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys

import machine
from note import LOG, QuickstartError, remember

PROBE_IMAGES = ("caddy:2.11", "ghcr.io/mastodon/mastodon:v4.6.3")
"""Asked for without pulling them: one of each registry that the official ones come from."""

SOCKET = "unix:///var/run/docker.sock"

PROBE_SECONDS = 15


def choose(wish: str) -> tuple[str, dict[str, str]]:
    """Official images where a registry answers; else the ones built here, said in one line."""
    if wish == "official" or (wish == "auto" and registry_answers()):
        return "official ones", {}
    why = "no image registry answers: " if wish == "auto" else ""
    said, settings = build()
    remember(images_built=True)
    return f"{why}{said}", settings


def registry_answers() -> bool:
    """Whether Docker Engine, which will pull them, can read the manifests within a few seconds."""
    return all(manifest_is_there(image) for image in PROBE_IMAGES)


def manifest_is_there(image: str) -> bool:
    """Asked through the Engine: its mirrors and its proxy may be others than those of the command line."""
    address = os.environ.get("DOCKER_HOST") or SOCKET
    if not address.startswith("unix://"):
        return machine.answer("docker", "manifest", "inspect", image, timeout=PROBE_SECONDS).returncode == 0
    engine = http.client.HTTPConnection("docker", timeout=PROBE_SECONDS)
    engine.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    engine.sock.settimeout(PROBE_SECONDS)
    try:
        engine.sock.connect(address.removeprefix("unix://"))
        engine.request("GET", f"/distribution/{image}/json")
        return engine.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        engine.close()


def build() -> tuple[str, dict[str, str]]:
    """Build the images that imitate the official ones, or find them built; `images.*` settings."""
    builder = [sys.executable, str(machine.ROOT / "tests" / "testbed" / "build.py")]
    with LOG.open("ab") as log:
        built = subprocess.run([*builder, "--default"], stdout=log, stderr=log, check=False)
    if built.returncode:
        tail = "\n".join(LOG.read_text(errors="replace").splitlines()[-12:])
        raise QuickstartError(f"cannot build the images:\n{tail}", f"the whole story is in {LOG}")
    names = machine.answer(*builder, "--json")
    if names.returncode:
        raise QuickstartError(f"cannot name the images: {names.stderr.strip()}")
    settings: dict[str, str] = json.loads(names.stdout)
    return "built the stand-ins of tests/testbed", settings
