from __future__ import annotations

import pytest

from instancectl.core.checks.seen import MailTalk
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.canary import Outcome
from instancectl.core.monitoring.sidekiq import JobSet, Process, Queue, Sidekiq
from instancectl.core.monitoring.sli import SLIS, Verdict
from instancectl.core.monitoring.surfaces import Answered, Ask, Failure, asks, slis_of
from instancectl.core.monitoring.verdict import CAUSES, Evidence, Judgement, judge
from instancectl.core.sizes import QUEUES
from instancectl.core.unknown import Unknown

CONFIG = InstanceConfig.model_validate(
    {
        "instance": {"domain": "social.example"},
        "mail": {"server": "mail.example"},
        "monitoring": {"canary": True},
    }
)
GOOD, BAD, UNKNOWN = Verdict.GOOD, Verdict.BAD, Verdict.UNKNOWN
NOW = 1_795_326_300.0


def background(*, ago: float = 1, queues: tuple[str, ...] = QUEUES, waited: float = 0) -> Sidekiq:
    process = Process("a:1:b", "a", "8.1.7", queues, NOW - ago, False, 0, 5, 0, 0.0)
    sizes = {name: Queue(1 if waited else 0, waited) for name in QUEUES}
    return Sidekiq(NOW, sizes, {"retry": JobSet(0, 0)}, (process,), 0, 0, 0)


def answers(replicas: int = 1, **failures: Failure) -> tuple[Answered, ...]:
    """Of every replica; `web_alive="timeout"` fails that request, `web_alive_1` that of replica 1 only."""
    found = []
    for ask in asks(CONFIG):
        for number in range(1, (replicas if ask.service == "web" else 1) + 1):
            key = f"{ask.surface}_{ask.part}"
            failure = failures.get(key) or failures.get(f"{key}_{number}") or failures.get(ask.service) or ""
            status = {"status": 500, "": min(ask.expect)}.get(failure, 0)
            found.append(
                Answered(ask, f"{ask.service}.{number}", failure, status, 0.01, failure and "failed")
            )
    return tuple(found)


def verdict(**changes: object) -> Judgement:
    seen = {
        "deployed": True,
        "answers": answers(),
        "sidekiq": background(),
        "mail": MailTalk(None),
        "canary": Outcome(NOW),
        "slis": slis_of(CONFIG),
        **changes,
    }
    return judge(Evidence(**seen))


def bad(judgement: Judgement) -> set[str]:
    return {name for name, one in judgement.verdicts.items() if one is BAD}


def test_all_well() -> None:
    found = verdict()
    assert set(found.verdicts) == set(SLIS)
    assert set(found.verdicts.values()) == {GOOD}
    assert (found.causes, found.reasons, found.sentence) == ((), {}, "good")


def test_posts_that_do_not_arrive_are_bad_in_themselves_and_name_no_service() -> None:
    found = verdict(canary=Outcome(NOW, "arrival", said="a post had not arrived after 30 s"))
    assert bad(found) == {"timeline"}
    assert found.causes == ()
    assert found.sentence == "bad: timeline: a post had not arrived after 30 s"


@pytest.mark.parametrize(("deployed", "why"), [(False, "nothing is deployed yet"), (None, "nobody can see")])
def test_before_the_first_deploy_everything_is_unknown(deployed: bool | None, why: str) -> None:
    found = judge(Evidence(deployed))
    assert set(found.verdicts.values()) == {UNKNOWN}
    assert found.causes == ()
    assert why in found.sentence


DATABASE_GONE = {
    "web_edge": "status",
    "federation_webfinger": "status",
    "federation_inbox": "status",
    "streaming_token": "status",
}


def test_postgresql_explains_what_fails_with_it() -> None:
    found = verdict(db="connection refused", answers=answers(**DATABASE_GONE))
    assert found.causes == ("db",)
    assert bad(found) == {"availability", "web", "federation", "streaming"}
    assert found.sentence == (
        "bad: PostgreSQL is down (connection refused), which shows in web, federation, streaming"
    )


def test_a_frozen_postgresql_is_the_cause_also_when_it_has_taken_web_with_it() -> None:
    assert verdict(db="no answer within 2 s", answers=answers(web="timeout", edge="timeout")).causes == (
        "db",
    )


def test_redis_explains_what_fails_with_it_and_background_work_is_unknown() -> None:
    found = verdict(
        redis="connection refused", answers=answers(web_instance="status"), sidekiq=Unknown("in Redis")
    )
    assert found.causes == ("redis",)
    assert bad(found) == {"availability", "web"}
    assert {found.verdicts[name] for name in SLIS if name.startswith(("queue", "sidekiq"))} == {UNKNOWN}


def test_a_redis_that_refuses_writes_is_named_although_pages_still_come() -> None:
    found = verdict(unwritable="its memory is full")
    assert found.causes == ("redis",)
    assert found.verdicts["web"] is GOOD
    assert found.sentence == "good, but: Redis takes no writes: its memory is full; nothing else shows it yet"


@pytest.mark.parametrize("failure", ["connect", "timeout", "absent"])
def test_web_is_named_when_only_web_fails(failure: Failure) -> None:
    found = verdict(answers=answers(web=failure, web_edge="status"))
    assert found.causes == ("web",)
    assert bad(found) == {"availability", "web", "login", "federation"}


@pytest.mark.parametrize("failure", ["connect", "timeout", "absent", "status"])
def test_streaming_is_named_when_only_streaming_fails(failure: Failure) -> None:
    found = verdict(answers=answers(streaming=failure))
    assert found.causes == ("streaming",)
    assert bad(found) == {"streaming"}


@pytest.mark.parametrize("seen", [background(ago=31), background(queues=("default",))])
def test_sidekiq_is_named_when_it_does_not_beat_or_a_queue_has_no_process(seen: Sidekiq) -> None:
    found = verdict(sidekiq=seen)
    assert found.causes == ("sidekiq",)
    assert bad(found) == {"sidekiq"}


def test_the_way_in_is_named_when_everything_behind_it_is_well() -> None:
    assert verdict(answers=answers(edge="connect")).causes == ("proxy",)
    assert verdict(answers=answers(cache="connect", edge="status")).causes == ("cache",)


def test_one_of_two_replicas_that_refuses_connections_costs_nobody_anything() -> None:
    found = verdict(answers=answers(2, web_alive_1="connect", web_instance_1="connect"))
    assert found.verdicts["web"] is GOOD
    assert found.causes == ()


@pytest.mark.parametrize("failure", ["timeout", "status"])
def test_one_of_two_replicas_that_answers_wrongly_costs_half_the_visitors(failure: Failure) -> None:
    found = verdict(answers=answers(2, web_instance_2=failure))
    assert found.verdicts["web"] is BAD
    assert found.causes == ("web",)


def test_the_mail_server_is_no_cause_of_anything_else() -> None:
    found = verdict(mail=MailTalk("auth", "535 no"))
    assert found.causes == ("mail",)
    assert bad(found) == {"mail"}
    assert found.reasons["mail"] == "the mail server failed at auth: 535 no"


def test_a_queue_of_posts_that_is_late_is_not_laid_on_the_mail_server() -> None:
    found = verdict(mail=MailTalk("auth", "535 no"), sidekiq=background(waited=121))
    assert found.sentence == (
        "bad: the mail server does not take our mail, which shows in mail, queue_mailers; "
        "queue_default: the oldest job waited 2 min 1 s, 1 min are allowed"
    )


def test_queues_are_bad_beyond_their_own_objective() -> None:
    found = verdict(sidekiq=background(waited=121))
    assert bad(found) == {"queue_default", "queue_mailers"}
    assert "the oldest job waited 2 min 1 s, 1 min are allowed" in found.reasons["queue_default"]


def test_what_nobody_could_ask_is_unknown_and_never_good() -> None:
    edge_only = tuple(one for one in answers() if one.ask.service == "edge")
    blind = dict.fromkeys(("web", "login", "federation", "streaming"), "no container to ask from")
    found = verdict(answers=edge_only, blind=blind, db=Unknown("elsewhere"), redis=Unknown("elsewhere"))
    assert found.verdicts["web"] is UNKNOWN
    assert found.verdicts["availability"] is UNKNOWN
    assert found.verdicts["media"] is GOOD
    assert found.causes == ()


def test_only_what_applies_is_measured() -> None:
    local = InstanceConfig.model_validate({"instance": {"domain": "a.example"}, "mail": {"mode": "catch"}})
    bucket = InstanceConfig.model_validate(
        {
            "instance": {"domain": "a.example"},
            "media": {"storage": "s3", "s3_bucket": "b"},
        }
    )
    assert "mail" not in slis_of(local)
    assert "media" not in slis_of(bucket)
    assert set(judge(Evidence(True, slis=slis_of(local))).verdicts) == set(slis_of(local))


def test_every_cause_can_be_exported() -> None:
    named = {
        *verdict(db="x").causes,
        *verdict(redis="x").causes,
        *verdict(answers=answers(web="connect")).causes,
        *verdict(answers=answers(streaming="connect")).causes,
        *verdict(sidekiq=background(ago=99)).causes,
        *verdict(answers=answers(cache="connect")).causes,
        *verdict(answers=answers(edge="connect")).causes,
        *verdict(mail=MailTalk("connect")).causes,
        *verdict(answers=answers(media_folder="status")).causes,
    }
    assert named == set(CAUSES)


def test_no_probe_is_signed_and_none_posts_but_the_delete() -> None:
    for ask in asks(CONFIG):
        assert not {name.lower() for name, _ in ask.headers} & {
            "signature",
            "authorization",
            "cookie",
            "digest",
        }
        assert not ask.body or (b'"Delete"' in ask.body and b"probe.invalid" in ask.body)
        assert isinstance(ask, Ask)
