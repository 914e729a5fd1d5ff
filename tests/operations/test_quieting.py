"""Silences from the dashboard: the operation of the command, in the name of whoever typed theirs."""

from __future__ import annotations

import pytest

from instancectl.core.checks.seen import NoAnswer
from instancectl.core.monitoring.overview_html import page
from tests.fakes import alerts
from tests.operations.quieted import FORM, TOKEN, Quieted
from tests.operations.test_alerting import BASE, World


def now_page(world: Quieted) -> str:
    made = world.looked.dashboard
    return page(made.facts(), made.section("now"), ())


def running(world: Quieted) -> list[tuple[tuple[str, ...], str, str]]:
    return [(one.names, one.who, one.why) for one in world.silencing("").running()]


def test_what_the_form_says_is_silenced_journalled_and_shown_at_once() -> None:
    world = Quieted().fires("DatabaseDown")
    assert 'href="/silences/DatabaseDown">silence it' in now_page(world)
    reply = world.desk.take("DatabaseDown", FORM)
    assert (reply.status, reply.location, reply.page) == (303, "/silences/DatabaseDown", "")
    assert running(world) == [(("DatabaseDown",), "Ada", "new disk")]
    (entry,) = world.alerting.journal.written
    assert (entry["event"], entry["alert"], entry["seconds"], entry["by"], entry["why"]) == (
        "silence", "DatabaseDown", 14400, "Ada", "new disk"
    )  # fmt: skip
    shown = world.desk.show("DatabaseDown")
    assert shown.status == 200
    assert "nobody is told about DatabaseDown until" in shown.page
    assert "for 4 h more" in shown.page
    assert "Change the silence" in shown.page
    assert "new disk" in now_page(world)


def test_it_is_changed_and_not_doubled_by_page_or_command() -> None:
    world = Quieted().fires("DatabaseDown")
    world.desk.take("DatabaseDown", FORM)
    world.desk.take("DatabaseDown", {**FORM, "lasts": "1h"})
    world.silencing("root").silence("DatabaseDown", 600, "by command")
    assert len(world.alerting.web.silences) == 1


def test_it_is_ended_from_its_page() -> None:
    world = Quieted().fires("DatabaseDown")
    world.desk.take("DatabaseDown", FORM)
    (one,) = world.silencing("").running()
    fields = {"token": TOKEN, "id": one.id, "alert": "DatabaseDown"}
    assert world.desk.end(fields).location == "/silences/DatabaseDown"
    assert not running(world)
    assert world.alerting.journal.written[-1] == {
        "event": "silence-ended", "alert": "DatabaseDown", "by": "dashboard"
    }  # fmt: skip
    assert "people are told about DatabaseDown" in world.desk.show("DatabaseDown").page
    assert "new disk" not in now_page(world)
    assert world.desk.end(fields).status == 303  # sent twice it is still ended
    assert len(world.alerting.journal.written) == 2


def test_silences_of_a_deploy_are_listed_and_can_be_ended() -> None:
    world = Quieted()
    with world.silencing("root").planned("deploy"):
        listed = world.desk.show().page
        assert "1 silence at work" in listed
        assert "deploy" in listed
        assert "nobody is told about WebDown" in world.desk.show("WebDown").page
        assert "Silence it" in world.desk.show("WebDown").page
        (one,) = world.silencing("").running()
        assert world.desk.end({"token": TOKEN, "id": one.id}).location == "/silences"
        assert not running(world)


@pytest.mark.parametrize("token", ["", "other", "tökén"])
def test_without_the_token_of_the_page_nothing_is_changed_and_nothing_typed_is_lost(token: str) -> None:
    world = Quieted().fires("DatabaseDown")
    reply = world.desk.take("DatabaseDown", {**FORM, "token": token})
    assert reply.status == 403
    assert not running(world)
    assert not world.alerting.journal.written
    assert "Nothing was changed: this page was older than the agent" in reply.page
    assert 'value="new disk"' in reply.page
    assert f'value="{TOKEN}"' in reply.page
    world.desk.take("DatabaseDown", FORM)
    (one,) = world.silencing("").running()
    assert world.desk.end({"token": token, "id": one.id}).status == 403
    assert len(running(world)) == 1


def test_what_is_missing_is_said_beside_what_was_typed() -> None:
    reply = Quieted().desk.take("DatabaseDown", {**FORM, "why": " ", "lasts": "other", "until": "3h"})
    assert reply.status == 400
    assert "say why" in reply.page
    assert 'value="3h"' in reply.page
    assert 'value="other" checked' in reply.page


@pytest.mark.parametrize("name", ["Nothing", "databasedown", "<b>", ".*"])
def test_an_alert_that_does_not_exist_has_no_page(name: str) -> None:
    world = Quieted()
    assert world.desk.show(name).status == world.desk.take(name, FORM).status == 404
    assert not world.alerting.web.silences


def test_when_alertmanager_is_down_the_page_says_so_and_offers_nothing() -> None:
    world = Quieted().fires("DatabaseDown")
    world.desk.take("DatabaseDown", FORM)
    (one,) = world.silencing("").running()
    world.alerting.web.status[BASE] = NoAnswer("connection refused")
    for reply in (
        world.desk.show("DatabaseDown"),
        world.desk.take("DatabaseDown", FORM),
        world.desk.end({"token": TOKEN, "id": one.id, "alert": "DatabaseDown"}),
    ):
        assert reply.status == 503
        assert "Alertmanager does not answer: connection refused" in reply.page
        assert "nobody knows what is silenced" in reply.page
        assert "instancectl status" in reply.page
        assert "<form" not in reply.page
    assert len(world.alerting.journal.written) == 1


def test_where_nothing_evaluates_alerts_the_page_says_how_to_change_that() -> None:
    world = Quieted(World(alerts.config(monitoring=False)))
    reply = world.desk.show("DatabaseDown")
    assert reply.status == 503
    assert "enabled = true" in reply.page


def test_text_from_elsewhere_is_text() -> None:
    world = Quieted().fires("DatabaseDown")
    evil = '"><script>alert(1)</script>'
    world.desk.take("DatabaseDown", {**FORM, "who": evil, "why": evil})
    wrong = world.desk.take("DatabaseDown", {**FORM, "why": evil, "lasts": evil})
    assert wrong.status == 400
    for made in (wrong.page, world.desk.show().page, now_page(world)):
        assert "<script>alert" not in made
