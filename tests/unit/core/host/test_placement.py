"""What a further host may be for, and where services go once there are several."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core import topology
from instancectl.core.host import placement
from instancectl.core.layout import Machine, Room, derive
from instancectl.core.observed import Node
from instancectl.core.sizes import ROLES, Home
from instancectl.core.units import GIB
from instancectl.errors import Refused
from tests.fakes import instance

STACK = "social-example"
DATA = Node("n1", "one", labels={placement.data_label(STACK): "true"}, cores=2, memory_bytes=8 * GIB)
WORKERS = Node("n2", "two", labels={f"instancectl.workers.{STACK}": "true"}, cores=4, memory_bytes=16 * GIB)
BUCKET = {"storage": "s3", "s3_bucket": "media"}
HERE = (f"node.labels.instancectl.data.{STACK}==true",)


def services(*others: Room, media: dict | None = None, **sections: object) -> dict:
    config = instance.config(media=media or BUCKET, **sections)
    sizes = derive(config, Machine(8 * GIB, 2), others)
    made = topology.desired(config, sizes, instance.rendered(config, sizes), {})
    return {spec.name: spec for spec in made.services}


def room(name: str = "two", *roles: str, gib: int = 8) -> Room:
    return Room(name, gib * GIB, 4, frozenset(roles))


def test_the_host_with_the_data_has_every_role():
    assert placement.roles_of(STACK, DATA) == set(ROLES)
    assert placement.roles_of(STACK, WORKERS) == {"workers"}
    assert placement.roles_of("another", WORKERS) == frozenset()


def test_only_other_hosts_with_a_role_offer_room():
    stranger = Node("n3", "three", memory_bytes=GIB)
    assert placement.rooms(STACK, (DATA, WORKERS, stranger)) == (
        Room("two", 16 * GIB, 4, frozenset({"workers"})),
    )


def test_a_drained_host_offers_room_only_to_who_asks():
    drained = replace(WORKERS, availability="drain")
    assert placement.rooms(STACK, (DATA, drained)) == ()
    assert placement.rooms(STACK, (DATA, drained), drained=True)


def test_a_host_that_is_down_is_expected_back():
    assert placement.rooms(STACK, (DATA, replace(WORKERS, state="down")))


@pytest.mark.parametrize("role", ["web", "workers"])
def test_local_media_keep_web_and_workers_on_one_host(role):
    with pytest.raises(Refused, match="media are on the disk of one host") as refused:
        placement.refuse_roles(instance.config(), [role], "two")
    assert placement.MEDIA_HOW_TO in refused.value.hint
    placement.refuse_roles(instance.config(), ["monitoring"], "two")
    placement.refuse_roles(instance.config(media=BUCKET), [role], "two")


def test_the_database_stays_where_its_volume_is():
    with pytest.raises(Refused, match="stays on the host that holds its volume"):
        placement.refuse_roles(instance.config(media=BUCKET), ["workers", "db"], "two")


def test_with_one_host_nothing_says_where_services_run():
    for name, spec in services().items():
        assert spec.max_replicas_per_node == 0
        assert spec.constraints == (HERE if name in {"db", "redis", "proxy"} else ())


def test_with_two_hosts_everything_has_its_place():
    found = services(room("two", "web", "workers"), services={"web": {"replicas": 2}})
    for name in ("db", "redis", "proxy", "cache", "sidekiq", "mail"):
        assert found[name].constraints == HERE
    assert found["web"].constraints == (f"node.labels.instancectl.web.{STACK}==true",)
    assert found["streaming"].constraints == found["web"].constraints
    assert found["sidekiq-push"].constraints == (f"node.labels.instancectl.workers.{STACK}==true",)


def test_a_rolling_update_may_start_one_more_than_the_share_of_a_host():
    found = services(room("two", "web"), services={"web": {"replicas": 4}})
    assert found["web"].max_replicas_per_node == 2 + 1
    assert found["sidekiq-push"].constraints == HERE


def test_a_host_for_monitoring_alone_attracts_nothing_else():
    for media in (BUCKET, {"storage": "local"}):
        found = services(room("two", "monitoring"), media=media, monitoring={"enabled": True})
        there = {name for name, spec in found.items() if spec.constraints != HERE}
        assert there == {"prometheus", "alertmanager"}


def watched(*others: Room, **monitoring: object):
    config = instance.config(monitoring={"enabled": True, **monitoring})
    sizes = derive(config, Machine(8 * GIB, 2), others)
    return topology.desired(config, sizes, instance.rendered(config, sizes), {})


def test_the_first_host_for_monitoring_runs_prometheus_and_alertmanager():
    made = watched(room("two", "monitoring"), room("three", "monitoring"))
    wanted = (f"node.labels.instancectl.monitoring.{STACK}==true", "node.hostname==three")
    assert {made.service(name).constraints for name in ("prometheus", "alertmanager")} == {wanted}
    assert not {"prometheus", "alertmanager"} & set(made.volumes)
    beside = watched()
    assert beside.service("prometheus").constraints == HERE
    assert {"prometheus", "alertmanager"} <= set(beside.volumes)


def test_a_host_too_small_for_prometheus_is_left_alone():
    tiny = Room("tiny", 256 * 1024**2, 1, frozenset({"monitoring"}))
    assert watched(tiny).service("prometheus").constraints == HERE


def test_on_a_host_of_their_own_they_listen_and_ask_in_the_private_network():
    apart = replace(room("two", "monitoring"), address="10.86.0.2", home=Home("10.86.0.1"))
    made = watched(apart, prometheus_listen="127.0.0.1:9999")
    assert "--web.listen-address=10.86.0.2:9090" in made.service("prometheus").command
    assert "--web.listen-address=10.86.0.2:9093" in made.service("alertmanager").command
    assert "http://10.86.0.2:9093/-/ready" in made.service("alertmanager").health.test
    files = "".join(made.configs.values())
    for address in ("10.86.0.1:9394", "10.86.0.2:9090", "10.86.0.2:9093"):
        assert address in files
    assert "127.0.0.1:9" not in files


def test_other_hosts_know_where_home_is():
    here, there = replace(DATA, address="10.86.0.1"), replace(WORKERS, address="10.86.0.2")
    (found,) = placement.rooms(STACK, (there, here))
    assert (found.address, found.home.address) == ("10.86.0.2", "10.86.0.1")
    assert found.home.roles == set(ROLES)


LEFT = Home(roles=frozenset({"db"}))
"""The host with the data is for the database alone."""


def test_a_host_left_to_the_database_gives_everything_away_that_may_leave():
    found = services(replace(room("two", "web", "workers"), home=LEFT))
    for name in ("db", "redis", "proxy", "cache", "sidekiq"):
        assert found[name].constraints == HERE
    for name, role in (("web", "web"), ("streaming", "web"), ("sidekiq-push", "workers")):
        assert found[name].constraints == (
            f"node.labels.instancectl.{role}.{STACK}==true", f"node.labels.instancectl.data.{STACK}!=true",
        )  # fmt: skip


def test_what_no_other_host_is_for_stays_beside_the_database():
    found = services(replace(room("two", "workers"), home=LEFT))
    assert found["web"].constraints == HERE
    assert found["sidekiq-push"].constraints != HERE


def test_a_deploy_gives_no_role_back_that_an_admin_took():
    config = instance.config(media=BUCKET)
    sizes = derive(config, Machine(8 * GIB, 2), [replace(room("two", "workers", "web"), home=LEFT)])
    made = topology.desired(config, sizes, instance.rendered(config, sizes), {})
    assert made.role_labels == (f"instancectl.db.{STACK}",)
    left = replace(DATA, labels={**DATA.labels, f"instancectl.db.{STACK}": "true"})
    assert placement.roles_of(STACK, left) == {"db"}


def test_the_database_is_never_taken_from_its_host():
    placement.refuse_own_roles(["db"], "one")
    with pytest.raises(Refused, match="it holds the database, and that stays"):
        placement.refuse_own_roles(["web", "workers"], "one")


def test_the_first_host_is_labelled_with_every_role_once_there_are_two():
    config = instance.config(media=BUCKET)
    sizes = derive(config, Machine(8 * GIB, 2), [room("two", "workers")])
    made = topology.desired(config, sizes, instance.rendered(config, sizes), {})
    assert set(made.role_labels) == {f"instancectl.{role}.{STACK}" for role in ROLES}
    assert instance.desired(config).role_labels == ()
