from __future__ import annotations

import json

import pytest

from instancectl.core.monitoring import postgres
from instancectl.core.monitoring.sidekiq import OPENING
from instancectl.core.monitoring.stores import (
    JobCounters,
    info_of,
    redis_samples,
    sidekiq_samples,
    unwritable,
)
from instancectl.core.monitoring.surfaces import Ask, cache_word, chosen, release
from instancectl.core.secrets import Secret
from instancectl.core.sizes import QUEUES
from instancectl.operations.monitoring.redis_reading import read_redis
from tests.fakes.redis_line import INFO, FakeRedisLine


def values(samples) -> dict[tuple[str, tuple[str, ...]], object]:
    return {(one.metric.name.removeprefix("instancectl_"), one.labels): one.value for one in samples}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"role": "slave", "master_host": "192.0.2.1"}, "it is a replica of 192.0.2.1"),
        ({"rdb_last_bgsave_status": "err"}, "it could not write its data to disk"),
        ({"rdb_last_bgsave_status": "err", "stop-writes-on-bgsave-error": "no"}, ""),
        ({"aof_last_write_status": "err"}, "it could not write its log to disk"),
        ({"used_memory": "100000"}, "its memory is full"),
        ({"used_memory": "100000", "maxmemory": "0"}, ""),
        ({"maxmemory_policy": "allkeys-lru"}, "it evicts keys (`maxmemory-policy allkeys-lru`)"),
    ],
)
def test_why_redis_takes_no_writes(changes: dict[str, str], why: str) -> None:
    info = INFO | changes
    assert unwritable(info) == why
    assert values(redis_samples(info))["redis_writable", ()] == (not why)


def test_info_is_read_with_the_setting_that_goes_with_it() -> None:
    info = info_of(FakeRedisLine().ask(OPENING))
    assert info["redis_version"] == "8.0.2"
    assert info["stop-writes-on-bgsave-error"] == "yes"


def test_threads_and_processes_are_counted_by_queue_without_the_quiet_and_the_late() -> None:
    line = FakeRedisLine()
    line.beat("a:1:a", queues=("push", "pull"), threads=25, busy=1)
    line.beat("b:1:b", queues=("push",), threads=10)
    line.beat("c:1:c", queues=("push",), threads=10, quiet=True)
    line.beat("d:1:d", queues=("push",), threads=10, ago=40)
    line.hashes["a:1:a:work"] = {
        "t": json.dumps({"queue": "push", "payload": "{}", "run_at": int(line.now - 12)})
    }
    found = values(sidekiq_samples(read_redis(line)[1], lambda process: process.hostname))
    assert found["sidekiq_queue_processes", ("push",)] == 2
    assert found["sidekiq_queue_threads", ("push",)] == 35
    assert found["sidekiq_queue_busy_threads", ("push",)] == 1
    assert found["sidekiq_queue_oldest_running_job_seconds", ("push",)] == 12
    assert found["sidekiq_queue_processes", ("pull",)] == 1
    assert found["sidekiq_queue_processes", ("scheduler",)] == 0
    assert found["sidekiq_process_info", ("c", "8.1.7", "push", "true")] == 1


def test_too_many_busy_threads_leave_their_age_unknown() -> None:
    line = FakeRedisLine()
    line.beat("a:1:a", queues=("push",), busy=501)
    found = values(sidekiq_samples(read_redis(line)[1], lambda process: process.hostname))
    assert ("sidekiq_queue_busy_threads", ("push",)) not in found
    assert found["sidekiq_queue_jobs", ("push",)] == 0


def test_an_empty_redis_still_has_a_series_for_every_queue() -> None:
    found = values(sidekiq_samples(read_redis(FakeRedisLine())[1], str))
    for queue in QUEUES:
        assert found["sidekiq_queue_jobs", (queue,)] == 0
        assert found["sidekiq_queue_latency_seconds", (queue,)] == 0


BUCKET = {
    "ActivityPub::DeliveryWorker|p": 10,
    "ActivityPub::DeliveryWorker|f": 3,
    "ActivityPub::DeliveryWorker|ms": 2500,
    "ActionMailer::MailDeliveryJob|p": 4,
    "ActionMailer::MailDeliveryJob|f": 1,
    "Patched|p": 2,
}


def test_each_minute_is_counted_once_by_queue_and_mails_apart() -> None:
    jobs = JobCounters(since=0)
    jobs.take({"261122|4:58": BUCKET})
    jobs.take({"261122|4:58": BUCKET, "261122|4:59": {"ActivityPub::DeliveryWorker|p": 1}})
    found = values(jobs.samples())
    assert found["sidekiq_queue_jobs_processed_total", ("push",)] == 11
    assert found["sidekiq_queue_jobs_failed_total", ("push",)] == 3
    assert found["sidekiq_queue_execution_seconds_total", ("push",)] == 2.5
    assert found["sidekiq_queue_jobs_processed_total", ("other",)] == 2
    assert found["sidekiq_queue_jobs_processed_total", ("mailers",)] == 4
    assert found["mail_jobs_processed_total", ()] == 4
    assert found["mail_jobs_failed_total", ()] == 1
    assert found["sidekiq_queue_jobs_processed_total", ("ingress",)] == 0


def test_only_minutes_that_closed_and_were_not_counted_are_asked_for() -> None:
    start = 1_795_323_480.0
    jobs = JobCounters(start)
    assert jobs.due(start + 30) == ()
    assert jobs.due(start + 85) == ("261122|4:58",)
    jobs.take({"261122|4:58": {}})
    assert jobs.due(start + 85) == ()
    for minute in range(200):
        jobs.take({f"261122|9:{minute:03}": {}})
    assert len(jobs._done) <= 64


def test_replicas_take_turns_where_not_all_are_asked() -> None:
    replicas = tuple(f"10.0.0.{number}" for number in range(20))
    once = Ask("login", "form", "web", "/", (), everywhere=False)
    throttled = Ask("web", "instance", "web", "/", (), throttled=True)
    plain = Ask("web", "alive", "web", "/", ())
    assert chosen(plain, replicas, 5) == replicas
    assert chosen(plain, (), 5) == ()
    assert {chosen(once, replicas, number)[0] for number in range(20)} == set(replicas)
    assert {len(chosen(throttled, replicas, number)) for number in range(9)} == {8}
    assert set().union(*(chosen(throttled, replicas, number) for number in range(5))) == set(replicas)


@pytest.mark.parametrize(
    ("header", "status", "word"),
    [
        ("HIT", 200, "hit"),
        ("STALE", 200, "stale"),
        ("UPDATING", 200, "stale"),
        ("MISS", 200, "fresh"),
        ("", 200, "fresh"),
        ("", 502, "none"),
        ("", 0, "none"),
    ],
)
def test_what_the_cache_said_in_one_word(header: str, status: int, word: str) -> None:
    assert cache_word(header, status) == word


@pytest.mark.parametrize(
    ("body", "found"),
    [(b'{"version":"4.6.3"}', "4.6.3"), (b"<html>", ""), (b"[]", ""), (b'{"version":5}', "")],
)
def test_the_release_out_of_an_answer(body: bytes, found: str) -> None:
    assert release(body) == found


def test_the_password_of_the_role_is_in_no_statement() -> None:
    password = postgres.role_password(Secret("owner"))
    statements = " ".join(
        (*postgres.role_statements(postgres.verifier(password, b"salt" * 4)), *postgres.grant_statements())
    )
    assert password.reveal() not in statements
    assert "owner" not in statements
    assert postgres.role_password(Secret("owner")) == password
    assert postgres.role_password(Secret("other")) != password


def test_the_verifier_is_the_one_of_the_standard() -> None:
    """Password `pencil` and salt of RFC 7677; the keys follow from its example."""
    import base64

    found = postgres.verifier(Secret("pencil"), base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert found == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
