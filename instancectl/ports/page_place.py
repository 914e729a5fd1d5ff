"""Where the status page is published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from instancectl.core.monitoring.status_page import Announcement
from instancectl.core.monitoring.status_page_files import PageFile


class PagePlace(Protocol):
    """A directory or a bucket."""

    @property
    def name(self) -> str:
        """For people."""

    def publish(self, files: Iterable[PageFile]) -> None:
        """Replace each file, whole or not at all, in this order.

        Raises `OperationFailed` or `Unreachable`; files that were replaced by then stay.
        """


class AnnouncementBook(Protocol):
    """What admins said on the status page. Methods raise `OperationFailed` when the file cannot be used."""

    def load(self) -> tuple[Announcement, ...]:
        """All of it."""

    def save(self, announcements: Iterable[Announcement]) -> None:
        """Replace all of it, whole or not at all."""
