"""Addresses between hosts, and who is meant by a name."""

from __future__ import annotations

import pytest

from instancectl.core.applied import Applied
from instancectl.core.config import InstanceConfig
from instancectl.core.host import images
from instancectl.core.host.nodes import manager_address, mesh_address, named, on
from instancectl.core.host.record import HostRecord, Mesh
from instancectl.core.observed import Node, Placed
from instancectl.errors import Refused
from tests.fakes import instance

DIGEST = "web:1@sha256:" + "a" * 64


def record(address: str) -> HostRecord:
    return HostRecord("1", "one", "admin", 22, True, (), Mesh(address, "key", 51820))


def test_a_new_host_gets_the_first_free_address():
    assert mesh_address("10.86.0.0/24", ["10.86.0.1", "10.86.0.3"]) == "10.86.0.2"
    with pytest.raises(Refused, match="every address of"):
        mesh_address("10.86.0.0/30", ["10.86.0.1", "10.86.0.2"])


@pytest.mark.parametrize(
    ("seen", "own", "wanted", "good"),
    [
        ("10.86.0.1:2377", "10.86.0.1", "", True),
        ("[fd00::1]:2377", "fd00::1", "", True),
        ("192.0.2.1:2377", "10.86.0.1", "192.0.2.1", True),
        ("127.0.0.1:2377", "10.86.0.1", "", False),
        ("127.0.0.1:2377", "10.86.0.1", "127.0.0.1", False),
        ("192.0.2.1:2377", "10.86.0.1", "", False),
    ],
)
def test_others_join_on_the_private_network_or_where_the_admin_says(seen, own, wanted, good):
    node = Node("n1", "one", manager_address=seen)
    if good:
        assert manager_address(node, record(own), wanted) == seen
    else:
        with pytest.raises(Refused, match="Docker cannot move it"):
            manager_address(node, record(own), wanted)


def test_two_hosts_of_one_name_are_told_apart_by_their_identifiers():
    twins = (Node("a", "one"), Node("b", "one"))
    with pytest.raises(Refused, match="2 hosts are called `one`") as refused:
        named(twins, "one")
    assert "a, b" in refused.value.hint
    assert named(twins, "b").id == "b"


def test_only_replicas_of_the_instance_that_still_run_keep_a_host_busy():
    node = Node("a", "one")
    placed = (
        Placed("stack_web", "a", "running", "shutdown"),
        Placed("stack_web", "a", "failed", "running"),
        Placed("stack_web", "b", "running", "running"),
        Placed("stacked_web", "a", "running", "running"),
    )
    assert on("stack", node, placed) == placed[:1]
    assert on("stack", Node("a", "one", state="down"), placed) == ()


@pytest.mark.parametrize(
    ("roles", "wanted"),
    [
        (["workers"], ("web:1",)),
        (["web"], ("web:1", "streaming:1")),
        (["web", "workers"], ("web:1", "streaming:1")),
        (["monitoring"], ()),
    ],
)
def test_a_host_gets_the_images_of_its_roles(roles, wanted):
    config: InstanceConfig = instance.config()
    assert images.wanted(config, roles) == wanted


def test_a_host_that_is_forgotten_leaves_nothing_in_the_record():
    known = Applied(images={"web:1": DIGEST})
    recorded = images.recorded(known, "two-id", {"web:1": "sent"})
    assert recorded.images == {"web:1": "web:1"}
    assert images.forgotten(recorded, "two-id") == Applied(images={"web:1": "web:1"})


def test_what_a_registry_has_needs_no_record():
    known = Applied(images={"web:1": DIGEST})
    assert images.recorded(known, "two-id", {"web:1": "pulled"}) == known


@pytest.mark.parametrize("word", ["--all", "-v", "", "a b", "a;b", "$(x)"])
def test_what_names_no_image_is_not_taken_for_one(word):
    assert not images.REFERENCE.fullmatch(word)
