"""This process: what it was started with, and starting it anew in its own place."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn


def fingerprint_of(files: Iterable[Path]) -> str:
    """Of their contents together; a file that is missing or cannot be read counts as such."""
    found = hashlib.sha256()
    for path in files:
        try:
            content = path.read_bytes()
        except OSError as error:
            found.update(f"{path}\0{type(error).__name__}\0".encode())
        else:
            found.update(f"{path}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def start_anew() -> NoReturn:
    """Replace this process by the same command: number, place and supervisor stay, everything else ends.

    Locks, sockets and files close with it, as none of them outlives an exec.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - our own words, as they were given
