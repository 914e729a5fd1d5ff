"""What Alertmanager says becomes what people read, at every receiver."""

from __future__ import annotations

import json

import pytest

from instancectl.core.alerting import message, senders
from instancectl.core.alerting.retrying import given_up, next_try
from instancectl.core.secret_set import from_values
from tests.fakes import alerts
from tests.fakes.alerts import alert, posted

CONFIG = alerts.config()
SECRETS = from_values(alerts.SECRETS)


def request(receiver: str, body: bytes = b""):
    return senders.request(receiver, CONFIG, SECRETS, message.read(body or posted()))


def test_a_message_says_what_since_when_with_what_impact_and_what_to_type() -> None:
    found = message.read(posted())
    assert message.title(found, "social.example") == (
        "[page] social.example: `web` does not answer as it should"
    )
    assert message.text(found, "https://runbooks.example/web-down").splitlines() == [
        "WebDown: `web` does not answer as it should; since 2026-11-22 14:03 UTC",
        "Nobody can log in.",
        "First: sudo instancectl logs web",
        "Runbook: https://runbooks.example/web-down",
    ]


def test_a_resolved_one_says_how_long_it_lasted_and_nothing_to_do() -> None:
    found = message.read(posted(alert(status="resolved")))
    assert not found.firing
    assert message.title(found, "social.example").startswith("[resolved] social.example: ")
    assert message.text(found, "link") == "WebDown is over; it lasted 11 min 59 s, from 2026-11-22 14:03 UTC"


def test_what_still_fires_is_told_first_and_many_are_counted() -> None:
    many = [alert(status="resolved"), *(alert(queue=str(number)) for number in range(12))]
    found = message.read(posted(*many, left_out=3))
    assert found.firing
    assert found.notices[0].until is None
    assert message.title(found, "s").endswith("and 15 more")
    assert "… and 8 more" in message.text(found, "link")


def test_the_same_news_has_the_same_key_and_other_news_another() -> None:
    key = message.read(posted()).key
    assert message.read(posted()).key == key
    assert message.read(posted(alert(status="resolved"))).key != key
    assert message.read(posted(key="another group")).key != key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"alerts": []}',
        b'{"alerts": [1]}',
        b"\xff",
        posted(alert() | {"startsAt": "yesterday"}),
        posted(alert() | {"labels": 1}),
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        message.read(body)


def test_each_receiver_gets_its_own_request() -> None:
    assert set(CONFIG.alerts.receivers) == {"email", *senders.SECRETS}
    made = {name: request(name) for name in senders.SECRETS}
    key = message.read(posted()).key
    assert {name: (one.method, one.url) for name, one in made.items()} == {
        "ntfy": ("POST", "https://ntfy.example/"),
        "matrix": (
            "PUT",
            "https://matrix.example/_matrix/client/v3/rooms/%21room%3Amatrix.example/send/m.room.message/"
            + key,
        ),
        "discord": ("POST", alerts.SECRETS["DISCORD_WEBHOOK_URL"]),
        "telegram": ("POST", "https://api.telegram.org/botsecret-of-telegram/sendMessage"),
        "webhook": ("POST", "https://hook.example/in"),
        "fediverse": ("POST", "https://other.example/api/v1/statuses"),
    }
    for one in made.values():
        text = json.dumps(json.loads(one.body), ensure_ascii=False)
        assert "does not answer as it should" in text
        assert "14:03 UTC" in text
        assert "sudo instancectl logs web" in text
        assert "/runbooks/web-down" in text


def test_secrets_travel_in_headers_or_where_the_interface_wants_them_and_nowhere_else() -> None:
    for name in ("ntfy", "matrix", "webhook", "fediverse"):
        one = request(name)
        assert dict(one.headers)["Authorization"] == f"Bearer {SECRETS.reveal(senders.SECRETS[name])}"
        assert "secret-of" not in one.url + one.body.decode()
    assert "secret-of" not in request("telegram").body.decode()


def test_a_page_is_louder_than_a_ticket_and_an_end() -> None:
    loud = json.loads(request("ntfy").body)
    quiet = json.loads(request("ntfy", posted(alert(severity="ticket"))).body)
    over = json.loads(request("ntfy", posted(alert(status="resolved"))).body)
    assert (loud["priority"], quiet["priority"], over["priority"]) == (5, 3, 3)
    assert json.loads(request("telegram", posted(alert(severity="ticket"))).body)["disable_notification"]
    assert not json.loads(request("telegram").body)["disable_notification"]


def test_nobody_is_mentioned_by_accident_and_the_post_is_for_one() -> None:
    assert json.loads(request("discord").body)["allowed_mentions"] == {"parse": []}
    post = json.loads(request("fediverse").body)
    assert post["visibility"] == "direct"
    assert post["status"].startswith("@admin@third.example ")
    assert dict(request("fediverse").headers)["Idempotency-Key"]


@pytest.mark.parametrize("receiver", ["discord", "telegram", "fediverse", "matrix"])
def test_a_long_text_is_cut_and_keeps_its_link(receiver: str) -> None:
    long = alert() | {"annotations": {"summary": "x" * 20000, "runbook": "web-down"}}
    body = json.loads(request(receiver, posted(long)).body)
    told = next(body[name] for name in ("content", "text", "status", "body") if name in body)
    assert len(told) <= senders.LIMITS[receiver] + 1
    assert receiver == "fediverse" or told.endswith("/runbooks/web-down")


def test_a_mail_goes_to_each_address_from_the_instances_own() -> None:
    first, second = senders.letters(CONFIG, message.read(posted()))
    assert (first.recipient, second.recipient) == ("a@other.example", "b@other.example")
    assert first.sender == "notifications@social.example"
    assert first.subject == "[page] social.example: `web` does not answer as it should"


def test_what_cannot_work_for_want_of_a_secret_is_known() -> None:
    assert senders.missing(CONFIG, SECRETS) == ()
    assert ("discord", "DISCORD_WEBHOOK_URL") in senders.missing(CONFIG, from_values({}))
    assert not {"ntfy", "webhook", "email"} & {name for name, _ in senders.missing(CONFIG, from_values({}))}


def test_it_is_tried_soon_and_then_less_often_and_given_up_after_a_day() -> None:
    waits = [next_try(attempt, 0.0) for attempt in range(1, 10)]
    assert waits[:3] == [5, 15, 30]
    assert waits == sorted(waits)
    assert waits[-1] == 600
    assert not given_up(0.0, 86400.0)
    assert given_up(0.0, 86401.0)
