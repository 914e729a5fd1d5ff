"""Containers that are there for a while: on a network without a way out, removed whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from instancectl.core.secrets import Secret


@dataclass(frozen=True, slots=True)
class Scratched:
    """One container.

    Attributes:
        name: what the others reach it by.
        files: path, content, and the user who owns it; never in the environment.
        mounts: volume → path in the container.
        weight: of the processor, when it is full; 0: the Engine's default.
        memory_bytes: the most it may take; 0: no limit.
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, Secret, int], ...] = ()
    mounts: tuple[tuple[str, str], ...] = ()
    weight: int = 0
    memory_bytes: int = 0


class Scratch(Protocol):
    """Every method raises `Unreachable` when the Engine does not answer."""

    @property
    def stack(self) -> str:
        """Stands for a stack's name wherever containers and volumes are looked for."""
        ...

    def sweep(self) -> int:
        """Remove everything of this and of earlier drills; how many containers that were."""
        ...

    def begin(self, volumes: Sequence[str]) -> None:
        """Make the network and the volumes; those that are there stay as they are."""
        ...

    def start(self, one: Scratched) -> None:
        """Start a container."""
        ...

    def end(self, name: str, seconds: int) -> int:
        """Ask a container to end, and remove it; its volumes stay.

        Args:
            name: which; absent is fine.
            seconds: it is killed after so many.

        Returns:
            How it ended; 137 when it was killed, or was not there.
        """
        ...

    def exit_code(self, name: str) -> int | None:
        """How a container ended; None while it runs."""
        ...

    def last_words(self, name: str) -> str:
        """The end of what a container wrote, whether it runs or not."""
        ...
