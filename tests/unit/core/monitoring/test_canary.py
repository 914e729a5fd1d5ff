from __future__ import annotations

import json

import pytest

from instancectl.core.checks.seen import NoAnswer
from instancectl.core.monitoring import canary
from instancectl.core.monitoring.canary import Door, Outcome
from instancectl.core.monitoring.sli import TIMELINE, Verdict
from instancectl.core.monitoring.surfaces import slis_of
from instancectl.core.secrets import Secret
from instancectl.core.unknown import Unknown
from tests.fakes import instance
from tests.fakes.http import answer

DOOR = Door("social.example", "10.0.0.9", Secret("t0k"))


def event(post_id: str, name: str = "update") -> str:
    return json.dumps({"stream": ["user"], "event": name, "payload": json.dumps({"id": post_id})})


def listed(*statuses: dict[str, object]) -> bytes:
    return json.dumps(statuses).encode()


def test_what_is_posted_has_no_reader_but_its_author() -> None:
    sent = canary.post(DOOR, "abc")
    assert json.loads(sent.body) == {"status": "instancectl canary abc", "visibility": "direct"}
    assert b"@" not in sent.body
    assert sent.method == "POST"


@pytest.mark.parametrize(
    "sent",
    [canary.post(DOOR, "a"), canary.live(DOOR), canary.delete(DOOR, "7"), canary.own_posts(DOOR, "1")],
)
def test_the_token_goes_to_the_cache_in_a_header_only(sent: canary.Request) -> None:
    assert sent.url.startswith("http://10.0.0.9:8080/api/v1/")
    assert "t0k" not in sent.url
    assert ("Authorization", "Bearer t0k") in sent.headers
    assert ("Host", "social.example") in sent.headers


def test_only_the_post_itself_has_arrived() -> None:
    assert canary.arrived(event("7"), "7")
    for other in (event("8"), event("7", "delete"), "", "[]", '{"event":"update","payload":"no json"}'):
        assert not canary.arrived(other, "7")


def test_a_post_is_accepted_with_its_id_and_its_author() -> None:
    made = canary.accepted(answer(200, b'{"id":"7","account":{"id":"1"}}'))
    assert made == canary.Post("7", "1")
    for other in (answer(422, b"{}"), answer(200, b"{}"), answer(200, b"<html>"), NoAnswer("gone")):
        assert canary.accepted(other) is None


def test_what_people_wrote_is_never_left_behind() -> None:
    ours = {"id": "1", "visibility": "direct", "content": "<p>instancectl canary ab</p>"}
    theirs = [
        {**ours, "id": "2", "visibility": "public"},
        {**ours, "id": "3", "content": "<p>I like the instancectl canary </p>"},
        {"id": "4"},
    ]
    assert canary.left_behind(answer(200, listed(ours, *theirs))) == ("1",)
    assert canary.left_behind(answer(200, b"{}")) == ()
    assert canary.left_behind(NoAnswer("gone")) == ()


@pytest.mark.parametrize(("status", "is_refused"), [(401, True), (403, True), (500, False), (422, False)])
def test_a_token_that_is_not_accepted_says_nothing_of_the_instance(status: int, is_refused: bool) -> None:
    assert isinstance(canary.refused(answer(status)), Unknown) == is_refused


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(0, seconds=0.4), Verdict.GOOD),
        (Outcome(0, seconds=10.5), Verdict.BAD),
        (Outcome(0, "post", said="x"), Verdict.BAD),
        (Unknown("x"), Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
)
def test_slices_are_what_the_last_run_was(outcome: object, expected: Verdict) -> None:
    assert canary.verdict(outcome)[0] is expected


def test_posts_are_measured_only_where_somebody_wants_it() -> None:
    assert TIMELINE not in slis_of(instance.config())
    assert TIMELINE in slis_of(instance.config(monitoring={"canary": True}))
