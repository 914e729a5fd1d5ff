"""Messages are accepted, kept, brought to everybody, and tested; silences have an end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from instancectl.core.alerting import alertmanager, message
from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alerts import catalogue, planned
from instancectl.core.secret_set import from_values
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.alerting import Courier, Desk, Post, Silencing, Trial
from instancectl.operations.alerting.desk import ACCEPTED, BAD, FORBIDDEN, FULL
from instancectl.ports.alert_spool import MOST_WAITING
from tests.fakes import alerts
from tests.fakes.alert_spool import FakeSpool
from tests.fakes.alerts import BEARER, TOKEN, alert, posted
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.mail_server import FakeMailServer
from tests.fakes.reporter import FakeReporter
from tests.fakes.together import OneByOne

NTFY = "https://ntfy.example/"
BEAT = "https://beat.example/1"
BASE = "http://127.0.0.1:9093"


class Web:
    """Receivers and an Alertmanager: what they got, and what they answer."""

    def __init__(self) -> None:
        self.status: dict[str, int | NoAnswer] = {}
        self.got: list[Request] = []
        self.silences: dict[str, dict[str, Any]] = {}
        self.active: list[dict[str, Any]] = []
        self.on_alert = None

    def ask(self, request: Request) -> Answer | NoAnswer:
        self.got.append(request)
        status = next((one for start, one in self.status.items() if request.url.startswith(start)), 200)
        if isinstance(status, NoAnswer):
            return status
        return Answer(status, (), self._body(request) if status == 200 else b"no: secret-of-ntfy", 0.01)

    def _body(self, request: Request) -> bytes:
        path = request.url.removeprefix(BASE)
        if path.startswith("/api/v2/silence/"):
            self.silences[path.rpartition("/")[2]]["status"] = {"state": "expired"}
        if path == "/api/v2/silences" and request.method == "POST":
            found = json.loads(request.body)
            name = found.get("id") or f"id-{len(self.silences)}"
            self.silences[name] = {**found, "id": name, "status": {"state": "active"}}
            return json.dumps({"silenceID": name}).encode()
        if path == "/api/v2/silences":
            return json.dumps(list(self.silences.values())).encode()
        if path == "/api/v2/alerts" and request.method == "GET":
            return json.dumps(self.active).encode()
        if path == "/api/v2/alerts" and self.on_alert:
            self.on_alert(json.loads(request.body)[0])
        return b""

    def told(self, start: str) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.got if one.url.startswith(start)]


@dataclass
class World:
    """A courier out of fakes."""

    config: InstanceConfig = field(default_factory=alerts.config)
    web: Web = field(default_factory=Web)
    mail: FakeMailServer = field(default_factory=lambda: FakeMailServer(("us", "right")))
    spool: FakeSpool = field(default_factory=FakeSpool)
    clock: FakeClock = field(default_factory=FakeClock)
    together: OneByOne = field(default_factory=OneByOne)
    reporter: FakeReporter = field(default_factory=FakeReporter)
    journal: FakeJournal = field(default_factory=FakeJournal)
    well: bool = True

    def __post_init__(self) -> None:
        self.desk = Desk(self.spool, self.config.alerts.receivers, TOKEN, self.clock.epoch_seconds)
        self.post = Post(self.config, self.web, self.mail, from_values(alerts.SECRETS), Secret("right"))
        self.courier = Courier(
            self.spool, self.post, self.desk, self.clock, self.together, self.reporter,
            lambda: self.well, lambda _: None,
        )  # fmt: skip

    def rounds(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.courier.round()
            self.clock.sleep(1)

    def count(self, name: str, receiver: str) -> float:
        found = {(one.metric.name, one.labels): one.value for one in self.courier.samples()}
        return found[f"instancectl_alert_{name}", (receiver,)]

    def silencing(self) -> Silencing:
        return Silencing(self.config, self.web, self.spool, self.journal, self.reporter, self.clock, "ada")

    def trial(self) -> Trial:
        return Trial(self.config, self.web, self.spool, self.post, self.clock, "abc123")


def test_a_message_reaches_every_receiver_and_is_gone() -> None:
    world = World()
    assert world.desk.take(posted(), BEARER) == ACCEPTED
    world.rounds(1)
    assert not world.spool.kept
    assert len(world.mail.received) == 2
    hosts = sorted(request.url.split("/")[2] for request in world.web.got)
    assert hosts == ["api.telegram.org", "discord.example", "hook.example", "matrix.example", "ntfy.example",
                     "other.example"]  # fmt: skip
    assert world.count("deliveries_total", "ntfy") == 1
    assert world.count("waiting", "ntfy") == 0


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "token-of-alertmanager", "Bearer tökén"])
def test_whoever_has_no_token_is_turned_away(authorization: str) -> None:
    world = World()
    assert world.desk.take(posted(), authorization) == FORBIDDEN
    assert not world.spool.kept


def test_what_cannot_be_kept_is_not_accepted() -> None:
    world = World()
    assert world.desk.take(b"nonsense", BEARER) == BAD
    world.spool.accept("x", b"", tuple(map(str, range(MOST_WAITING))), 0.0)
    assert world.desk.take(posted(), BEARER) == FULL
    world.spool.broken = True
    assert world.desk.take(posted(), BEARER) == FULL


def test_a_receiver_that_is_down_gets_it_later_and_holds_nobody_up() -> None:
    world = World(alerts.config(ntfy=alerts.ALL["ntfy"], webhook=alerts.ALL["webhook"]))
    world.web.status[NTFY] = 503
    world.desk.take(posted(), BEARER)
    world.rounds(60)
    assert len(world.web.told("https://hook.example")) == 1
    assert len(world.web.told(NTFY)) == 4  # at once, after 5, 15 and 30 s
    assert world.count("failures_total", "ntfy") == 4
    assert world.count("waiting", "ntfy") == 1
    del world.web.status[NTFY]
    world.rounds(120)
    assert world.count("waiting", "ntfy") == 0
    assert world.count("deliveries_total", "ntfy") == 1


def test_no_answer_and_a_hanging_receiver_are_failures_too() -> None:
    world = World(alerts.config(ntfy=alerts.ALL["ntfy"], webhook=alerts.ALL["webhook"]))
    world.web.status[NTFY] = NoAnswer("connection refused")
    world.together.hanging.add("webhook")
    world.desk.take(posted(), BEARER)
    world.rounds(1)
    assert {one.error for one in world.spool.ended.values()} == {
        "connection refused",
        "no answer within 20 s",
    }


def test_after_a_day_it_is_given_up_loudly() -> None:
    world = World(alerts.config(ntfy=alerts.ALL["ntfy"]))
    world.web.status[NTFY] = 401
    world.desk.take(posted(), BEARER)
    world.rounds(1)
    world.clock.sleep(86400)
    world.rounds(1)
    assert not world.spool.kept
    assert world.count("dropped_total", "ntfy") == 1
    assert any("given up" in note for note in world.reporter.notes)


def test_a_receiver_that_was_taken_out_of_the_file_is_not_waited_for() -> None:
    world = World(alerts.config(ntfy=alerts.ALL["ntfy"]))
    world.spool.accept("old", posted(), ("matrix",), world.clock.epoch_seconds())
    world.rounds(1)
    assert not world.spool.kept
    assert not world.web.got


def test_no_error_shows_a_secret() -> None:
    world = World(alerts.config(ntfy=alerts.ALL["ntfy"]))
    world.web.status[NTFY] = 401
    world.desk.take(posted(), BEARER)
    world.rounds(1)
    assert [one.error for one in world.spool.ended.values()] == ["answered 401: no: …"]


def test_a_missing_secret_is_named() -> None:
    world = World(alerts.config(discord={"enabled": True}))
    post = Post(world.config, world.web, world.mail, from_values({}), Secret(""))
    error = post.send("discord", message.read(posted()))
    assert error == "`DISCORD_WEBHOOK_URL` is not in `alerts.env`"


def test_a_mail_that_is_refused_is_a_failure() -> None:
    world = World(alerts.config(email={"to": ["a@other.example"]}))
    world.mail.refuses_sender = True
    world.desk.take(posted(), BEARER)
    world.rounds(1)
    assert [one.error for one in world.spool.ended.values()] == [
        "a@other.example: send: 550 5.7.1 sender not allowed"
    ]


class TestHeartbeat:
    @pytest.fixture
    def world(self) -> World:
        return World(alerts.config(heartbeat_url=BEAT, ntfy=alerts.ALL["ntfy"]))

    def watchdog(self, world: World, status: str = "firing") -> None:
        assert world.desk.take(posted(alert("Watchdog", "heartbeat", status)), BEARER) == ACCEPTED

    def test_it_leaves_when_alerts_came_through_and_the_agent_is_well(self, world: World) -> None:
        self.watchdog(world)
        world.rounds(5)
        assert len([one for one in world.web.got if one.url == BEAT]) == 1
        assert not world.web.told(NTFY)
        assert world.count("deliveries_total", "heartbeat") == 1

    def test_nothing_leaves_without_one(self, world: World) -> None:
        world.rounds(300)
        self.watchdog(world, "resolved")
        world.rounds(5)
        assert not world.web.got

    def test_nothing_leaves_while_the_prober_hangs_nor_late(self, world: World) -> None:
        world.well = False
        self.watchdog(world)
        world.rounds(5)
        world.well = True
        world.rounds(5)
        assert not world.web.got

    def test_one_that_does_not_arrive_is_counted(self, world: World) -> None:
        world.web.status[BEAT] = 500
        self.watchdog(world)
        world.rounds(2)
        assert world.count("failures_total", "heartbeat") == 1


class TestTrial:
    def test_it_goes_through_alertmanager_and_says_who_got_it(self) -> None:
        world = World(alerts.config(ntfy=alerts.ALL["ntfy"], email=alerts.ALL["email"]))

        def through(raised: dict[str, Any]) -> None:
            body = posted(raised | {"status": "firing", "fingerprint": "f"}, key="test")
            assert world.desk.take(body, BEARER) == ACCEPTED
            world.courier.round()

        world.web.on_alert = through
        result = world.trial().run("")
        assert result.data["through_alertmanager"]
        assert set(result.data["arrived"]) == {"ntfy", "email"}
        assert "abc123" in world.web.told(NTFY)[0]["message"]

    def test_one_receiver_is_tested_alone(self) -> None:
        world = World()

        def through(raised: dict[str, Any]) -> None:
            world.desk.take(posted(raised | {"status": "firing", "fingerprint": "f"}), BEARER)
            world.courier.round()

        world.web.on_alert = through
        assert world.trial().run("ntfy").data["arrived"] == ["ntfy"]
        assert not world.mail.received

    def test_what_did_not_arrive_is_named(self) -> None:
        world = World(alerts.config(ntfy=alerts.ALL["ntfy"]))
        with pytest.raises(OperationFailed, match="ntfy: nothing arrived within a minute"):
            world.trial().run("")

    def test_without_alertmanager_it_goes_past_it_and_says_so(self) -> None:
        world = World()
        world.web.status[BASE] = NoAnswer("connection refused")
        result = world.trial().run("")
        assert not result.data["through_alertmanager"]
        assert len(result.data["arrived"]) == 7
        world.web.status[NTFY] = 401
        with pytest.raises(OperationFailed, match=r"1 of 7 receivers .*ntfy: answered 401"):
            world.trial().run("")

    def test_the_end_of_a_test_is_no_news(self) -> None:
        world = World()
        assert world.desk.take(posted(alert("AlertTest", status="resolved")), BEARER) == ACCEPTED
        assert not world.spool.kept

    def test_nothing_to_test_is_refused(self) -> None:
        world = World(alerts.config(ntfy=alerts.ALL["ntfy"]))
        with pytest.raises(Refused, match="matrix"):
            world.trial().run("matrix")
        with pytest.raises(Refused, match="no receiver"):
            World(alerts.config(heartbeat_url=BEAT)).trial().run("")


class TestSilences:
    def test_a_silence_has_an_end_a_person_and_a_reason(self) -> None:
        world = World()
        world.silencing().silence("WebDown", 7200, "new disk")
        (made,) = alertmanager.silences_of(world.web.ask(alertmanager.list_silences(BASE)))
        assert (made.names, made.who, made.why) == (("WebDown",), "ada", "new disk")
        assert made.until - made.since == 7200
        assert made.since == world.clock.epoch_seconds()
        assert world.journal.written[-1]["alert"] == "WebDown"

    def test_said_again_it_is_changed_and_not_doubled_and_it_can_be_ended(self) -> None:
        world = World()
        world.silencing().silence("WebDown", 7200, "new disk")
        world.silencing().silence("WebDown", 60, "done soon")
        assert len(world.web.silences) == 1
        assert world.silencing().end("WebDown").status.value == "changed"
        assert world.silencing().end("WebDown").status.value == "unchanged"

    def test_an_alert_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(Refused, match="WebDwon"):
            World().silencing().silence("WebDwon", 60, "typo")

    def test_a_deploy_silences_what_it_causes_with_an_end_and_shortens_it_when_done(self) -> None:
        world = World()
        with world.silencing().planned("deploy"):
            (made,) = world.web.silences.values()
            value = made["matchers"][0]["value"]
            assert set(value.split("|")) == set(planned(world.config))
            assert "DiskAlmostFull" not in value
            before = made["endsAt"]
        (made,) = world.web.silences.values()
        assert made["endsAt"] < before

    def test_without_alertmanager_a_deploy_goes_on(self) -> None:
        world = World()
        world.web.status[BASE] = NoAnswer("connection refused")
        with world.silencing().planned("deploy"):
            world.silencing().maintenance(on=True)
        with World(alerts.config(monitoring=False)).silencing().planned("deploy"):
            pass

    def test_maintenance_is_silent_until_it_is_off(self) -> None:
        world = World()
        world.silencing().maintenance(on=True)
        world.silencing().maintenance(on=True)
        assert len(world.web.silences) == 1
        before = world.web.silences["id-0"]["endsAt"]
        world.silencing().maintenance(on=False)
        assert world.web.silences["id-0"]["endsAt"] < before

    def test_the_list_shows_what_fires_and_what_is_silent(self) -> None:
        world = World()
        fires = alert() | {"status": {"state": "active", "silencedBy": [], "inhibitedBy": ["x"]}}
        watchdog = alert("Watchdog", "heartbeat") | {"status": {}}
        world.web.active = [fires, watchdog]
        world.silencing().silence("WebDown", 7200, "new disk")
        world.spool.accept("x", b"", ("ntfy",), 0.0)
        shown = world.silencing().show()
        assert [one["name"] for one in shown.data["alerts"]] == ["WebDown"]
        assert "(explained by another)" in shown.lines[0]
        assert "by ada: new disk" in shown.lines[1]
        assert shown.lines[2] == "1 messages wait for ntfy"

    def test_who_has_no_alertmanager_is_told_how_to_get_one(self) -> None:
        with pytest.raises(Refused, match="nothing evaluates"):
            World(alerts.config(monitoring=False)).silencing().show()
        world = World()
        world.web.status[BASE] = NoAnswer("connection refused")
        with pytest.raises(OperationFailed, match="connection refused"):
            world.silencing().show()


def test_every_alert_says_what_to_do() -> None:
    config = alerts.config()
    names = {one.name for one in catalogue(config)}
    for one in catalogue(config):
        assert one.summary, one.name
        assert one.impact.endswith("."), one.name
        assert one.command, one.name
        assert {*one.inhibited_by, *one.overtaken_by} <= names - {one.name}, one.name
        assert bool(one.overtaken_by) == bool(one.same), one.name
