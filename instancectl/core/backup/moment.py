"""A moment to go back to, as people type it: UTC, unless they say another zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from instancectl.errors import ConfigError

LATEST = "latest"
_FORMS = "`2026-11-21 14:05`, `2026-11-21 14:05:30`, `2026-11-21 15:05+01:00`, or `latest`"


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment; `epoch_seconds` is None for the last one that was sent away."""

    epoch_seconds: int | None = None

    @property
    def text(self) -> str:
        """The one way to write it; `parse` reads it back."""
        if self.epoch_seconds is None:
            return LATEST
        return f"{datetime.fromtimestamp(self.epoch_seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse(text: str) -> Moment:
    """A moment from a terminal or a record.

    Without a zone it is UTC, as everything that instancectl prints: a host's zone differs from an admin's.

    Raises:
        ConfigError: it is none.
    """
    if text == LATEST:
        return Moment()
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"`{text}` is no moment", hint=f"write {_FORMS}; UTC without a zone") from error
    return Moment(int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))
