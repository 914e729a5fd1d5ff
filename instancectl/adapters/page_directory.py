"""The status page in a directory, and what admins said on it in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from instancectl.adapters import durably
from instancectl.core.monitoring.status_page import Announcement
from instancectl.core.monitoring.status_page_files import PageFile
from instancectl.errors import OperationFailed


class PageDirectory:
    """See `ports.page_place.PagePlace`; a web server may read it meanwhile."""

    def __init__(self, path: Path) -> None:
        """It is made when it is first written to."""
        self._path = path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self._path)

    def publish(self, files: Iterable[PageFile]) -> None:
        """Replace each file by a new one."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            for file in files:
                durably.replace(self._path / file.name, file.content, 0o644)
        except OSError as error:
            raise OperationFailed(
                f"cannot write the status page to `{self._path}`: {error.strerror}",
                hint="the agent's unit may write below `/var/lib/instancectl` only",
                subject=str(self._path),
            ) from error


class AnnouncementFile:
    """See `ports.page_place.AnnouncementBook`."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path

    def load(self) -> tuple[Announcement, ...]:
        """All of it; nothing when there is no file yet."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(Announcement(**one) for one in found)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError) as error:
            raise OperationFailed(
                f"cannot read what was announced in `{self._path}`: {error}",
                hint=f"a damaged file: `mv {self._path}{{,.broken}}`",
                subject=str(self._path),
            ) from error

    def save(self, announcements: Iterable[Announcement]) -> None:
        """Replace all of it."""
        text = json.dumps([asdict(one) for one in announcements], indent=1)
        try:
            durably.replace(self._path, text)
        except OSError as error:
            raise OperationFailed(
                f"cannot write what was announced to `{self._path}`: {error.strerror}",
                hint="is the disk full? try `df -h`",
                subject=str(self._path),
            ) from error
