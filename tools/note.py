"""Where `./quickstart` keeps things, and its note of what it started and said."""

from __future__ import annotations

import json
from typing import Any

import machine

HOME = machine.ROOT / ".quickstart"
SETTINGS = HOME / "instance.toml"
NOTE = HOME / "started.json"
CERTIFICATE = HOME / "root.crt"
COMMAND = HOME / "instancectl"
LOG = HOME / "quickstart.log"


class QuickstartError(Exception):
    """Ends with a message and an exit code."""

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        """Keep the parts apart."""
        super().__init__(message)
        self.hint = hint
        self.code = code


def read_note() -> dict[str, Any]:
    """What earlier runs started and said."""
    return dict(machine.read_json(NOTE))


def remember(**facts: Any) -> None:
    """Add facts to the note, at once and whole."""
    note = {**read_note(), **facts}
    partial = NOTE.with_suffix(".new")
    partial.write_text(json.dumps(note, indent=2) + "\n")
    partial.replace(NOTE)
