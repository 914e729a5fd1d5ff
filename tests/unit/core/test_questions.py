"""Answers of databases, images and name servers are read, and nonsense is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core import questions

INFO = (
    "# Server\r\nredis_version:8.0.2\r\n# Memory\r\nused_memory:1000\r\nmaxmemory:5000\r\n"
    "maxmemory_policy:noeviction\r\naof_enabled:1\r\n"
    "aof_last_write_status:ok\r\naof_last_bgrewrite_status:ok\r\n"
)
# `info` of a process as Sidekiq 8.1.6 under Mastodon 4.6.3 wrote it.
PROCESS_INFO = json.dumps({
    "hostname": "vm", "started_at": 1795326285.78, "pid": 8, "tag": "mastodon", "labels": [],
    "version": "8.1.6",
    "queues": ["default", "push", "ingress", "mailers", "pull", "scheduler", "fasp"],
    "identity": "vm:8:acc81aad5c9a", "embedded": False,
})  # fmt: skip


def redis_output(**changes: object) -> str:
    answer: dict[str, object] = {
        "now": 1795326300,
        "info": INFO,
        "processes": [["vm:8:acc81aad5c9a", PROCESS_INFO, "1795326295.7971745", "false", "2", "5"]],
        "sizes": {"default": 12, "push": 0, "pull": 1},
        "oldest": {"default": 1795326297955, "pull": 1795326200.5},
        "retries": 3,
        "dead": 1,
        "failed": 9,
    }
    return json.dumps({**answer, **changes})


def test_postgresql_tells_version_connections_and_size() -> None:
    found = questions.read_postgres("18.6 (Debian 18.6-1)|7|170|8123456|c|en_US.utf8|2.36|2.41|f\n")
    order = questions.TextOrder("2.36", "2.41", musl=False)
    assert found == questions.PostgresAnswer((18, 6), 7, 170, 8123456, order)


@pytest.mark.parametrize(
    "told", ["|en_US.utf8||2.31|f", "c|C.UTF-8|||f", "c|C|||t", "i|en_US.utf8|153.120|2.41|f", "b|C|1||f"]
)
def test_where_no_c_library_is_known_to_order_text_none_is_told(told: str) -> None:
    found = questions.read_postgres(f"18.6|7|170|8123456|{told}\n")
    assert found is not None
    assert found.text_order is None


@pytest.mark.parametrize(
    "output",
    ["", "psql: error: connection to server failed", "18|x|100|1|c|C|||f", "18|1|100|1", "a|1|2|3|c|C|||f"],
)
def test_what_is_no_answer_of_postgresql_is_none(output: str) -> None:
    assert questions.read_postgres(output) is None


def test_redis_tells_about_itself_and_about_sidekiq() -> None:
    found = questions.read_redis(redis_output())
    assert found is not None
    assert found.version == (8, 0, 2)
    assert found.policy == "noeviction"
    assert found.appendonly
    assert found.aof_healthy
    assert (found.used_bytes, found.max_bytes) == (1000, 5000)
    assert found.sizes == {"default": 12, "push": 0, "pull": 1}
    assert (found.retries, found.dead, found.failed) == (3, 1, 9)
    (process,) = found.processes
    assert process.beat_age_seconds == pytest.approx(4.2, abs=0.01)
    assert process.queues[-1] == "fasp"
    assert (process.busy, process.threads, process.quiet) == (2, 5, False)


def test_a_sidekiq_that_tells_its_threads_in_its_info_has_them() -> None:
    info = json.dumps({**json.loads(PROCESS_INFO), "version": "8.0.9", "concurrency": 25})
    found = questions.read_redis(redis_output(processes=[["x", info, "1795326295", "false", "2", False]]))
    assert found is not None
    assert found.processes[0].threads == 25


def test_an_empty_table_of_lua_is_an_object_and_means_nothing() -> None:
    found = questions.read_redis(redis_output(processes={}, sizes={}, oldest={}))
    assert found is not None
    assert found.processes == ()
    assert found.sizes == {}


@pytest.mark.parametrize(
    "output",
    [
        "NOAUTH Authentication required.",
        "Could not connect to Redis at 127.0.0.1:6379: Connection refused",
        "LOADING Redis is loading the dataset in memory",
        "{}",
        "{broken",
        redis_output(processes=[["x", "{}", "1", "false", "0", "5"]]),
    ],
)
def test_what_is_no_answer_of_redis_is_none(output: str) -> None:
    assert questions.read_redis(output) is None


def test_latency_is_read_in_milliseconds_and_in_seconds() -> None:
    found = questions.read_redis(redis_output())
    assert found is not None
    assert found.latencies["default"] == pytest.approx(2.045)
    assert found.latencies["pull"] == pytest.approx(99.5)
    assert found.latencies["push"] == 0


def test_the_question_to_redis_holds_no_password_and_brings_no_arguments_of_jobs() -> None:
    script = " ".join(questions.REDIS_ARGV)
    assert "cat /run/secrets/redis_password" in script
    assert "lrange" not in script.lower()
    assert "args" not in script.lower()


def test_a_mail_domain_with_records_is_reachable() -> None:
    found = questions.read_mail_domain("mail-domain mx=mx.example address=192.0.2.1,2001:db8::1\n")
    assert found == questions.MailDomain(("mx.example",), ("192.0.2.1", "2001:db8::1"))
    assert found is not None
    assert found.reachable


@pytest.mark.parametrize(
    ("output", "exchangers"),
    [
        ("mail-domain mx= address=", ()),
        ("mail-domain mx=. address=", (".",)),
        ("mail-domain mx=mx.example address=", ("mx.example",)),
    ],
)
def test_a_mail_domain_without_an_address_is_not(output: str, exchangers: tuple[str, ...]) -> None:
    found = questions.read_mail_domain(output)
    assert found is not None
    assert found.exchangers == exchangers
    assert not found.reachable


def test_an_error_of_the_resolver_is_kept_and_lines_around_it_are_skipped() -> None:
    output = "[dotenv] Loaded .env.production\nmail-domain error=Network is unreachable - connect(2)\n"
    found = questions.read_mail_domain(output)
    assert found is not None
    assert found.error == "Network is unreachable - connect(2)"


@given(st.text(max_size=80))
def test_any_text_is_read_without_a_fall(text: str) -> None:
    questions.read_mail_domain(text)
    questions.read_postgres(text)
    assert questions.read_redis(text) is None or "redis_version" in text


@given(st.text(min_size=1, max_size=40))
def test_the_domain_is_an_argument_of_its_own(domain: str) -> None:
    argv = questions.mail_domain_argv(domain)
    assert argv[-1] == domain
    assert argv[:-1] == questions.mail_domain_argv("other.example")[:-1]
