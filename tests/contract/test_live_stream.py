"""Listening to a WebSocket: the fake, and the real client with a server that speaks frame by frame."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from instancectl.adapters.websocket import ACCEPTED, WebSocketStream
from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.core.probes import WEBSOCKET_HEADERS
from instancectl.errors import Unreachable
from instancectl.ports.live_stream import LiveStream
from tests.fakes.http import answer
from tests.fakes.live_stream import FakeLive, FakeMessages

HEAD = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPTED}\r\n\r\n"
SHORT = 0.3
Say = Callable[[socket.socket], None]


def text(said: str, first: int = 0x81) -> bytes:
    body = said.encode()
    size = bytes([len(body)]) if len(body) < 126 else b"\x7e" + len(body).to_bytes(2)
    return bytes([first]) + size + body


class Server:
    """Takes one connection, reads its request, and does what a test wants."""

    def __init__(self, say: Say, head: str = HEAD) -> None:
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._say, self._head = say, head
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def request(self) -> Request:
        port = self._listener.getsockname()[1]
        headers = (("Host", "social.example"), ("Authorization", "Bearer t"), *WEBSOCKET_HEADERS)
        return Request(f"http://127.0.0.1:{port}/api/v1/streaming?stream=user", headers=headers)

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while b"\r\n\r\n" not in self.heard:
                self.heard += connection.recv(4096)
            connection.sendall(self._head.encode())
            self._say(connection)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(say: Say, head: str = HEAD) -> Server:
        made.append(Server(say, head))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def speaking(
    request: pytest.FixtureRequest, server: Callable[..., Server]
) -> Callable[[list[str]], tuple[LiveStream, Request]]:
    """A stream that says some words and then closes."""

    def make(words: list[str]) -> tuple[LiveStream, Request]:
        if request.param == "fake":
            live = FakeLive()
            live.stream = FakeMessages(list(words), cut=True)
            return live, Request("http://127.0.0.1:1/")
        one = server(lambda out: out.sendall(b"".join(text(word) for word in words) + b"\x88\x00"))
        return WebSocketStream(2), one.request

    return make


def opened(live: LiveStream, request: Request) -> Any:
    stream = live.open(request)
    assert not isinstance(stream, (Answer, NoAnswer)), stream
    return stream


def test_messages_come_in_order_and_the_end_is_told(speaking: Any) -> None:
    stream = opened(*speaking(["one", "é" * 300]))
    assert [stream.receive(2), stream.receive(2)] == ["one", "é" * 300]
    with pytest.raises(Unreachable, match="the live timeline was cut: the server closed it"):
        stream.receive(2)
    stream.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def refusing(request: pytest.FixtureRequest, server: Callable[..., Server]) -> tuple[LiveStream, Request]:
    if request.param == "fake":
        live = FakeLive()
        live.stream = answer(401)
        return live, Request("http://127.0.0.1:1/")
    one = server(lambda _: None, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    return WebSocketStream(2), one.request


def test_a_refusal_is_an_answer(refusing: tuple[LiveStream, Request]) -> None:
    found = refusing[0].open(refusing[1])
    assert isinstance(found, Answer)
    assert found.status == 401


@pytest.mark.contract
class TestFrames:
    def test_silence_is_no_message(self, server: Callable[..., Server]) -> None:
        released = threading.Event()
        stream = opened(WebSocketStream(2), server(lambda _: released.wait(5) and None).request)
        started = time.monotonic()
        assert stream.receive(SHORT) is None
        assert time.monotonic() - started < SHORT + 1
        released.set()
        stream.close()

    def test_a_message_in_parts_is_one_and_a_ping_between_gets_its_pong(
        self, server: Callable[..., Server]
    ) -> None:
        back: list[bytes] = []

        def say(out: socket.socket) -> None:
            out.sendall(text("hel", 0x01) + b"\x89\x02hi" + text("lo", 0x80))
            back.append(out.recv(64))

        stream = opened(WebSocketStream(2), server(say).request)
        assert stream.receive(2) == "hello"
        time.sleep(0.1)
        stream.close()
        assert back == [b"\x8a\x82\0\0\0\0hi"]

    def test_a_message_that_comes_slowly_is_not_lost(self, server: Callable[..., Server]) -> None:
        whole = text("slowly")

        def say(out: socket.socket) -> None:
            out.sendall(whole[:3])
            time.sleep(3 * SHORT)
            out.sendall(whole[3:])
            time.sleep(SHORT)

        stream = opened(WebSocketStream(2), server(say).request)
        assert stream.receive(SHORT) is None
        assert stream.receive(2) == "slowly"
        stream.close()

    @pytest.mark.parametrize("frame", [b"\x81\xff" + (1 << 40).to_bytes(8), b"\x81\x85abcdhello", b"\x81"])
    def test_what_is_no_message_of_a_server_cuts_it(
        self, server: Callable[..., Server], frame: bytes
    ) -> None:
        stream = opened(WebSocketStream(2), server(lambda out: out.sendall(frame)).request)
        with pytest.raises(Unreachable):
            stream.receive(2)
        stream.close()

    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (HEAD.replace(ACCEPTED, "x"), 101),  # some other server
            ("HTTP/1.1 500 Internal Server Error\r\n\r\n", 500),
        ],
    )
    def test_only_a_handshake_opens_a_stream(
        self, server: Callable[..., Server], head: str, status: int
    ) -> None:
        found = WebSocketStream(2).open(server(lambda _: None, head).request)
        assert isinstance(found, Answer)
        assert found.status == status

    def test_nobody_and_nonsense_are_no_answers(self, server: Callable[..., Server]) -> None:
        assert isinstance(WebSocketStream(1).open(Request("http://127.0.0.1:1/")), NoAnswer)
        one = server(lambda _: None, "hello\r\n\r\n")
        assert isinstance(WebSocketStream(1).open(one.request), NoAnswer)

    def test_the_token_is_in_a_header_and_not_in_the_path(self, server: Callable[..., Server]) -> None:
        one = server(lambda _: None)
        opened(WebSocketStream(2), one.request).close()
        line, _, rest = one.heard.decode().partition("\r\n")
        assert line == "GET /api/v1/streaming?stream=user HTTP/1.1"
        assert "Authorization: Bearer t\r\n" in rest
