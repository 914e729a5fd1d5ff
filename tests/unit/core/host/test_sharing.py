"""Several hosts carry more than one, and none more than it has room for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instancectl.core import budget
from instancectl.core.config import InstanceConfig
from instancectl.core.host.sharing import cores_for, share_out
from instancectl.core.layout import Layout, Machine, Room, derive
from instancectl.core.sizes import BASE, Home
from instancectl.core.units import GIB
from instancectl.errors import Refused
from tests.fakes import instance

BUCKET = {"storage": "s3", "s3_bucket": "media"}
FIRST = Machine(3 * GIB, 2)
ROLES = ("web", "workers", "monitoring")
ROOMS = st.lists(
    st.builds(
        lambda number, gib, cores, roles: Room(f"host-{number}", gib * GIB, cores, frozenset(roles)),
        st.integers(2, 9), st.integers(1, 64), st.integers(1, 16),
        st.sets(st.sampled_from(ROLES), min_size=1),
    ),
    max_size=3, unique_by=lambda room: room.name,
)  # fmt: skip


def config(**sections: object) -> InstanceConfig:
    return instance.config(instance={"layout": "auto"}, **{"media": BUCKET, **sections})


def room(*roles: str, gib: int = 8, cores: int = 4) -> Room:
    return Room("second", gib * GIB, cores, frozenset(roles))


def six(**sections: object) -> InstanceConfig:
    return config(services={"sidekiq-default": {"replicas": 6}}, **sections)


def replicas(layout: Layout, service: str) -> int:
    return next((plan.replicas for plan in layout.sidekiq if plan.service == service), 0)


def test_six_workers_are_refused_on_one_host_and_possible_on_two():
    with pytest.raises(Refused, match="the explicit sizes need more memory than there is"):
        derive(six(), FIRST)
    assert replicas(derive(six(), FIRST, [room("workers")]), "sidekiq-default") == 6


def test_a_host_of_another_role_makes_no_room_for_workers():
    with pytest.raises(Refused):
        derive(six(), FIRST, [room("web", gib=64), room("monitoring", gib=64)])


def test_the_refusal_names_the_hosts_with_their_arithmetic():
    with pytest.raises(Refused) as refused:
        derive(six(), FIRST, [room("workers", gib=1)])
    assert "(this host 3072 MiB + second 1024 MiB)" in refused.value.message
    assert "; this host: system 313 MiB + what stays with the data" in refused.value.message
    assert "host add" in refused.value.hint


def test_monitoring_elsewhere_frees_the_host_with_the_data():
    watched = config(monitoring={"enabled": True})
    plan = derive(watched, FIRST).monitoring
    assert plan
    here, there = share_out(derive(watched, FIRST), FIRST, [room("workers")]).loads
    freed, taken = share_out(derive(watched, FIRST, [room("monitoring")]), FIRST, [room("monitoring")]).loads
    assert dict(here.parts)["what stays with the data"] - plan.total_bytes >= 0
    assert dict(taken.parts)["monitoring"] == plan.total_bytes
    assert "monitoring" not in dict(there.parts)
    assert freed.fits


def test_a_host_left_to_the_database_lends_no_cores_to_what_has_left_it():
    alone = replace(room("workers", cores=4), home=Home(roles=frozenset({"db"})))
    assert (cores_for("workers", 2, [alone]), cores_for("web", 2, [alone])) == (4, 2)
    assert cores_for("workers", 2, [room("workers", cores=4)]) == 6
    assert cores_for("workers", 2, []) == 2


def test_local_media_leave_other_hosts_out():
    with pytest.raises(Refused):
        derive(six(media={"storage": "local"}), FIRST, [room("web", "workers", gib=64)])


def test_what_does_not_fit_beside_the_data_runs_elsewhere():
    layout = derive(six(), FIRST, [room("workers")])
    share = layout.share("sidekiq-default")
    assert share
    assert share.elsewhere
    assert share.most_per_host == 6
    assert layout.share(BASE) is None


def test_a_roomy_first_host_shares_evenly():
    layout = derive(six(), Machine(32 * GIB, 8), [room("workers", gib=32)])
    share = layout.share("sidekiq-default")
    assert share
    assert not share.elsewhere
    assert (share.hosts, share.most_per_host) == (2, 3)


def test_the_database_is_sized_by_its_own_host():
    alone = derive(config(), FIRST)
    together = derive(config(), FIRST, [room("web", "workers", gib=64, cores=16)])
    assert together.redis == alone.redis
    assert together.db.memory_bytes == alone.db.memory_bytes


def test_workers_elsewhere_take_nothing_from_the_database():
    before, after = derive(config(), FIRST), derive(six(), FIRST, [room("workers")])
    assert after.db.memory_bytes == before.db.memory_bytes


def test_connections_stay_one_budget():
    wanted = config(
        services={"sidekiq-push": {"replicas": 40}},
        database={"max_connections": 100, "pgbouncer": "off"},
    )
    with pytest.raises(Refused, match="more connections"):
        derive(wanted, FIRST, [room("workers", gib=64)])


@given(st.integers(2, 64), st.integers(1, 16), ROOMS)
@settings(max_examples=60, deadline=None)
def test_every_host_has_room_for_its_part(gib: int, cores: int, others: list[Room]) -> None:
    machine = Machine(gib * GIB, cores)
    layout = derive(config(), machine, others)
    for load in share_out(layout, machine, others).loads[1:]:
        assert load.fits or not any(label != "system" and amount for label, amount in load.parts)
    memory = budget.memory(layout, machine, others)
    assert share_out(layout, machine, others).loads[0].total <= machine.memory_bytes
    assert memory.total <= memory.limit


@given(st.integers(2, 64), st.integers(1, 16), ROOMS)
@settings(max_examples=60, deadline=None)
def test_every_replica_finds_a_place(gib: int, cores: int, others: list[Room]) -> None:
    """What Swarm may put on hosts adds up to at least what is wanted."""
    layout = derive(config(), Machine(gib * GIB, cores), others)
    wanted = {"web": layout.web.replicas, "streaming": layout.streaming.replicas}
    wanted |= {plan.service: plan.replicas for plan in layout.sidekiq}
    for share in layout.shares:
        assert share.hosts >= 1
        assert share.hosts * share.most_per_host >= wanted[share.service]


@given(st.integers(2, 64), st.integers(1, 16), ROOMS)
@settings(max_examples=60, deadline=None)
@example(5, 1, [Room("host-2", GIB, 1, frozenset({"workers"}))])
def test_more_hosts_never_mean_fewer_replicas(gib: int, cores: int, others: list[Room]) -> None:
    """Which queues have services of their own follows the cores: with more of them, others come first."""
    alone, together = (derive(config(), Machine(gib * GIB, cores), rooms) for rooms in ((), others))
    assert sum(plan.replicas for plan in together.sidekiq) >= sum(plan.replicas for plan in alone.sidekiq)
    web_alone, web_together = alone.web, together.web
    assert web_together.replicas * web_together.processes >= web_alone.replicas * web_alone.processes
