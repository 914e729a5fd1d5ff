from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core import budget, footprint
from instancectl.core.config import InstanceConfig
from instancectl.core.layout import Layout, Machine, derive, planned_machine
from instancectl.core.sizes import BASE, COMPUTING, QUEUES
from instancectl.core.units import GIB, MIB
from instancectl.errors import Refused

PROPERTY = settings(max_examples=60, deadline=None)  # a machine with many cores has a long ladder
NAMES = ("auto", "tiny", "small", "medium", "large")
MACHINES = st.builds(
    lambda mib, cores: Machine(mib * MIB, cores), st.integers(1536, 96 * 1024), st.integers(1, 32)
)


def config(layout: str = "auto", **sections: object) -> InstanceConfig:
    return InstanceConfig.model_validate({
        "instance": {"domain": "social.example", "layout": layout},
        "mail": {"mode": "catch"},
        **sections,
    })  # fmt: skip


def on(mib: int, cores: int, layout: str = "auto", **sections: object) -> Layout:
    return derive(config(layout, **sections), Machine(mib * MIB, cores))


def totals(layout: Layout) -> dict[str, int]:
    return {
        "web processes": layout.web.replicas * layout.web.processes,
        "streaming": layout.streaming.replicas,
        "sidekiq processes": sum(plan.replicas for plan in layout.sidekiq),
        "sidekiq threads": sum(plan.replicas * plan.threads for plan in layout.sidekiq),
        "db": layout.db.memory_bytes,
        "redis": layout.redis.memory_bytes,
    }


@given(MACHINES, st.sampled_from(NAMES), st.sampled_from(["auto", "on", "off"]))
@PROPERTY
def test_every_layout_fits_memory_and_connections(machine: Machine, name: str, pgbouncer: str) -> None:
    wanted = config(name, database={"pgbouncer": pgbouncer})
    layout = derive(wanted, machine)
    planned = planned_machine(wanted, machine)
    memory = budget.memory(layout, planned)
    assert memory.total <= machine.memory_bytes
    assert sum(line.amount for line in budget.service_memory(layout)) <= machine.memory_bytes - (
        footprint.system_reserve(planned.memory_bytes)
    )
    connections = budget.connections(layout)
    assert connections.total <= connections.limit == layout.db.max_connections
    if layout.pgbouncer:
        assert budget.clients(layout).fits
        assert layout.pgbouncer.pool_size >= 10


@given(MACHINES, st.sampled_from(NAMES))
@PROPERTY
def test_every_queue_is_covered_and_only_the_base_process_schedules(machine: Machine, name: str) -> None:
    layout = derive(config(name), machine)
    base = next(plan for plan in layout.sidekiq if plan.service == BASE)
    assert set(base.queues) == set(QUEUES)
    assert base.replicas == 1
    others = [plan for plan in layout.sidekiq if plan is not base]
    assert not any("scheduler" in plan.queues for plan in others)
    if others:
        waiting = {queue for plan in others for queue in plan.queues}
        assert {"push", "pull", "mailers", "fasp"} <= waiting
    carried = [queue for plan in others for queue in plan.queues]
    assert len(carried) == len(set(carried))
    assert all(len(plan.queues) == len(plan.weights) for plan in layout.sidekiq)


@given(MACHINES, st.sampled_from(NAMES))
@PROPERTY
def test_computing_processes_never_exceed_the_cores(machine: Machine, name: str) -> None:
    layout = derive(config(name), machine)
    computing = sum(plan.replicas for plan in layout.sidekiq if plan.service in COMPUTING)
    assert computing <= max(1, machine.cores)


@given(MACHINES, st.integers(0, 64 * 1024), st.sampled_from(NAMES))
@PROPERTY
def test_more_memory_never_means_less_of_anything(machine: Machine, more: int, name: str) -> None:
    smaller = totals(derive(config(name), machine))
    larger = totals(derive(config(name), Machine(machine.memory_bytes + more * MIB, machine.cores)))
    assert all(larger[key] >= value for key, value in smaller.items())


@given(MACHINES, st.sampled_from(NAMES))
@PROPERTY
def test_a_limit_is_never_below_what_was_measured(machine: Machine, name: str) -> None:
    layout = derive(config(name), machine)
    assert layout.web.memory_bytes >= footprint.web_loaded(layout.web.processes) - MIB
    assert layout.streaming.memory_bytes >= footprint.STREAMING_LOADED - MIB
    for plan in layout.sidekiq:
        assert plan.memory_bytes >= footprint.sidekiq_loaded(plan.threads) - MIB


@given(MACHINES)
@PROPERTY
def test_every_derived_size_has_a_reason(machine: Machine) -> None:
    layout = derive(config(), machine)
    for plan in layout.sidekiq:
        reason = layout.reason(f"services.{plan.service}.threads")
        assert reason is not None
        assert reason.value == str(plan.threads)
    wanted = ("instance.layout", "services.web.processes", "database.max_connections", "redis.memory_mib")
    assert all(layout.reason(key) for key in wanted)
    assert len({reason.key for reason in layout.reasons}) == len(layout.reasons)


@pytest.mark.parametrize(
    ("mib", "cores", "name"),
    [(1900, 1, "tiny"), (2048, 2, "tiny"), (3790, 2, "small"), (4096, 2, "small"), (7800, 4, "medium"),
     (8192, 2, "medium"), (15900, 8, "large"), (64 * 1024, 16, "large"), (24 * 1024, 2, "medium")],
)  # fmt: skip
def test_usual_machines_get_the_layout_named_after_them(mib: int, cores: int, name: str) -> None:
    assert on(mib, cores).name == name


def test_a_tiny_machine_runs_one_sidekiq_process_for_everything() -> None:
    layout = on(2048, 1)
    assert [plan.service for plan in layout.sidekiq] == [BASE]
    assert layout.sidekiq[0].arguments[:4] == ("-q", "default,8", "-q", "push,6")


def test_waiting_queues_get_threads_and_computing_queues_get_processes() -> None:
    sizes = {plan.service: plan for plan in on(32 * 1024, 8).sidekiq}
    assert sizes["sidekiq-push"].threads == 25
    assert sizes["sidekiq-pull"].threads == 25
    assert sizes["sidekiq-default"].threads == 5
    assert sizes["sidekiq-default"].replicas + sizes["sidekiq-ingress"].replicas + 1 == 8


def test_queues_without_a_service_ride_with_one_like_them() -> None:
    sizes = {plan.service: plan.queues for plan in on(4096, 2).sidekiq}
    assert sizes["sidekiq-push"] == ("mailers", "push", "pull", "fasp")
    sizes = {plan.service: plan.queues for plan in on(8192, 2).sidekiq}
    assert sizes["sidekiq-default"] == ("default", "ingress")
    assert sizes["sidekiq-pull"] == ("pull", "fasp")


def test_mailers_come_first_where_they_share_threads() -> None:
    push = next(plan for plan in on(4096, 2).sidekiq if plan.service == "sidekiq-push")
    assert max(zip(push.weights, push.queues, strict=True))[1] == "mailers"


def test_the_base_process_prefers_the_queues_nobody_else_waits_on() -> None:
    base = on(8192, 4).sidekiq[0]
    weights = dict(zip(base.queues, base.weights, strict=True))
    assert weights["default"] > 10 * weights["push"]
    assert weights["scheduler"] > weights["mailers"]


def test_many_connections_bring_pgbouncer_in() -> None:
    layout = on(16 * 1024, 8)
    assert layout.pgbouncer is not None
    assert budget.clients(layout).total > 200 > budget.connections(layout).total
    assert on(8192, 4).pgbouncer is None


def test_pgbouncer_comes_on_request() -> None:
    assert on(4096, 2, database={"pgbouncer": "on"}).pgbouncer is not None
    without = on(16 * 1024, 8, database={"pgbouncer": "off"})
    assert without.pgbouncer is None
    assert without.db.max_connections >= budget.connections(without).total


def test_a_low_explicit_limit_of_connections_brings_pgbouncer_in() -> None:
    layout = on(8192, 4, database={"max_connections": 100})
    assert layout.pgbouncer is not None
    assert layout.db.max_connections == 100
    assert budget.connections(layout).fits


def test_explicit_sizes_replace_derived_ones() -> None:
    layout = on(
        16 * 1024, 8, services={"web": {"processes": 3, "threads": 4}, "sidekiq-push": {"threads": 12}},
        database={"memory_mib": 2000, "max_connections": 300}, redis={"memory_mib": 700},
    )  # fmt: skip
    push = next(plan for plan in layout.sidekiq if plan.service == "sidekiq-push")
    assert (layout.web.processes, layout.web.threads, push.threads) == (3, 4, 12)
    assert (layout.db.memory_bytes, layout.redis.memory_bytes) == (2000 * MIB, 700 * MIB)
    assert layout.db.max_connections == 300
    reason = layout.reason("services.web.processes")
    assert reason is not None
    assert reason.sentence.startswith("set in the file")


def test_an_explicit_service_is_added_to_a_layout_that_has_none() -> None:
    sizes = {
        plan.service: plan for plan in on(5120, 2, services={"sidekiq-mailers": {"replicas": 1}}).sidekiq
    }
    assert sizes["sidekiq-mailers"].threads == 10
    assert "mailers" not in sizes["sidekiq-push"].queues


def test_explicit_sizes_beyond_the_memory_are_refused_with_the_arithmetic() -> None:
    with pytest.raises(Refused, match=r"web 4\d{3} MiB .* = \d+ MiB > 4096 MiB") as refusal:
        on(4096, 2, services={"web": {"processes": 16}})
    assert "services" in refusal.value.hint
    assert refusal.value.exit_code == 7


def test_explicit_sizes_beyond_the_connections_are_refused_with_the_arithmetic() -> None:
    with pytest.raises(Refused, match=r"web 5 \+ .* = \d+ > 40"):
        on(4096, 2, database={"pgbouncer": "off", "max_connections": 40})


def test_a_pool_too_small_to_work_is_refused() -> None:
    with pytest.raises(Refused, match="max_connections"):
        on(4096, 2, database={"pgbouncer": "on", "max_connections": 25})


def test_a_machine_below_tiny_is_not_an_error() -> None:
    layout = on(1024, 1)
    assert layout.name == "tiny"
    assert not budget.memory(layout, Machine(GIB, 1)).fits


def test_a_machine_below_tiny_is_not_blamed_on_explicit_values_that_ask_for_less() -> None:
    assert on(1024, 1, services={"web": {"threads": 2}}).web.threads == 2


def test_an_explicit_layout_steps_down_to_what_the_machine_carries_and_says_so() -> None:
    layout = on(2048, 2, "large")
    reason = layout.reason("instance.layout")
    assert layout.name == "tiny"
    assert reason is not None
    assert reason.sentence == "`large` was asked for, but 2048 MiB and 2 cores carry only `tiny`"


def test_the_machine_section_wins_over_what_was_measured() -> None:
    assert on(64 * 1024, 16, machine={"memory_mib": 2048, "cores": 1}).name == "tiny"


def test_a_little_less_memory_after_a_kernel_update_changes_nothing() -> None:
    assert on(4020, 2) == on(4005, 2)


def test_a_rolling_update_of_web_has_room_from_tiny_on() -> None:
    for mib, cores in ((1960, 1), (2048, 2), (4096, 2), (8192, 4), (16384, 8)):
        layout = on(mib, cores)
        room = budget.memory(layout, planned_machine(config(), Machine(mib * MIB, cores))).lines[-1]
        assert room.amount == budget.update_room(layout)


def test_more_than_one_base_process_is_no_configuration() -> None:
    with pytest.raises(ValueError, match="double all periodic jobs"):
        config(services={"sidekiq": {"replicas": 2}})


def test_postgresql_gets_settings_from_its_share() -> None:
    settings = dict(on(16 * 1024, 8).db.settings)
    assert settings["shared_buffers"] == f"{on(16 * 1024, 8).db.memory_bytes // MIB // 4}MB"
    assert int(settings["max_connections"]) == on(16 * 1024, 8).db.max_connections


def test_redis_keeps_room_for_the_copy_that_a_rewrite_makes() -> None:
    plan = on(4096, 2).redis
    assert plan.maxmemory_bytes * 100 // plan.memory_bytes in (59, 60)
