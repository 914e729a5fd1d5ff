"""Brings images from the manager to another host, which can do nothing else for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol


class ImageCourier(Protocol):
    """Every method raises `Unreachable` when the host cannot be reached."""

    def have(self, address: str, references: Sequence[str]) -> Mapping[str, str]:
        """Reference → what identifies the image there; empty when it is not there."""

    def pull(self, address: str, reference: str) -> bool:
        """Have the host pull it from its registry; False when it cannot."""

    def send(
        self, address: str, chunks: Iterator[bytes], tell: Callable[[int], None] = lambda _count: None
    ) -> None:
        """Stream an image to the host; `tell` hears how many bytes went so far."""

    def leave(self, address: str) -> None:
        """Have the host leave the Swarm."""
