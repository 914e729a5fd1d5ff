"""A conversation with a mail server."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.checks.seen import Letter, MailRoute, MailTalk
from instancectl.core.secrets import Secret


class MailServer(Protocol):
    """Never raises: how far the conversation came is the answer."""

    def talk(self, route: MailRoute, password: Secret, letter: Letter | None) -> MailTalk:
        """Connect, greet, encrypt, log in, and hand over `letter` if there is one; 5 s for each answer."""
