"""Single situations: what is decided, and in which words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import (
    DatabaseSample,
    HostSample,
    MailSample,
    QueueSample,
    ServiceSample,
    WebSample,
)
from instancectl.core.scaling.state import LadderState, MailState, State
from instancectl.core.unknown import Unknown
from tests.unit.core.scaling.situations import (
    GB,
    START,
    changes,
    reference_layout,
    reference_policy,
    sample,
    settled,
)

FULL = {
    "queues": {"push": QueueSample(9000, 60.0, 25, 1000)},
    "services": {"push": ServiceSample(1, busy=25, cores=0.7)},
}


def only(decisions: tuple[Decision, ...], kind: Kind) -> list[Decision]:
    return [one for one in decisions if one.kind is kind]


def test_a_late_queue_gets_processes_and_the_sentence_has_the_numbers() -> None:
    state, decisions = decide(reference_policy(), settled(reference_policy()), sample(**FULL))
    (one,) = changes(decisions, "sidekiq-push")
    assert (one.before, one.target, one.rule) == (1, 3, "latency")
    assert "> 30 s" in one.reason
    assert "jobs/s needed" in one.reason
    assert state.service("sidekiq-push").out_at == START


def test_processes_that_start_count_as_if_they_worked() -> None:
    starting = {"push": ServiceSample(1, starting=5, busy=25, cores=0.7)}
    _, decisions = decide(
        reference_policy(), settled(reference_policy()), sample(queues=FULL["queues"], services=starting)
    )
    assert not changes(decisions, "sidekiq-push")


def test_without_connections_nothing_grows_and_the_arithmetic_is_shown() -> None:
    policy = reference_policy(layout=reference_layout(120))
    _, decisions = decide(policy, settled(policy), sample(**FULL))
    assert not [one for one in changes(decisions, "sidekiq-push") if one.target > one.before]
    hold = next(one for one in only(decisions, Kind.HOLD) if one.subject == "sidekiq-push")
    assert "> 120" in hold.reason
    assert "sidekiq-push 50" in hold.reason


def test_a_standing_hold_is_told_once() -> None:
    policy = reference_policy(layout=reference_layout(120))
    state, first = decide(policy, settled(policy), sample(**FULL))
    state, second = decide(policy, state, sample(START + 10, **FULL))
    assert [one for one in first if one.kind is Kind.HOLD and one.rule == "connections"]
    assert not [one for one in second if one.kind is Kind.HOLD and one.rule == "connections"]


def test_without_memory_nothing_grows() -> None:
    hosts = (HostSample("host", 6, 0.5, 12 * GB, GB),)
    _, decisions = decide(reference_policy(), settled(reference_policy()), sample(hosts=hosts, **FULL))
    hold = next(one for one in only(decisions, Kind.HOLD) if one.subject == "sidekiq-push")
    assert hold.rule == "memory"
    assert "MiB free" in hold.reason


def test_clients_that_wait_in_pgbouncer_hold_growth() -> None:
    _, decisions = decide(
        reference_policy(),
        settled(reference_policy()),
        sample(database=DatabaseSample(1000, 60, waiting=3), **FULL),
    )
    assert any("wait in PgBouncer" in one.reason for one in only(decisions, Kind.HOLD))


def test_one_dead_remote_buys_nothing_and_is_named() -> None:
    policy, state = reference_policy(), settled(reference_policy())
    held = {"push": QueueSample(3000, 60.0, 25, 1000, {"dead.example": 20})}
    every: tuple[Decision, ...] = ()
    for tick in range(6):
        state, decisions = decide(
            policy, state, sample(START + 10 * tick, queues=held, services=FULL["services"])
        )
        if tick >= 2:
            every += decisions
    assert not changes(every, "sidekiq-push")
    assert any("20 of 25 threads wait for dead.example" in one.reason for one in every)


def test_requests_that_wait_get_puma_processes_at_once() -> None:
    web = WebSample(2, 0, 10.0, 0.5, 2.0)
    _, decisions = decide(reference_policy(), settled(reference_policy()), sample(web=web))
    (one,) = changes(decisions, "web")
    assert (one.kind, one.target) == (Kind.PROCESSES, 4)
    assert "requests wait 500 ms, 50 ms is the most" in one.reason


def test_an_idle_service_shrinks_slowly() -> None:
    crew = {"default": ServiceSample(5, busy=1, cores=0.1)}
    policy = reference_policy()
    state = settled(policy, services=crew)
    targets = []
    for tick in range(60):
        state, decisions = decide(policy, state, sample(START + 10 * tick, services=crew))
        targets += [(10 * tick, one.target) for one in changes(decisions, "sidekiq-default")]
    assert targets[0][1] == 2
    assert all(later - earlier >= 120 for (earlier, _), (later, _) in pairwise(targets))


def test_what_is_sure_to_be_late_gets_all_it_needs_at_once() -> None:
    roomy = reference_policy(layout=reference_layout(1000))
    crew = {"push": ServiceSample(1, busy=25, cores=0.8)}
    targets = []
    for size in (6_000, 60_000):
        flood = {"push": QueueSample(size, 30.0, 25, 1000)}
        _, decisions = decide(roomy, settled(roomy), sample(queues=flood, services=crew))
        targets += [one.target for one in changes(decisions, "sidekiq-push")]
    assert targets[0] == 3
    assert targets[1] > 3


def test_a_service_that_shrank_in_vain_keeps_for_longer_what_it_has_while_it_is_used() -> None:
    policy = reference_policy()
    for busy, shrinks_at in ((33, 1200), (2, 300)):
        crew = {"push": ServiceSample(3, busy=busy)}
        state = settled(policy, services=crew)
        vain = replace(state.service("sidekiq-push"), in_at=START - 200, out_at=START)
        state = replace(state, services={**state.services, "sidekiq-push": vain})
        first = None
        for tick in range(1, 140):
            now = sample(START + 10 * tick, services=crew, queues={"push": QueueSample(0, 0.0, busy)})
            state, decisions = decide(policy, state, now)
            if changes(decisions, "sidekiq-push"):
                first = 10 * tick
                break
        assert first is not None
        assert shrinks_at <= first <= shrinks_at + 30


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"writable": "MISCONF"}, "refuses writes"),
        ({"updating": "a deploy runs"}, "a deploy runs"),
        ({"queues_unknown": True}, "queues: Redis does not answer"),
    ],
)
def test_what_is_in_the_way_is_said_and_nothing_changes(change: dict[str, object], word: str) -> None:
    seen = sample(**FULL)
    if change.pop("queues_unknown", False):
        seen = replace(seen, queues=Unknown("Redis does not answer"))
    state = settled(reference_policy())
    after, decisions = decide(reference_policy(), state, replace(seen, **change))
    assert [one.kind for one in decisions] == [Kind.HOLD]
    assert word in decisions[0].reason
    assert replace(after, said=frozenset()) == replace(state, said=frozenset())


def test_a_clock_that_goes_back_changes_nothing_and_begins_anew() -> None:
    policy = reference_policy()
    state, decisions = decide(policy, settled(policy), sample(START - 3600, **FULL))
    assert [one.rule for one in decisions] == ["clock"]
    _, decisions = decide(policy, state, sample(START - 3590, **FULL))
    assert changes(decisions, "sidekiq-push")


def test_a_gap_of_minutes_is_no_rate() -> None:
    policy = reference_policy()
    quiet = {"push": QueueSample(5, 1.0, 1)}
    state, decisions = decide(policy, settled(policy), sample(START + 600, queues=quiet))
    assert not [one for one in decisions if one.changes]
    assert len(state.queue("push").arriving) == 1


def test_a_broken_mail_server_keeps_one_process_and_mends_with_a_retry() -> None:
    policy = reference_policy()
    crew = {"mailers": ServiceSample(3, busy=30, cores=0.1)}
    waiting = {"mailers": QueueSample(400, 50.0, 30, 100)}
    state, decisions = decide(
        policy, settled(policy), sample(queues=waiting, services=crew, mail=MailSample(0, 9, 100, 4e4))
    )
    (one,) = changes(decisions, "sidekiq-mailers")
    assert (one.target, one.rule) == (1, "breaker")
    state, decisions = decide(
        policy, state, sample(START + 10, queues=waiting, mail=MailSample(4, 0, 104, 4e4))
    )
    assert [one.subject for one in only(decisions, Kind.RETRY)] == ["mailers"]
    assert not state.mail.broken_since


def test_sign_ups_are_metered_before_the_quota_is_gone_and_come_back() -> None:
    policy = reference_policy(mails_per_day=7200)
    state = settled(policy)
    every: list[Decision] = []
    for tick in range(60):
        mode = state.set_by_us or "open"
        seen = sample(
            START + 10 * tick, signups=6 if mode == "open" else 0, registrations=mode,
            mail=MailSample(12, 0, 4000 + 12 * tick, 30_000.0),
        )  # fmt: skip
        state, decisions = decide(policy, state, seen)
        every += only(decisions, Kind.REGISTRATIONS)
    assert [one.mode for one in every] == ["none"]
    assert every[0].undo == "open"
    assert "welcome mails owed" in every[0].reason
    for tick in range(60, 200):
        seen = sample(START + 10 * tick, registrations="none", mail=MailSample(0, 0, 10, 80_000.0))
        state, decisions = decide(policy, state, seen)
        every += only(decisions, Kind.REGISTRATIONS)
    assert [one.mode for one in every] == ["none", "open"]
    assert not state.original


def test_what_the_admin_sets_meanwhile_stands() -> None:
    policy = reference_policy()
    state = replace(
        settled(policy),
        original="open",
        set_by_us="approved",
        set_at=START - 300,
        ladder=LadderState(2, START - 300),
    )
    state, decisions = decide(policy, state, sample(registrations="none"))
    assert not only(decisions, Kind.REGISTRATIONS)
    assert not state.original


def test_advice_about_registrations_remembers_no_mode_that_nobody_set() -> None:
    policy = reference_policy(mode="advise")
    state = replace(settled(policy), ladder=LadderState(2, START, calm_since=START))
    every: list[Decision] = []
    for tick in range(20):
        state, decisions = decide(policy, state, sample(START + 10 * tick))
        every += decisions
    assert [one.mode for one in only(tuple(every), Kind.REGISTRATIONS)] == ["approved"]
    assert not [one for one in every if one.rule == "admin"]
    assert not state.original


def test_switching_to_advice_takes_back_what_was_given_up() -> None:
    state = replace(
        settled(reference_policy()),
        original="open",
        set_by_us="approved",
        set_at=START,
        ladder=LadderState(4, START),
    )
    state, decisions = decide(reference_policy(mode="advise"), state, sample(registrations="approved"))
    acts = [(one.kind, one.mode, one.target) for one in decisions if one.act and one.changes]
    assert (Kind.REGISTRATIONS, "open", 1) in acts
    assert (Kind.SHED, "", 0) in acts
    assert (Kind.VALVE, "", 0) in acts
    assert (Kind.REPLICAS, "", 1) in acts
    assert state.ladder.level == 0


def test_a_process_is_replaced_before_its_limit_kills_it() -> None:
    large = {"default": ServiceSample(1, busy=1, cores=0.1, largest_bytes=2 * GB)}
    state = replace(settled(reference_policy()), recycled_at=0.0)
    state, decisions = decide(reference_policy(), state, sample(services=large))
    (one,) = only(decisions, Kind.RECYCLE)
    assert one.subject == "sidekiq-default"
    _, decisions = decide(reference_policy(), state, sample(START + 10, services=large))
    assert not only(decisions, Kind.RECYCLE)


def test_a_host_is_asked_for_when_the_cores_are_not_enough_for_ten_minutes() -> None:
    policy, state = reference_policy(host_price=40), settled(reference_policy())
    hosts = (HostSample("host", 6, 0.97, 12 * GB, 6 * GB),)
    asked: list[Decision] = []
    for tick in range(70):
        state, decisions = decide(policy, state, sample(START + 10 * tick, hosts=hosts))
        asked += [one for one in only(decisions, Kind.ASK) if one.rule == "host"]
    (one,) = asked
    assert "add 1 host of 6 cores, 40 a month" in one.reason


def test_a_number_that_a_person_holds_stays() -> None:
    policy = reference_policy(holds={"sidekiq-push": 1})
    _, decisions = decide(policy, settled(policy), sample(**FULL))
    assert not changes(decisions, "sidekiq-push")


def test_no_growth_after_growth_that_brought_nothing() -> None:
    policy = reference_policy(layout=reference_layout(600))
    late = {"push": QueueSample(40_000, 400.0, 25, 1000)}
    held = reference_policy(holds={"sidekiq-push": 1})
    state = settled(held, queues=late, services={"push": ServiceSample(1, busy=25, cores=0.3)})
    every: list[Decision] = []
    count = 1
    for tick in range(30):
        size = 40_000 + 400 * tick
        queues = {"push": QueueSample(size, 400.0, 25 * count, 1000)}
        crew = {"push": ServiceSample(count, busy=25 * count, cores=0.3)}
        state, decisions = decide(policy, state, sample(START + 10 * tick, queues=queues, services=crew))
        moved = changes(decisions, "sidekiq-push")
        count = moved[-1].target if moved else count
        every += decisions
    assert any(one.rule == "no-gain" and "brought" in one.reason for one in every)
    assert state.service("sidekiq-push").frozen_until > START


@pytest.mark.parametrize("mode", ["advise", "auto"])
def test_growth_that_never_came_is_not_called_useless(mode: str) -> None:
    policy = reference_policy(layout=reference_layout(600), mode=mode)
    state = settled(policy)
    every: list[Decision] = []
    for tick in range(30):
        queues = {"push": QueueSample(40_000 + 400 * tick, 400.0, 25, 1000)}
        crew = {"push": ServiceSample(1, busy=25, cores=0.3)}  # whatever is ordered or advised
        state, decisions = decide(policy, state, sample(START + 10 * tick, queues=queues, services=crew))
        every += decisions
    assert changes(tuple(every), "sidekiq-push")
    assert not [one for one in every if one.rule == "no-gain"]
    assert not state.service("sidekiq-push").frozen_until


def test_a_fresh_state_is_empty() -> None:
    assert State().mail == MailState()
