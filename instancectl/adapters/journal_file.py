"""The journal: `state/journal.jsonl`, append-only, one JSON object per line."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from instancectl.errors import OperationFailed


class JournalFile:
    """See `ports.journal.Journal`."""

    def __init__(self, path: Path, command: str) -> None:
        """`command` is what the person ran; it is written with every line."""
        self._path = path
        self._command = command

    def write(self, event: str, **facts: object) -> None:
        """Append an event and wait until the disk has it: a kill must not lose the last line."""
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": f"{invoker()}@{socket.gethostname()}",
            "pid": os.getpid(),
            "command": self._command,
            "event": event,
            **facts,
        }
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Appending a whole line in one write keeps lines of two admins apart.
            with self._path.open("ab+") as file:
                file.write(_end_of_torn_line(file) + line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OperationFailed(
                f"cannot write the journal `{self._path}`",
                hint="is the disk full? try `df -h`",
                subject="journal",
            ) from error

    def entries(self, last: int = 0) -> Iterator[Mapping[str, Any]]:
        """Events, oldest first; a line cut off by a power loss is skipped."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            lines = deque(file, maxlen=last or None)
        for line in lines:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def _end_of_torn_line(file: BinaryIO) -> bytes:
    """A newline when a power loss cut the last line off: the next one must not be lost with it."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def invoker() -> str:
    """The person behind sudo where there is one."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
