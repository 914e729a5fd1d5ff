"""Images on one host, and how they get to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class ImageStore(Protocol):
    """Every method raises `Unreachable` when the Engine does not answer."""

    def image_id(self, reference: str) -> str:
        """What identifies the content, the same on every host; empty when the image is not here."""

    def image_bytes(self, reference: str) -> int:
        """Size of an image that is here, unpacked."""

    def pull(self, reference: str) -> bool:
        """Have it from its registry; False when that cannot be done."""

    def export(self, reference: str) -> Iterator[bytes]:
        """The image as one stream, as `docker save` writes it."""

    def load(self, chunks: Iterator[bytes]) -> None:
        """Take in such a stream."""
