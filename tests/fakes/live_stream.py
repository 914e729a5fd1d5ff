"""A live timeline that says what a test put there.

live = FakeLive()
live.stream = FakeMessages(["hello"])     # then silence
live.stream = answer(401)                 # or a refusal
"""

from __future__ import annotations

from collections.abc import Callable

from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.errors import Unreachable
from tests.fakes.clock import FakeClock


class FakeMessages:
    """See `ports.live_stream.Messages`; `cut` ends it after the last message."""

    def __init__(self, messages: list[str] | None = None, *, cut: bool = False) -> None:
        self.messages, self.cut, self.closed = messages or [], cut, False
        self.clock: FakeClock | None = None
        self.more: Callable[[], list[str]] = list

    def receive(self, seconds: float) -> str | None:
        self.messages += self.more()
        if self.messages:
            return self.messages.pop(0)
        if self.cut:
            raise Unreachable("the live timeline was cut: the server closed it", subject="streaming")
        if self.clock:
            self.clock.sleep(seconds)
        return None

    def close(self) -> None:
        self.closed = True


class FakeLive:
    """See `ports.live_stream.LiveStream`; without a stream nobody listens."""

    def __init__(self) -> None:
        self.stream: FakeMessages | Answer | NoAnswer = NoAnswer("connection refused")
        self.opened: list[Request] = []

    def open(self, request: Request) -> FakeMessages | Answer | NoAnswer:
        self.opened.append(request)
        return self.stream
