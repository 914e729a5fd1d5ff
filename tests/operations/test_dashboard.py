"""The dashboard's pages: every value is a reading, and what nobody knows is said to be unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.monitoring import catalogue
from instancectl.core.monitoring.metric import Distribution, Sample
from instancectl.core.monitoring.overview import Decision, Firing, State
from instancectl.core.monitoring.overview_html import page
from instancectl.core.monitoring.overview_json import as_json, sections_of
from instancectl.core.monitoring.overview_stores import slo
from instancectl.core.monitoring.panels import PAGES, PANELS, Feed, Shape
from instancectl.core.monitoring.sli import AVAILABILITY, Counts
from instancectl.core.sizes import QUEUES
from instancectl.operations import monitoring
from instancectl.operations.monitoring.dashboard import Served
from tests.operations.looked_at import LookedAt
from tests.operations.test_monitoring import FakeServer, around
from tests.operations.watched import CONFIG, Watched

SLUGS = [one.slug for one in PAGES]


def told(world: LookedAt, slug: str) -> str:
    return world.dashboard.section(slug).sentence


def tables(world: LookedAt, slug: str) -> dict[str, Any]:
    return {one.title: one for one in world.dashboard.section(slug).tables}


# ---- values


@pytest.mark.parametrize("slug", SLUGS)
def test_every_value_shown_is_the_reading(slug: str) -> None:
    world = LookedAt()
    world.world.redis.push("push", {"class": "X", "enqueued_at": int((world.now - 400) * 1000)})
    world.look()
    facts = world.dashboard.facts()
    read = {(one.metric.name, one.labels): one.value for one in facts.samples
            if not isinstance(one.value, Distribution)}  # fmt: skip
    section = world.dashboard.section(slug)
    cells = [figure.cell for figure in section.figures]
    cells += [cell for table in section.tables for row in table.rows for cell in row]
    sourced = [cell for cell in cells if cell.metric]
    for cell in sourced:
        assert cell.value == read.get((cell.metric, cell.labels)), cell
    assert sourced or slug in {"backups", "slo"}


@pytest.mark.parametrize("slug", SLUGS)
def test_before_the_first_reading_every_page_says_so_in_a_sentence(slug: str) -> None:
    section = LookedAt().dashboard.section(slug)
    assert section.sentence
    assert section.state in {State.UNKNOWN, State.PLAIN}
    assert all(table.rows or table.empty for table in section.tables if slug != "queues")


def test_the_pages_of_a_well_instance() -> None:
    world = LookedAt().look()
    assert told(world, "now") == "all is well"
    assert told(world, "queues") == "no job waits longer than it may; 0 wait in all"
    assert told(world, "data") == "databases and disk are well"
    assert told(world, "slo").startswith("100.000 % up since 2026-11-22, when counting began")


def test_uptime_of_what_was_hardly_measured_is_no_good_news() -> None:
    facts = LookedAt().look().dashboard.facts()
    for unknown, state in ((1, State.GOOD), (9, State.WARN)):
        days = {AVAILABILITY: {facts.today: Counts(good=91, bad=0, unknown=unknown)}}
        assert slo(replace(facts, days=days)).state is state


def test_one_late_queue_is_named_and_people_still_get_in() -> None:
    world = LookedAt()
    world.world.redis.push("push", {"class": "X", "enqueued_at": int((world.now - 400) * 1000)})
    world.look()
    now = world.dashboard.section("now")
    assert now.state is State.WARN
    assert now.sentence == (
        "people get in, but: queue_push: the oldest job waited 6 min 40 s, 5 min are allowed"
    )
    assert told(world, "queues") == (
        "jobs wait longer than they may: push 6 min 40 s (may 5 min); 1 wait in all; "
        "`instancectl runbook QueueLatencyHigh`"
    )


def test_a_dead_database_is_bad_and_everything_else_is_still_shown() -> None:
    world = LookedAt().look()
    world.world.database.unreachable = True
    world.later().look()
    assert world.dashboard.section("now").state is not State.GOOD
    figures = {one.label: one.cell for one in world.dashboard.section("data").figures}
    assert (figures["PostgreSQL"].text, figures["PostgreSQL"].state) == ("down", State.BAD)
    assert figures["Redis"].state is State.GOOD
    assert told(world, "data") == "PostgreSQL: down; `instancectl runbook DatabaseDown`"


def test_a_redis_that_does_not_answer_leaves_no_queue_at_zero() -> None:
    world = LookedAt().look()
    world.world.redis.unreachable = True
    world.later().look()
    section = world.dashboard.section("queues")
    assert section.state is State.UNKNOWN
    assert not section.tables


def test_a_queue_nobody_takes_from_is_red() -> None:
    world = LookedAt()
    world.world.redis.sets.clear()
    world.world.redis.beat("sidekiq10000:1:x", queues=[name for name in QUEUES if name != "mailers"])
    world.look()
    rows = {row[0].text: row for row in tables(world, "queues")["Queues"].rows}
    assert rows["mailers"][4].state is State.BAD
    assert rows["push"][4].state is State.PLAIN


def test_before_the_first_deploy_nothing_is_down() -> None:
    world = LookedAt(world=Watched(once_deployed=False))
    world.world.database.unreachable = world.world.redis.unreachable = True
    world.look()
    for slug in ("now", "data"):
        section = world.dashboard.section(slug)
        assert (section.state, section.sentence) == (State.UNKNOWN, "nothing is deployed yet")


def test_an_old_verdict_is_none() -> None:
    world = LookedAt().look().later(300)
    now = world.dashboard.section("now")
    assert (now.state, now.sentence) == (State.UNKNOWN, "the last look was 5 min ago")
    assert {row[1].text for row in tables(world, "now")["Surfaces"].rows} == {"unknown"}


def test_alerts_lead_to_their_runbook_and_to_silence() -> None:
    world = LookedAt(alerts=(Firing("DatabaseDown", "page", "PostgreSQL is down", 5.0, "database-down"),))
    row = tables(world.look(), "now")["Alerts"].rows[0]
    assert row[0].runbook == "database-down"
    assert (row[4].text, row[4].link) == ("silence it", "/silences/DatabaseDown")


def test_a_running_silence_is_shown_while_it_runs() -> None:
    mine = Silence("1", ("DatabaseDown",), 0.0, 3600.0, "Ada", "new disk")
    deploys = Silence(
        "2", ("WebDown", "StreamingDown", "SidekiqDown", "CacheDown"), 0.0, 60.0, "root", "deploy"
    )
    world = LookedAt(silences=(deploys, mine)).look()
    rows = [[cell.text for cell in row] for row in tables(world, "now")["Silences"].rows]
    assert [row[0] for row in rows] == ["4 alerts", "DatabaseDown"]
    assert rows[1][2:4] == ["Ada", "new disk"]
    assert "Silences" not in tables(LookedAt(silences=()).look(), "now")


def test_without_anything_that_evaluates_alerts_the_page_says_why() -> None:
    assert tables(LookedAt().look(), "now")["Alerts"].empty == "nothing evaluates alerts here"


def test_nobody_who_opens_a_page_waits_for_who_evaluates_alerts() -> None:
    world = LookedAt().look()

    def hangs() -> None:
        raise AssertionError("asked while a page was made")

    world.dashboard._sources = replace(world.dashboard._sources, alerts=hangs, decisions=hangs)
    assert tables(world, "now")["Alerts"].empty == "nothing evaluates alerts here"


def test_decisions_are_told_newest_first() -> None:
    world = LookedAt(decisions=(Decision(20.0, "one more sidekiq-push"), Decision(10.0, "nothing to do")))
    assert told(world.look(), "scaling").endswith("ago: one more sidekiq-push")
    assert len(tables(world, "scaling")["Decisions, newest first"].rows) == 2


# ---- jobs' arguments, and other people's text


def test_what_a_job_carries_is_nowhere() -> None:
    world = LookedAt()
    secret = "confirmation-token-of-somebody"
    world.world.redis.push("mailers", {"class": "X", "args": [secret], "enqueued_at": int(world.now * 1000)})
    world.look()
    facts = world.dashboard.facts()
    sections = [world.dashboard.section(slug, facts) for slug in SLUGS]
    assert secret not in json.dumps(as_json(facts, sections))
    assert not [one for one in PAGES if secret in page(facts, world.dashboard.section(one.slug), one.panels)]


def test_text_from_elsewhere_is_text() -> None:
    evil = '<script>alert("x")</script>'
    world = LookedAt(alerts=(Firing(evil, "page", evil, 5.0, ""),)).look()
    made = page(world.dashboard.facts(), world.dashboard.section("now"), ())
    assert evil not in made
    assert "&lt;script&gt;alert(" in made


def test_the_document_of_all_pages_reads_back() -> None:
    world = LookedAt().look()
    facts = world.dashboard.facts()
    sections = [world.dashboard.section(slug, facts) for slug in SLUGS]
    back = sections_of(json.loads(json.dumps(as_json(facts, sections))))
    assert [(one.slug, one.figures, one.tables) for one in back] == [
        (one.slug, one.figures, one.tables) for one in sections
    ]


# ---- history


def test_what_is_read_is_in_the_charts() -> None:
    world = LookedAt().look()
    lines = world.dashboard.series("connections", "1h")["lines"]
    assert {one["name"]: one["values"][-1] for one in lines} == {"open": 9.0, "limit": 200.0}


def test_a_chart_nobody_knows_is_none() -> None:
    assert LookedAt().dashboard.series("made-up", "1h") is None
    assert LookedAt().dashboard.series("latency", "1y") is None


def test_every_panel_charts_metrics_of_the_catalogue() -> None:
    known = {metric.name: metric for metric in catalogue.CATALOGUE}
    for panel in PANELS.values():
        for lines in panel.lines:
            metric = known[lines.metric.name]
            assert not lines.by or lines.by in metric.labels
            assert (metric.kind.value == "gauge") == (lines.shape is Shape.VALUE)


def test_a_counter_becomes_a_rate_and_its_restart_no_cliff() -> None:
    from instancectl.core.monitoring.catalogue_sidekiq import QUEUE_PROCESSED

    feed = Feed()
    key = (QUEUE_PROCESSED.name, "push")

    def points(at: float, value: float) -> dict[Any, float]:
        return feed.points(at, [Sample(QUEUE_PROCESSED, value, ("push",))])

    assert key not in points(0, 100)
    assert points(60, 160)[key] == 1.0
    assert key not in points(75, 5)
    assert points(90, 35)[key] == 2.0


def test_a_full_disk_keeps_the_pages_and_is_said_once() -> None:
    world = LookedAt()
    world.ring.broken = True

    class Enough(Exception):
        pass

    def sleep(_: float, rounds: list[int] = [0]) -> None:  # noqa: B006
        rounds[0] += 1
        if rounds[0] > 3:
            raise Enough

    world.world.clock.sleep = sleep
    world.agent.probe()
    with pytest.raises(Enough):
        world.dashboard.read_for_ever()
    assert world.reporter.notes == [
        "the dashboard has no new reading: cannot use the history of readings: disk full"
    ]
    assert told(world, "now") == "all is well"


@pytest.mark.parametrize("comes", [True, False])
def test_the_first_reading_waits_for_the_first_look_but_not_for_ever(comes: bool) -> None:
    world = LookedAt()
    clock = world.world.clock

    class Enough(Exception):
        pass

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if world.dashboard.facts().read_at is not None:
            raise Enough
        if comes and clock.now >= 2:
            world.agent.probe()

    clock.sleep = sleep
    with pytest.raises(Enough):
        world.dashboard.read_for_ever()
    seen = {sample.metric.name for sample in world.dashboard.facts().samples}
    assert ("instancectl_container_up" in seen) == comes
    assert clock.now <= 31


def test_what_runs_beside_the_agent_begins_with_it_and_ends_with_it() -> None:
    world, server, begun = LookedAt(), FakeServer(), []
    beside = Served(world.dashboard, server, begun.append)
    monitoring.run(CONFIG, around(world.world, beside=lambda _: (beside,)))
    assert server.events == ["start", "close"]
    assert begun == [world.dashboard.read_for_ever]
