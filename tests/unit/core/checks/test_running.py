"""Checks of a running instance: software, storage, edge, surfaces, background work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import edge, health, sidekiq, software, storage
from instancectl.core.checks.model import Skipped
from instancectl.core.checks.seen import (
    Answer,
    Certificate,
    ClientAddress,
    NameAnswer,
    NoAnswer,
    StoreTrial,
    VersionSeen,
)
from instancectl.core.questions import PostgresAnswer
from instancectl.core.sizes import QUEUES
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import (
    ALL,
    DAY,
    DOMAIN,
    NOW,
    answers_of,
    config_of,
    facts_of,
    fresh,
    process_of,
    redis_of,
    stack_of,
    state_of,
)

GONE = NoAnswer("connection refused")


def judged(answer: object) -> Finding:
    assert isinstance(answer, Finding)
    return answer


@pytest.mark.parametrize(
    ("release", "text", "severity"),
    [
        ("4.6.3", "postgres (PostgreSQL) 13.16 (Debian 13.16-1)", Severity.FAIL),
        ("4.6.3", "14.13", Severity.OK),
        ("4.4.20", "13.16", Severity.OK),
        ("4.3.23", "12.1", Severity.OK),
        ("9.9.9", "13.0", Severity.FAIL),
        ("4.6.3", "14.2", Severity.WARN),
        ("4.6.3", "no version here", Severity.UNKNOWN),
    ],
)
def test_postgresql_must_reach_the_minimum_of_the_release(
    release: str, text: str, severity: Severity
) -> None:
    config = config_of(instance={"release": release}, images={"db": "postgres"})
    facts = fresh(config, postgres_version=VersionSeen(text, "image"))
    assert software.postgres_version(facts).severity is severity


def test_an_old_postgresql_is_named_with_what_is_needed() -> None:
    finding = software.postgres_version(fresh(postgres_version=VersionSeen("13.16", "image")))
    assert finding.seen.startswith("PostgreSQL 13.16")
    assert finding.needed == "PostgreSQL 14 or newer for Mastodon 4.6.3"
    assert "images.db" in finding.hint


def test_an_image_of_another_major_version_cannot_read_the_data() -> None:
    facts = facts_of(config_of(images={"db": "postgres:18"}), postgres_version=VersionSeen("17.6", "running"))
    finding = software.postgres_version(facts)
    assert finding.severity is Severity.FAIL
    assert "PostgreSQL 17 runs, `images.db` is 18" in finding.seen


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("postgres:17", (17,)),
        ("postgres:17.6-bookworm", (17, 6)),
        ("registry.dev.org:5000/postgres:14-alpine@sha256:00ff", (14,)),
        ("registry.dev.org:5000/postgres", None),
        ("postgres:latest", None),
        ("postgres", None),
        ("x/pgbouncer:v1.24.1-p1", (1, 24, 1)),
    ],
)
def test_a_version_is_read_from_a_tag_where_there_is_one(
    reference: str, version: tuple[int, ...] | None
) -> None:
    assert software.tag_version(reference) == version


def test_redis_below_the_minimum_of_sidekiq_fails() -> None:
    facts = fresh(redis_version=VersionSeen("Redis server v=6.2.14 sha=0:0", "image"))
    finding = software.redis_version(facts)
    assert finding.severity is Severity.FAIL
    assert "Redis 7.0" in finding.needed


def test_a_version_nobody_could_ask_is_unknown() -> None:
    assert software.redis_version(fresh(redis_version=Unknown("no image"))).severity is Severity.UNKNOWN


S3 = config_of(media={"storage": "s3", "s3_bucket": "media", "s3_endpoint": "https://s3.dev.org"})


def test_a_bucket_that_works_is_fine() -> None:
    assert judged(storage.store(facts_of(S3, store=StoreTrial(None, listable=False)))).severity is Severity.OK


def test_a_bucket_that_strangers_can_list_warns() -> None:
    finding = judged(storage.store(facts_of(S3, store=StoreTrial(None, listable=True))))
    assert finding.severity is Severity.WARN
    assert "s3:ListBucket" in finding.hint


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("NoSuchBucket: x", "`media.s3_bucket`"),
        ("SignatureDoesNotMatch: x", "AWS_SECRET_ACCESS_KEY"),
        ("InvalidAccessKeyId: x", "AWS_ACCESS_KEY_ID"),
        ("AccessDenied: x", "policy"),
        ("AccessControlListNotSupported: x", "`media.s3_permission"),
    ],
)
def test_a_refused_write_says_what_the_store_said_and_where_to_look(said: str, hint: str) -> None:
    finding = judged(storage.store(facts_of(S3, store=StoreTrial("put", said))))
    assert finding.severity is Severity.FAIL
    assert said in finding.seen
    assert hint in finding.hint


def test_a_store_that_does_not_answer_is_unknown() -> None:
    assert judged(storage.store(facts_of(S3, store=Unknown("refused")))).severity is Severity.UNKNOWN


def test_local_media_need_no_bucket() -> None:
    assert isinstance(storage.store(facts_of()), Skipped)


def https(status: int = 200, left_days: float = 60, distrust: str = "", lifetime_days: float = 90) -> Answer:
    end = NOW + left_days * DAY
    return Answer(status, (), b"OK", 0.02, "", Certificate(end - lifetime_days * DAY, end, distrust))


def test_the_edge_answers() -> None:
    finding = judged(edge.edge(facts_of(edge=https())))
    assert finding.severity is Severity.OK
    assert DOMAIN in finding.seen


@pytest.mark.parametrize(("status", "service"), [(502, "cache"), (404, "proxy")])
def test_an_edge_that_answers_wrongly_says_whose_log_to_read(status: int, service: str) -> None:
    finding = judged(edge.edge(facts_of(edge=https(status))))
    assert finding.severity is Severity.FAIL
    assert f"instancectl logs {service}" in finding.hint


def test_an_edge_that_is_silent_fails() -> None:
    assert judged(edge.edge(facts_of(edge=GONE))).severity is Severity.FAIL


def test_maintenance_is_no_failure() -> None:
    facts = facts_of(edge=https(503), applied=Applied(local_domain=DOMAIN, maintenance="back soon"))
    assert judged(edge.edge(facts)).severity is Severity.WARN


@pytest.mark.parametrize(
    ("answer", "tls", "severity"),
    [
        (https(left_days=60), {}, Severity.OK),
        (https(left_days=10), {}, Severity.WARN),
        (https(left_days=-1), {}, Severity.FAIL),
        (https(left_days=100), {}, Severity.FAIL),  # not valid yet: the clock is wrong
        (https(distrust="self-signed certificate"), {}, Severity.FAIL),
        (https(distrust="unable to get local issuer"), {"mode": "internal"}, Severity.OK),
        (https(left_days=0.3, lifetime_days=0.5), {"mode": "internal"}, Severity.OK),
        (https(left_days=25), {"mode": "files", "certificate": "c", "key": "k"}, Severity.OK),
        (https(left_days=15), {"mode": "files", "certificate": "c", "key": "k"}, Severity.WARN),
        (GONE, {}, Severity.UNKNOWN),
    ],
)
def test_the_certificate_is_judged_by_its_lifetime_and_its_authority(
    answer: Answer | NoAnswer, tls: dict[str, Any], severity: Severity
) -> None:
    assert judged(edge.certificate(facts_of(config_of(tls=tls), edge=answer))).severity is severity


def test_an_address_that_arrives_as_itself_is_fine() -> None:
    sample = ClientAddress("2001:db8::7", "2001:db8::7", "2001:0db8:0::7")
    assert judged(edge.client_address(facts_of(client_address=(sample,)))).severity is Severity.OK


def test_an_address_that_docker_replaced_fails_and_says_what_follows() -> None:
    sample = ClientAddress("9.9.9.9", "9.9.9.9", "172.18.0.1")
    finding = judged(edge.client_address(facts_of(client_address=(sample,))))
    assert finding.severity is Severity.FAIL
    assert "a request from 9.9.9.9 arrived as 172.18.0.1" in finding.seen
    assert "shut out the fediverse" in finding.seen


TRANSLATED = (
    ClientAddress("9.9.9.9", "9.9.9.9", "9.9.9.9"),
    ClientAddress("2620::1", "2620::1", "172.18.0.1"),
)


def test_translated_ipv6_fails_where_an_aaaa_record_leads_people_there() -> None:
    names = (NameAnswer(DOMAIN, ("9.9.9.9", "2620::1")),)
    finding = judged(edge.client_address(facts_of(client_address=TRANSLATED, names=names)))
    assert finding.severity is Severity.FAIL
    assert "2620::1 arrived as 172.18.0.1" in finding.seen
    assert "AAAA" in finding.hint


def test_translated_ipv6_that_no_record_leads_to_is_only_told() -> None:
    finding = judged(edge.client_address(facts_of(client_address=TRANSLATED)))
    assert finding.severity is Severity.OK
    assert "publish no AAAA record" in finding.seen


def test_an_edge_that_does_not_tell_leaves_it_unknown() -> None:
    samples = (ClientAddress("9.9.9.9", error="answered 404 through 9.9.9.9"),)
    assert judged(edge.client_address(facts_of(client_address=samples))).severity is Severity.UNKNOWN


@pytest.mark.parametrize(
    "judge", [edge.edge, edge.certificate, edge.client_address, health.web, sidekiq.queues]
)
def test_before_the_first_deploy_nothing_that_runs_is_judged(judge: Any) -> None:
    assert isinstance(judge(fresh()), Skipped)


def test_services_that_all_run_are_counted() -> None:
    assert judged(health.services(facts_of())).seen == "7 services, 7 replicas, all run"


def test_a_service_without_a_replica_fails_by_name() -> None:
    stack = stack_of(*ALL)
    stack = replace(stack, services={**stack.services, "db": state_of("db", running=0)})
    finding = judged(health.services(facts_of(stack=stack)))
    assert finding.severity is Severity.FAIL
    assert "`db`" in finding.seen
    assert "logs db" in finding.hint


def test_too_few_replicas_and_an_unfinished_update_warn() -> None:
    stack = stack_of(*ALL)
    few = replace(stack, services={**stack.services, "web": state_of("web", running=1, replicas=2)})
    assert "web 1 of 2" in judged(health.services(facts_of(stack=few))).seen
    paused = replace(state_of("web"), update_state="rollback_paused")
    stuck = replace(stack, services={**stack.services, "web": paused})
    assert judged(health.services(facts_of(stack=stuck))).severity is Severity.WARN


def test_all_surfaces_well_are_ok() -> None:
    for judge in (
        health.web,
        health.federation,
        health.api,
        health.streaming,
        health.postgresql,
        health.redis,
    ):
        assert judged(judge(facts_of())).severity is Severity.OK


def test_a_surface_names_postgresql_when_that_is_what_died() -> None:
    facts = facts_of(postgres=GONE, probes=answers_of(config_of(), federation=500, streaming=500))
    for judge in (health.federation, health.streaming):
        finding = judged(judge(facts))
        assert finding.severity is Severity.FAIL
        assert "because PostgreSQL is down" in finding.seen
        assert "logs db" in finding.hint
    assert judged(health.web(facts)).severity is Severity.OK
    assert judged(health.api(facts)).severity is Severity.OK


def test_a_surface_names_redis_when_that_is_what_died() -> None:
    facts = facts_of(redis=GONE, probes=answers_of(config_of(), api=500))
    assert "because Redis is down" in judged(health.api(facts)).seen
    assert judged(health.federation(facts)).severity is Severity.OK


def test_a_surface_that_fails_on_its_own_points_to_its_own_log() -> None:
    finding = judged(health.streaming(facts_of(probes=answers_of(config_of(), streaming=404))))
    assert finding.severity is Severity.FAIL
    assert "logs streaming" in finding.hint


def test_one_bad_replica_of_two_warns_with_its_address() -> None:
    answers = [*answers_of(config_of())]
    index = next(n for n, one in enumerate(answers) if one.surface == "web")
    answers[index] = replace(answers[index], status=0, reason="connection refused")
    finding = judged(health.web(facts_of(probes=tuple(answers))))
    assert finding.severity is Severity.WARN
    assert f"1 of 2 replicas: connection refused ({answers[index].address})" in finding.seen


def test_an_owner_that_is_not_found_warns_once_it_should_exist() -> None:
    probes = answers_of(config_of(), federation=404)
    assert judged(health.federation(facts_of(probes=probes))).severity is Severity.WARN
    before = facts_of(probes=probes, applied=Applied(local_domain=DOMAIN))
    assert judged(health.federation(before)).severity is Severity.OK


def test_the_dead_are_concluded_from_the_surfaces_when_nobody_could_ask_directly() -> None:
    nobody = Unknown("no replica on this host")
    facts = facts_of(postgres=nobody, redis=nobody, probes=answers_of(config_of(), federation=500))
    assert health.dead(facts) == ("db",)
    facts = facts_of(postgres=nobody, redis=nobody, probes=answers_of(config_of(), api=500))
    assert health.dead(facts) == ("redis",)
    every = answers_of(config_of(), web=500, api=500, federation=500)
    assert health.dead(facts_of(postgres=nobody, redis=nobody, probes=every)) == ()


def test_what_answers_directly_is_not_dead_whatever_the_surfaces_say() -> None:
    assert health.dead(facts_of(probes=answers_of(config_of(), federation=500))) == ()


def test_nearly_used_up_connections_warn() -> None:
    assert (
        judged(health.postgresql(facts_of(postgres=PostgresAnswer((17,), 90, 100, 1)))).severity
        is Severity.WARN
    )


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"policy": "allkeys-lru"}, Severity.FAIL),
        ({"aof_healthy": False}, Severity.WARN),
        ({"appendonly": False}, Severity.WARN),
        ({"used_bytes": 95}, Severity.WARN),
        ({}, Severity.OK),
    ],
)
def test_redis_must_keep_and_write_what_it_is_given(changes: dict[str, Any], severity: Severity) -> None:
    assert judged(health.redis(facts_of(redis=redis_of(**changes)))).severity is severity


def test_no_heartbeat_fails_and_names_what_stands_still() -> None:
    finding = judged(sidekiq.heartbeat(facts_of(redis=redis_of())))
    assert finding.severity is Severity.FAIL
    assert "no mail" in finding.seen


def test_a_late_heartbeat_counts_as_none() -> None:
    finding = judged(sidekiq.heartbeat(facts_of(redis=redis_of(process_of(age=48.0)))))
    assert finding.severity is Severity.FAIL
    assert "48 s ago" in finding.seen


def test_fewer_processes_than_replicas_warn() -> None:
    stack = stack_of(*ALL, "sidekiq-push")
    assert judged(sidekiq.heartbeat(facts_of(stack=stack))).severity is Severity.WARN


@given(st.sets(st.sampled_from(QUEUES)))
def test_a_queue_nobody_works_on_fails_by_name(missing: set[str]) -> None:
    queues = tuple(queue for queue in QUEUES if queue not in missing)
    finding = judged(sidekiq.queues(facts_of(redis=redis_of(process_of(queues=queues)))))
    assert (finding.severity is Severity.FAIL) == bool(missing)
    assert all(f"`{queue}`" in finding.seen for queue in missing)


def test_a_quiet_process_works_on_nothing() -> None:
    assert judged(sidekiq.queues(facts_of(redis=redis_of(process_of(quiet=True))))).severity is Severity.FAIL


@pytest.mark.parametrize(("count", "severity"), [(0, Severity.FAIL), (1, Severity.OK), (2, Severity.WARN)])
def test_exactly_one_process_plans_recurring_work(count: int, severity: Severity) -> None:
    planning = [process_of(f"host{n}:1:a") for n in range(count)]
    other = process_of("worker:1:b", queues=("push",))
    assert judged(sidekiq.scheduler(facts_of(redis=redis_of(other, *planning)))).severity is severity


def test_without_redis_background_work_is_unknown_not_dead() -> None:
    for judge in (sidekiq.heartbeat, sidekiq.queues, sidekiq.scheduler):
        assert judged(judge(facts_of(redis=GONE))).severity is Severity.UNKNOWN
        assert judged(judge(facts_of(redis=Unknown("?")))).severity is Severity.UNKNOWN
