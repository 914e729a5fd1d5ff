"""Which images the local instance runs: official ones, or ones built here that imitate them."""

from __future__ import annotations

import json
import subprocess
import sys

import machine
from note import LOG, QuickstartError, remember

PROBE_IMAGE = "caddy:2.11"
"""Asked for without pulling it: whether an image registry answers at all."""

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
    """Whether a manifest can be read within a few seconds."""
    return machine.answer("docker", "manifest", "inspect", PROBE_IMAGE, timeout=PROBE_SECONDS).returncode == 0


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
