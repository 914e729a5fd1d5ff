"""One writer per instance: an advisory lock on `state/lock` that says who holds it."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from instancectl.errors import Busy, OperationFailed

LOCKS = Path("/proc/locks")
"""`1: FLOCK ADVISORY WRITE 4711 fe:01:393221 0 EOF`: process, device and inode of every lock."""


class FileLock:
    """See `ports.lock.Lock`. The kernel releases it with its process, so no stale lock exists."""

    def __init__(self, path: Path) -> None:
        """The file is created when first held and then stays."""
        self._path = path

    @contextmanager
    def hold(self, why: str) -> Iterator[None]:
        """Take the lock or say who has it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperationFailed(
                f"cannot open the lock `{self._path}`",
                hint="run as the user who owns the directory, or with sudo",
            ) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise self._busy(os.pread(handle, 4096, 0)) from error
            holder = {
                "who": f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}",
                "pid": os.getpid(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
                "why": why,
            }
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(holder).encode(), 0)
            yield
        finally:
            os.close(handle)

    def held(self) -> bool:
        """Whether somebody holds it, without touching it: taking it to find out would turn others away."""
        try:
            inode = self._path.stat().st_ino
            lines = LOCKS.read_text().splitlines()
        except OSError:
            return False
        return any(line.split()[5].rpartition(":")[2] == str(inode) for line in lines if " FLOCK " in line)

    def _busy(self, content: bytes) -> Busy:
        try:
            holder = json.loads(content)
        except json.JSONDecodeError:
            holder = {}
        who, pid = holder.get("who", "another run"), holder.get("pid", "unknown")
        return Busy(
            f"cannot start: {who} (process {pid}) holds the lock since {holder.get('since', 'just now')} "
            f"for `{holder.get('why', 'another command')}`",
            hint="wait for it and run the same command again; `instancectl journal` shows what it is doing",
            subject=str(self._path),
        )
