"""Looks at a stack and puts questions to its containers; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instancectl.core.observed import Observed


class ContainerProbe(Protocol):
    """Every method raises `Unreachable` when the Engine does not answer."""

    def observe(self, stack: str) -> Observed:
        """The Engine and everything of one stack."""

    def resolve_image(self, reference: str, *, pull: bool) -> str | None:
        """The reference, with its digest where it has one; None when it is not on this host."""

    def run_in(self, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run a command in a running replica on this host; exit code and output.

        Raises `Unreachable` when no replica runs on this host.
        """

    def run_image(self, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
        """Run a command in a throw-away container without secrets; no network unless named."""
