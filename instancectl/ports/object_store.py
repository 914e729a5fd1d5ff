"""A bucket for media, or for the status page."""

from __future__ import annotations

from typing import Protocol


class ObjectStore(Protocol):
    """One bucket.

    Every method raises `Unreachable` when the store does not answer, and `OperationFailed` with its own words
    when it refuses.
    """

    def put(self, key: str, content: bytes, *, kind: str = "") -> None:
        """Store an object with the permission that media get; with a media type, browsers ask for it anew."""

    def get(self, key: str) -> bytes:
        """Read it."""

    def delete(self, key: str) -> None:
        """Remove it; absent is fine."""

    def anybody_can_list(self) -> bool:
        """Whether a request without a signature lists the bucket."""
