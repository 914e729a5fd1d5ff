from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from instancectl.core.backup.wal_figures import WAL_METRICS
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.monitoring import catalogue, surfaces
from instancectl.core.monitoring import catalogue_probes as probes
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.catalogue_alerting import ALERTING_METRICS
from instancectl.core.monitoring.catalogue_scaling import SCALING_METRICS
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.sli import Verdict
from instancectl.core.monitoring.surfaces import asks
from instancectl.core.monitoring.verdict import Judgement, judge
from instancectl.errors import Busy, OperationFailed
from instancectl.operations import monitoring
from instancectl.operations.monitoring.agent import Agent, Around
from instancectl.operations.monitoring.probing import Prober
from tests.fakes.lock import FakeLock
from tests.fakes.reporter import FakeReporter
from tests.fakes.supervisor import FakeSupervisor
from tests.operations.watched import CONFIG, Watched


def probed(world: Watched, number: int = 1) -> Judgement:
    return judge(Prober(CONFIG, world.senses).round(number).evidence)


def values(samples: Iterable[Sample]) -> dict[tuple[str, tuple[str, ...]], object]:
    return {(one.metric.name, one.labels): one.value for one in samples}


class FakeServer:
    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self) -> None:
        self.events.append("start")

    def close(self) -> None:
        self.events.append("close")


def around(world: Watched, waits: int = 1, **changes: object) -> Around:
    parts = {
        "senses": world.senses,
        "supervisor": FakeSupervisor(waits),
        "reporter": FakeReporter(),
        "lock": FakeLock(),
        "serve": lambda *_: FakeServer(),
        "background": lambda _: None,
        **changes,
    }
    return Around(**parts)


# ---- rounds


def test_an_instance_that_runs_well_is_good_in_everything() -> None:
    found = probed(Watched().deployed())
    assert set(found.verdicts.values()) == {Verdict.GOOD}, found
    assert found.causes == ()


def test_before_the_first_deploy_nothing_is_asked_of_anybody() -> None:
    world = Watched(once_deployed=False)
    found = probed(world)
    assert set(found.verdicts.values()) == {Verdict.UNKNOWN}
    assert not world.inside.asked
    assert not world.outside.asked


def test_while_the_first_deploy_is_under_way_everything_is_unknown() -> None:
    world = Watched(once_deployed=False).deployed()
    world.stack.gone = {"proxy", "cache"}
    assert set(probed(world).verdicts.values()) == {Verdict.UNKNOWN}


def test_services_that_vanished_without_a_destroy_are_an_outage() -> None:
    assert probed(Watched(once_deployed=True)).verdicts["availability"] is Verdict.BAD


def test_without_the_engine_the_replicas_seen_last_are_asked() -> None:
    world = Watched().deployed()
    prober = Prober(CONFIG, world.senses)
    prober.round(1)
    world.stack.engine_down = True
    assert judge(prober.round(2).evidence).verdicts["availability"] is Verdict.GOOD


def test_without_the_engine_from_the_start_only_the_edge_is_known() -> None:
    world = Watched().deployed()
    world.stack.engine_down = True
    found = probed(world)
    assert found.verdicts["media"] is Verdict.GOOD
    assert found.verdicts["web"] is Verdict.UNKNOWN
    assert found.verdicts["streaming"] is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("breaks", "cause"),
    [
        (lambda world: setattr(world.database, "unreachable", True), "db"),
        (lambda world: setattr(world.database, "refusal", "53300"), "db"),
        (lambda world: world.together.hanging.add("db"), "db"),
        (lambda world: setattr(world.redis, "unreachable", True), "redis"),
        (lambda world: world.together.hanging.add("redis"), "redis"),
        (lambda world: world.redis.info.update(role="slave", master_host="192.0.2.1"), "redis"),
        (lambda world: world.silence(":3000"), "web"),
        (lambda world: world.silence(":3000", NoAnswer("no answer within 3 s", "timeout")), "web"),
        (lambda world: world.stack.gone.add("web"), "web"),
        (lambda world: world.silence(":4000"), "streaming"),
        (lambda world: world.stack.gone.add("streaming"), "streaming"),
        (lambda world: world.redis.hashes.clear(), "sidekiq"),
        (lambda world: world.silence("https://"), "proxy"),
        (lambda world: setattr(world.mail, "reachable", False), "mail"),
    ],
)
def test_whatever_breaks_is_named(breaks: Callable[[Watched], object], cause: str) -> None:
    world = Watched().deployed()
    breaks(world)
    assert probed(world).causes == (cause,)


def test_what_is_on_another_host_is_unknown_and_not_down() -> None:
    world = Watched().deployed()
    world.stack.elsewhere = {"db"}
    world.database.unreachable = True
    found = probed(world)
    assert found.causes == ()
    assert found.verdicts["availability"] is Verdict.GOOD


def test_a_failure_gets_a_second_chance_two_seconds_later() -> None:
    world = Watched().deployed()
    world.silence("/health")
    sleep = world.clock.sleep
    world.clock.sleep = lambda seconds: (sleep(seconds), world.deployed())
    assert probed(world).verdicts["web"] is Verdict.GOOD
    assert world.clock.slept == [2.0]


def test_the_round_and_its_second_chance_fit_into_a_slice() -> None:
    from instancectl.operations.monitoring import probing

    whole = probing.SIGHT_SECONDS + 2 * probing.ROUND_SECONDS + surfaces.RETRY_AFTER_SECONDS
    assert whole < 15


def test_every_replica_is_asked_directly_and_the_edge_past_its_cache() -> None:
    world = Watched().deployed(web=3)
    probed(world)
    alive = [one for one in world.inside.asked if one.url.endswith("/health") and ":3000" in one.url]
    assert len({one.url for one in alive}) == 3
    through = [one for one in world.outside.asked if one.method == "POST"]
    assert [one.url for one in through] == ["https://social.example:443/inbox"]
    assert through[0].connect_to == "127.0.0.1"


def test_probes_stay_under_mastodons_throttle_with_many_replicas() -> None:
    world = Watched().deployed(web=40)
    prober = Prober(CONFIG, world.senses)
    for number in range(20):  # five minutes
        prober.round(number)
    throttled = [one.url for one in world.inside.asked if "/api/v2/" in one.url]
    assert len(throttled) < 300 * 0.6
    assert len(set(throttled)) == 40


def test_the_mail_server_is_asked_every_five_minutes_only() -> None:
    world = Watched().deployed()
    prober = Prober(CONFIG, world.senses)
    for number in range(41):
        prober.round(number)
        world.clock.now += 15
    assert world.together.ran.count("mail") == 3


def test_a_mail_server_that_does_not_work_is_asked_every_minute() -> None:
    world = Watched().deployed()
    world.mail.reachable = False
    prober = Prober(CONFIG, world.senses)
    for number in range(9):  # two minutes, both ends included
        prober.round(number)
        world.clock.now = number * 15.0 + 15.0
    assert world.together.ran.count("mail") == 3


def test_a_stale_answer_of_the_cache_is_counted_and_proves_nothing() -> None:
    world = Watched().deployed()
    world.silence(":3000")
    world.silence("/inbox")
    world.answer(surfaces.reader(CONFIG), "127.0.0.1", **{"x-cached": "STALE"})
    agent = Agent(CONFIG, around(world))
    agent.probe()
    found = values(agent.samples())
    assert found["instancectl_edge_answers_total", ("stale",)] == 1
    assert agent.watch.verdict()["verdicts"]["web"] == "bad"


# ---- the agent


def test_each_slice_is_written_down_and_told_once() -> None:
    world = Watched().deployed()
    parts = around(world)
    agent = Agent(CONFIG, parts)
    for _ in range(3):
        agent.probe()
        world.clock.now += 15
    world.redis.unreachable = True
    agent.probe()
    assert world.ledger.totals()["availability"].good == 4
    assert world.ledger.spells("sidekiq", 1)[0].verdict is Verdict.UNKNOWN
    assert parts.reporter.notes[0] == "good"
    assert len(parts.reporter.notes) == 2
    assert "Redis is down" in parts.reporter.notes[1]
    assert len(parts.supervisor.told) == 4


def test_a_ledger_that_cannot_be_written_does_not_end_the_probing() -> None:
    world = Watched().deployed()
    world.ledger.broken = True
    agent = Agent(CONFIG, around(world))
    agent.probe()
    found = values(agent.samples())
    assert found["instancectl_collector_success", ("ledger",)] == 0
    assert found["instancectl_redis_up", ()] == 1
    assert not [name for name, _ in found if name.startswith("instancectl_sli_")]


def test_a_source_that_hangs_costs_the_others_nothing() -> None:
    world = Watched().deployed()
    world.together.hanging.add("database")
    agent = Agent(CONFIG, around(world))
    agent.probe()
    found = values(agent.samples())
    assert found["instancectl_collector_success", ("database",)] == 0
    assert found["instancectl_db_up", ()] == 0
    assert found["instancectl_collector_success", ("redis",)] == 1
    assert found["instancectl_sidekiq_queue_jobs", ("push",)] == 0
    assert ("instancectl_db_connections", ()) not in found


def test_everything_exported_is_in_the_catalogue_and_little_of_the_catalogue_is_missing() -> None:
    world = Watched().deployed()
    world.database.rows[next(iter(world.database.rows))] = [("9", "200", "0.5", "0")]
    world.redis.hashes["sidekiq-scheduler:last_times"] = {"a": "2026-11-22 04:58:05 UTC"}
    world.redis.hashes["sidekiq-scheduler:next_times"] = {"a": "2026-11-22 04:59:05 UTC"}
    world.silence("/nodeinfo")
    agent = Agent(CONFIG, around(world))
    for at in range(14):
        world.host.room = type(world.host.room)("/", 100, 50 - at)
        world.ledger.note_free(at * 600.0, "docker", (100 - at) * 2**30)
    agent.probe()
    exported = {one.metric for one in agent.samples()}
    assert exported <= set(catalogue.CATALOGUE)
    # Shown by what runs beside the agent.
    canary = {one for one in catalogue.CATALOGUE if one.name.startswith("instancectl_canary_")}
    beside = {
        *ALERTING_METRICS, *SCALING_METRICS, *WAL_METRICS, probes.PROBE_CONNECTIVITY, stores.SETTINGS_REFUSED,
        *canary,
    }  # fmt: skip
    missing = {one.name for one in set(catalogue.CATALOGUE) - exported - beside}
    assert missing <= {
        "instancectl_backup_lock_end_timestamp_seconds",
        "instancectl_db_replication_lag_seconds",
        "instancectl_disk_full_timestamp_seconds",
        "instancectl_version_end_of_support_timestamp_seconds",
    }


def test_nothing_that_is_gone_keeps_a_series() -> None:
    world = Watched().deployed(web=2)
    agent = Agent(CONFIG, around(world))
    agent.probe()
    assert ("instancectl_container_up", ("web", "2")) in values(agent.samples())
    world.stack.replicas("web", 1)
    world.redis.hashes.clear()
    agent.probe()
    found = values(agent.samples())
    assert ("instancectl_container_up", ("web", "2")) not in found
    assert not [name for name, _ in found if name == "instancectl_sidekiq_process_info"]


def test_processes_are_called_by_their_replica_never_by_their_identity() -> None:
    world = Watched().deployed()
    identity = "sidekiq10000"
    assert world.stack.look().by_hostname(identity) == "sidekiq.1"
    agent = Agent(CONFIG, around(world))
    agent.probe()
    labels = [
        labels for (name, labels) in values(agent.samples()) if name == "instancectl_sidekiq_process_info"
    ]
    assert [one[0] for one in labels] == ["sidekiq.1"]


def test_the_agent_serves_until_it_is_asked_to_stop() -> None:
    server, parts = FakeServer(), None
    parts = around(Watched(once_deployed=False), waits=3, serve=lambda *_: server)
    done = monitoring.run(CONFIG, parts)
    assert server.events == ["start", "close"]
    assert parts.supervisor.is_ready
    assert done.lines == ("the agent stopped when asked to",)
    assert parts.lock.held_for == ["agent run"]


def test_a_second_agent_is_refused() -> None:
    table: dict[str, str] = {"holder": "agent run"}
    with pytest.raises(Busy):
        monitoring.run(CONFIG, around(Watched(), lock=FakeLock(table)))


def test_a_prober_that_breaks_ends_the_agent_with_a_word() -> None:
    world = Watched().deployed()

    def broken() -> float:
        raise ValueError("no clock")

    world.clock.epoch_seconds = broken
    with pytest.raises(OperationFailed, match="the prober broke: ValueError: no clock"):
        monitoring.run(CONFIG, around(world, waits=9, background=lambda work: work()))


def test_one_reading_writes_nothing_down() -> None:
    world = Watched().deployed()
    found = values(monitoring.metrics(CONFIG, world.senses))
    assert found["instancectl_probe_success", ("web", "host")] == 1
    assert found["instancectl_mastodon_info", ("4.6.3",)] == 1
    assert world.ledger.totals() == {}


def test_every_surface_has_a_request() -> None:
    assert {one.surface for one in asks(CONFIG)} == {"web", "login", "federation", "streaming", "media"}
