"""Numbers that somebody chose, put into a layout and into what runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core import topology
from instancectl.core.applied import Applied
from instancectl.core.layout import Machine, Room, derive
from instancectl.core.scaling import chosen
from instancectl.errors import ConfigError
from tests.fakes import instance

LAYOUT = instance.layout()
DESIRED = instance.desired()


@pytest.mark.parametrize("word", ["push", "push=", "=3", "push=x", "push=-1", "Push=1", "push=1 2"])
def test_what_is_no_word(word: str) -> None:
    with pytest.raises(ConfigError):
        chosen.parsed(word)


def test_a_hold_counts_until_its_end_and_before_what_was_set() -> None:
    applied = Applied(scale={"web": 3, "sidekiq-push": 2}, holds={"sidekiq-push": (4, 100.0)})
    assert chosen.numbers(applied, 99.0) == {"web": 3, "sidekiq-push": 4}
    assert chosen.numbers(applied, 100.0) == {"web": 3, "sidekiq-push": 2}


def test_the_record_survives_the_file() -> None:
    applied = Applied(scale={"web": 3}, holds={"web": (4, 100.5)}, surge_until=7.0, surge_mode="open")
    assert Applied.from_json(applied.as_json()) == applied


def test_a_service_that_the_layout_no_longer_has_is_ignored() -> None:
    assert chosen.counted(LAYOUT, {"sidekiq-gone": 5}) == LAYOUT


@given(st.integers(1, 9), st.integers(1, 12))
def test_what_runs_afterwards_is_what_a_deploy_would_bring(push: int, web: int) -> None:
    sizes = chosen.counted(LAYOUT, {"sidekiq-push": push, "web": web})
    of = instance.config()
    images = {reference: reference for reference in topology.image_references(of, sizes)}
    wanted = topology.desired(of, sizes, instance.rendered(), images)
    for name, number in (("sidekiq-push", push), ("web", web)):
        spec = chosen.resized(DESIRED.service(name), LAYOUT, number)
        assert spec == wanted.service(name)
        assert chosen.running(spec) == number
        assert chosen.unsized(spec) == chosen.unsized(DESIRED.service(name))


def test_puma_processes_are_shared_by_its_replicas() -> None:
    two = replace(LAYOUT, web=replace(LAYOUT.web, replicas=2))
    assert chosen.web_size(two, 5)[0] == 3
    assert chosen.configured(two, "web") == 2 * LAYOUT.web.processes


def test_on_several_hosts_each_may_carry_its_part() -> None:
    config = instance.config(media={"storage": "s3", "s3_bucket": "b"}, instance={"layout": "medium"})
    others = (Room("two", 8 * instance.GIB, 4, frozenset({"web", "workers"})),)
    layout = derive(config, Machine(8 * instance.GIB, 4), others)
    share = chosen.counted(layout, {"sidekiq-push": 6}).share("sidekiq-push")
    assert share is not None
    assert share.most_per_host * share.hosts >= 6
