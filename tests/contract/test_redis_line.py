"""Redis asked over our own protocol code: the fake and several real ones."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from instancectl.adapters.redis_line import RespRedisLine
from instancectl.core.monitoring.sidekiq import OPENING, follow_up, pairs, text
from instancectl.core.monitoring.stores import unwritable
from instancectl.core.secrets import Secret
from instancectl.errors import Unreachable
from instancectl.operations.monitoring.redis_reading import read_redis
from tests.contract.standin_harness import eventually
from tests.contract.store_containers import PASSWORD, docker, frozen, network_of, redis, redis_cli
from tests.fakes.redis_line import FakeRedisLine

contract = pytest.mark.contract


OPEN: list[RespRedisLine] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every line a test made is closed after it."""
    yield
    while OPEN:
        OPEN.pop().close()


def line_to(name: str, password: str = PASSWORD) -> RespRedisLine:
    network = network_of(name)
    line = RespRedisLine(lambda seconds: network.connect(("127.0.0.1", 6379), seconds), Secret(password))
    OPEN.append(line)
    return line


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    with redis() as name:
        yield name


class TestLines:
    """The fake answers as the real one does."""

    @pytest.fixture(
        params=["fake", pytest.param("redis", marks=contract), pytest.param("redis-old", marks=contract)]
    )
    def filled(self, request: pytest.FixtureRequest) -> Iterator[object]:
        job = {"class": "X", "enqueued_at": 1_795_326_295_000, "args": ["ä" * 1000]}
        if request.param == "fake":
            fake = FakeRedisLine()
            fake.push("push", job)
            fake.sorted["retry"] = {b"{}": 12.5}
            fake.hashes["a"] = {"b": "c"}
            fake.values["stat:processed"] = "7"
            yield fake
            return
        with redis(request.param) as name:
            for words in (
                ("SADD", "queues", "push"), ("LPUSH", "queue:push", json.dumps(job)),
                ("ZADD", "retry", "12.5", "{}"), ("HSET", "a", "b", "c"), ("SET", "stat:processed", "7"),
            ):  # fmt: skip
                redis_cli(name, *words)
            yield line_to(name)

    def test_every_kind_of_reply(self, filled) -> None:
        found = filled.ask([
            ("LLEN", "queue:push"), ("LINDEX", "queue:push", "-1"), ("LINDEX", "queue:none", "-1"),
            ("ZRANGE", "retry", "0", "0", "WITHSCORES"), ("ZRANGE", "none", "0", "0", "WITHSCORES"),
            ("ZCARD", "retry"), ("SMEMBERS", "queues"), ("HGETALL", "a"), ("HMGET", "a", "x", "b"),
            ("HVALS", "a"), ("GET", "stat:processed"), ("GET", "none"),
        ])  # fmt: skip
        assert found[0] == 1
        assert json.loads(found[1])["enqueued_at"] == 1_795_326_295_000
        assert found[2:5] == [None, [b"{}", b"12.5"], []]
        assert found[5:] == [1, [b"push"], [b"b", b"c"], [None, b"c"], [b"c"], b"7", None]

    def test_the_questions_of_monitoring_are_understood(self, filled) -> None:
        opening = filled.ask(OPENING)
        assert None not in opening[:3]
        assert "redis_version" in text(opening[1])
        assert "stop-writes-on-bgsave-error" in pairs(opening[2])
        assert None not in filled.ask(
            [one for one in follow_up(opening, ("261122|5:04",)) if one[0] != "LINDEX"]
        )
        assert read_redis(filled)[1].queues["push"].size == 1

    def test_a_second_connection_is_greeted(self, filled) -> None:
        filled.greet()


@contract
class TestRealRedis:
    """What only a real one does."""

    def test_a_wrong_password_is_told(self, name: str) -> None:
        with pytest.raises(Unreachable, match="WRONGPASS"):
            line_to(name, "another").ask([("PING",)])

    def test_an_error_of_one_command_leaves_the_others(self, name: str) -> None:
        assert line_to(name).ask([("NOSUCH",), ("PING",)]) == [None, b"PONG"]

    def test_a_frozen_redis_is_told_within_the_deadline_and_answers_again(self, name: str) -> None:
        line = line_to(name)
        line.ask([("PING",)])
        with frozen(name):
            started = time.monotonic()
            with pytest.raises(Unreachable, match="no answer within 2 s"):
                line.ask([("PING",)])
            assert time.monotonic() - started < 2.5
        assert line.ask([("PING",)]) == [b"PONG"]

    def test_a_restart_in_between_is_not_noticed(self, name: str) -> None:
        line = line_to(name)
        line.ask([("PING",)])
        docker("restart", "--time", "5", name)
        eventually(lambda: "PONG" in redis_cli(name, "PING"))
        assert line.ask([("PING",)]) == [b"PONG"]

    def test_one_that_cannot_save_is_reached_and_says_so(self, name: str) -> None:
        """It refuses writes, and PING with them (MISCONF); what waits in it can be read all the same."""
        owner = docker("exec", name, "stat", "-c", "%u", "/data").strip()
        docker("exec", "--user", owner, name, "chmod", "a-w", "/data")
        redis_cli(name, "BGSAVE")
        eventually(lambda: "MISCONF" in redis_cli(name, "PING"))
        try:
            line = line_to(name)
            line.greet()
            assert line.ask([("SET", "a", "b"), ("EXISTS", "a")]) == [None, 0]
            assert "could not write its data to disk" in unwritable(read_redis(line)[0])
        finally:
            docker("exec", "--user", owner, name, "chmod", "u+w", "/data")
            redis_cli(name, "BGSAVE")
            eventually(lambda: "PONG" in redis_cli(name, "PING"))

    def test_answers_of_many_threads_are_not_mixed_up(self, name: str) -> None:
        line, wrong = line_to(name), []

        def work(number: int) -> None:
            for turn in range(50):
                word = f"{number}-{turn}"
                if line.ask([("ECHO", word), ("ECHO", word * 100)]) != [word.encode(), (word * 100).encode()]:
                    wrong.append(word)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_a_stopped_container_is_told(self, name: str) -> None:
        line = line_to(name)
        docker("stop", "--time", "1", name)
        try:
            with pytest.raises(Unreachable):
                line.ask([("PING",)])
        finally:
            docker("start", name)


def test_a_server_that_drips_is_cut_off_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            accepted, _ = server.accept()
            with accepted:
                accepted.sendall(b"+OK\r\n$4\r\nhere\r\n$1000\r\n")
                for _ in range(100):
                    try:
                        accepted.sendall(b"x")
                    except OSError:
                        return
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        line = RespRedisLine(
            lambda seconds: socket.create_connection(server.getsockname(), seconds), Secret(""), 0.5
        )
        started = time.monotonic()
        with pytest.raises(Unreachable):
            line.ask([("GET", "a")])
        assert time.monotonic() - started < 1.0


def test_something_else_that_answers_is_not_taken_for_redis() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            accepted, _ = server.accept()
            with accepted:
                accepted.recv(1000)
                accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        line = RespRedisLine(
            lambda seconds: socket.create_connection(server.getsockname(), seconds), Secret("")
        )
        with pytest.raises(Unreachable, match="this is not Redis"):
            line.ask([("PING",)])
