"""HTTP as a stranger sees it."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.checks.seen import Answer, NoAnswer, Request


class HttpProbe(Protocol):
    """Never raises: no answer is something seen, too."""

    def ask(self, request: Request) -> Answer | NoAnswer:
        """One request, no redirects followed, 4 s for each step.

        The certificate is looked at and judged, but the request is made even if nobody vouches for it:
        nothing secret is sent.
        """
