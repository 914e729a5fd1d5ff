"""A WebSocket that is listened to."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.checks.seen import Answer, NoAnswer, Request


class Messages(Protocol):
    """An open one."""

    def receive(self, seconds: float) -> str | None:
        """The next text message; None when none came in time.

        Raises `Unreachable` when the other end closed, or what it sends is no message.
        """

    def close(self) -> None:
        """Hang up."""


class LiveStream(Protocol):
    """Opens WebSockets."""

    def open(self, request: Request) -> Messages | Answer | NoAnswer:
        """The open stream; or what was answered instead; never raises.

        The request brings the headers of the handshake (RFC 6455), with the example's key.
        """
