"""The first sentence of each page: what is wrong, what to type, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.monitoring import catalogue_scaling as autoscaler
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring import postgres
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.overview import Decision, Facts, Firing, Reading, Section, State, aged
from instancectl.core.monitoring.overview_html import page, strip_words
from instancectl.core.monitoring.overview_stores import data, slo
from instancectl.core.monitoring.overview_upkeep import scaling
from instancectl.core.monitoring.panels import PAGES
from instancectl.core.monitoring.sli import AVAILABILITY, Counts
from tests.operations.looked_at import RUNBOOKS, LookedAt

GIB = 1024**3


def late(world: LookedAt, queue: str, seconds: int) -> LookedAt:
    world.world.redis.push(queue, {"class": "X", "enqueued_at": int((world.now - seconds) * 1000)})
    return world


def section(world: LookedAt, slug: str) -> Section:
    return world.look().dashboard.section(slug)


# ---- queues


def test_queues_that_nobody_works_on_are_bad_before_a_job_is_late() -> None:
    world = LookedAt()
    world.world.redis.sets.clear()
    for slug in ("queues", "mail"):
        found = section(world, slug)
        assert found.state is State.BAD, slug
        assert "`instancectl runbook QueueUnattended`" in found.sentence
    assert section(world, "queues").sentence.startswith("no process takes jobs from any queue; 0 wait in all")


def test_the_queue_that_is_furthest_over_its_limit_comes_first() -> None:
    world = late(late(late(LookedAt(), "push", 400), "mailers", 4000), "default", 70)
    found = section(world, "queues")
    assert found.sentence.startswith(
        "jobs wait longer than they may: mailers 1 h 6 min (may 2 min), push 6 min 40 s (may 5 min), "
        "default 1 min 10 s (may 1 min); 3 wait in all"
    )
    assert [row[0].text for row in found.tables[0].rows][:4] == ["mailers", "push", "default", "ingress"]
    figures = {one.label: one for one in section(world, "now").figures}
    assert figures["Worst wait of a job"].note == "in the queue mailers, which may wait 2 min"


# ---- mail


def test_mails_that_are_stuck_are_bad_although_the_mail_server_is_well() -> None:
    found = section(late(LookedAt(), "mailers", 5000), "mail")
    assert found.state is State.BAD
    assert found.sentence == (
        "mails wait: 1, the oldest for 1 h 23 min, 2 min are allowed; `instancectl runbook MailersStuck`"
    )
    assert (found.figures[0].label, found.figures[0].cell.state) == ("Mails that wait", State.BAD)


def test_posts_that_are_late_are_no_good_delivery() -> None:
    found = section(late(LookedAt(), "push", 400), "mail")
    assert found.state is State.WARN
    assert "push 6 min 40 s (may 5 min)" in found.sentence


def test_one_trouble_with_mail_has_one_runbook() -> None:
    world = late(LookedAt(), "mailers", 5000)
    world.world.mail.reachable = False
    world.world.database.rows[postgres.PEOPLE] += [("signups", "unconfirmed", "600")]
    found = section(world, "mail").sentence
    assert found.startswith("the mail server failed at connect: Connection refused; mails wait: 1, ")
    assert found.endswith("; `instancectl runbook MailServerDown`")
    assert found.count("runbook") == 1


@pytest.mark.parametrize(("dead", "said"), [("redis", "Redis was not read"), ("database", "PostgreSQL was")])
def test_mail_is_not_well_when_nobody_knows_who_waits(dead: str, said: str) -> None:
    world = LookedAt()
    getattr(world.world, dead).unreachable = True
    found = section(world, "mail")
    assert found.state is State.UNKNOWN
    assert said in found.sentence


def test_an_old_talk_with_the_mail_server_says_nothing() -> None:
    world = LookedAt().look()
    world.later(300).dashboard.read()
    found = world.dashboard.section("mail")
    assert found.state is not State.GOOD
    assert "nobody has looked at the mail server lately" in found.sentence


# ---- data


def sample_facts(*samples: Sample) -> tuple[Facts, Reading]:
    facts = Facts("social.example", 1e9, 1e9, samples)
    return facts, Reading(samples)


@pytest.mark.parametrize(("seconds", "state"), [(7200.0, State.GOOD), (15000.0, State.WARN)])
def test_a_dump_of_hours_is_no_transaction_to_look_at(seconds: float, state: State) -> None:
    facts, reading = sample_facts(Sample(stores.DB_LONGEST, seconds))
    figures = {one.label: one.cell for one in data(facts, reading).figures}
    assert figures["Oldest transaction"].state is state
    limits = facts.limits.model_copy(update={"transaction_hours": 1})
    figures = {one.label: one.cell for one in data(replace(facts, limits=limits), reading).figures}
    assert figures["Oldest transaction"].state is State.WARN


def test_what_is_near_its_limit_is_named_with_its_value_and_its_runbook() -> None:
    facts, reading = sample_facts(
        Sample(stores.DB_UP, 1), Sample(stores.DB_CONNECTIONS, 190), Sample(stores.DB_MAX_CONNECTIONS, 200),
        Sample(stores.REDIS_MEMORY, 9 * GIB), Sample(stores.REDIS_LIMIT, 10 * GIB),
    )  # fmt: skip
    found = data(facts, reading)
    assert found.sentence == (
        "Connections: 190 of 200; Memory of Redis: 9 GiB of 10 GiB; "
        "`instancectl runbook DatabaseConnectionsHigh`"
    )


def test_a_disk_that_is_full_within_hours_is_red_however_much_is_free() -> None:
    facts, reading = sample_facts(
        Sample(stores.DISK_FREE, 40 * GIB, ("docker",)), Sample(stores.DISK_TOTAL, 100 * GIB, ("docker",)),
        Sample(stores.DISK_FULL, 1e9 + 3600, ("docker",)),
    )  # fmt: skip
    free = data(facts, reading).figures[-1]
    assert (free.cell.state, free.note) == (State.BAD, "of 100 GiB; full in 1 h if it goes on like this")


def test_what_was_not_read_claims_no_limit_and_no_forecast() -> None:
    notes = {one.label: one.note for one in data(*sample_facts()).figures}
    assert notes["Memory of Redis"] == "the limit is not known"
    assert notes["Free disk"] == "no disk was measured"


# ---- scaling


def test_scaling_says_who_waits_first_and_how_old_its_newest_decision_is() -> None:
    samples = (Sample(autoscaler.PRESSURE, 0.1, ("default",)), Sample(autoscaler.PRESSURE, 62.4, ("push",)))
    facts, reading = sample_facts(*samples)
    found = scaling(replace(facts, decisions=(Decision(1e9 - 7200, "one process more"),)), reading)
    assert found.state is State.WARN
    assert found.sentence == (
        "waits longer than allowed: push 62.4 times; `instancectl scale explain`; "
        "the newest decision, 2 h ago: one process more"
    )
    pressure = next(one for one in found.tables if one.title.startswith("Wait"))
    assert [row[1].text for row in pressure.rows] == ["6\u202f240 %", "10 %"]


def test_nobody_claims_that_everything_keeps_up_unless_it_was_sampled() -> None:
    facts, reading = sample_facts()
    found = scaling(replace(facts, decisions=()), reading)
    assert (found.state, found.sentence) == (State.PLAIN, "nothing was decided yet")


def test_an_autoscaler_that_judges_no_more_is_unknown() -> None:
    facts, reading = sample_facts(Sample(autoscaler.LAST_RUN, 1e9 - 600))
    found = scaling(replace(facts, decisions=()), reading)
    assert found.state is State.UNKNOWN
    assert found.sentence.startswith("nothing was judged for 10 min")


# ---- what is old, what began late


@pytest.mark.parametrize("slug", ["queues", "mail", "data", "backups", "scaling"])
def test_what_was_read_long_ago_is_not_shown_as_now(slug: str) -> None:
    world = LookedAt().look()
    facts = world.dashboard.facts()
    found = aged(world.dashboard.section(slug), replace(facts, now=facts.now + 600))
    assert found.state is State.UNKNOWN
    assert found.sentence.startswith("read 10 min ago, so nobody knows how it is now")
    cells = [one.cell for one in found.figures]
    cells += [cell for table in found.tables for row in table.rows for cell in row]
    assert State.GOOD not in {cell.state for cell in cells}
    fresh = LookedAt().dashboard.section(slug)
    assert (fresh.sentence, fresh.figures) == ("nothing was read yet: the agent has just started", ())


def test_uptime_says_since_when_it_counts_and_a_used_up_budget_first() -> None:
    facts = LookedAt().look().dashboard.facts()
    days = {AVAILABILITY: {facts.today: Counts(good=5000, bad=100, unknown=0)}}
    found = slo(replace(facts, days=days))
    assert found.state is State.BAD
    assert found.sentence == (
        "the error budget is used up: 25 min bad, 1 min 17 s are allowed; 98.039 % up since 2026-11-22, "
        "when counting began, 100.0 % of that time was measured; `instancectl runbook ErrorBudgetExhausted`"
    )
    assert strip_words(found.strips[0]) == "98.03 % up, 100 % measured since 2026-11-22"


def test_what_nobody_saw_comes_before_what_is_well() -> None:
    world = LookedAt()
    world.world.stack.engine_down = world.world.redis.unreachable = True
    found = section(world, "now")
    assert found.state is State.UNKNOWN
    assert found.sentence.startswith("not seen: web, login, federation")
    assert found.sentence.endswith("; what was seen is well")


# ---- as HTML


def test_what_is_to_be_typed_is_code_and_leads_to_the_runbook() -> None:
    world = late(LookedAt(), "mailers", 5000)
    made = page(world.look().dashboard.facts(), world.dashboard.section("mail"), ())
    assert '<a href="/runbooks/mailers-stuck"><code>instancectl runbook MailersStuck</code></a>' in made


def test_what_fires_stands_above_all_figures() -> None:
    world = LookedAt(alerts=(Firing("DatabaseDown", "page", "PostgreSQL is down", 5.0, "database-down"),))
    made = page(world.look().dashboard.facts(), world.dashboard.section("now"), ())
    assert made.index("DatabaseDown") < made.index('class="figures"') < made.index("Surfaces")
    assert made.count("DatabaseDown</a>") == 1


def test_every_runbook_that_a_sentence_names_is_there() -> None:
    from instancectl.core.monitoring.alert import runbook_of
    from instancectl.core.monitoring.overview_stores import RUNBOOKS as NAMED

    named = {*NAMED.values(), "MailServerDown", "MailersStuck", "QueueUnattended", "QueueLatencyHigh",
             "SignupConfirmationsLow", "ErrorBudgetExhausted"}  # fmt: skip
    assert not [one for one in named if not (RUNBOOKS / f"{runbook_of(one)}.md").is_file()]


def test_tables_that_are_wide_are_cards_on_a_phone() -> None:
    world = LookedAt(
        decisions=(Decision(1.0, "a decision that is longer than a phone is wide, as they are"),)
    )
    world.look()
    facts = world.dashboard.facts()
    for one in PAGES:
        found = world.dashboard.section(one.slug, facts)
        made = page(facts, found, ())
        wide = [table for table in found.tables if table.rows and len(table.columns) >= 4]
        assert made.count('<table class="cards">') >= len(wide), one.slug
    decided = page(facts, world.dashboard.section("scaling"), ())
    assert 'class="long" data-column="Decision"' in decided
