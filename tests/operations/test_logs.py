"""Reading logs."""

from __future__ import annotations

import json

import pytest

from instancectl.core.desired import Network
from instancectl.core.service import ServiceSpec
from instancectl.errors import Refused, Unreachable
from instancectl.operations import logs
from tests.fakes.clock import FakeClock
from tests.fakes.swarm import FakeSwarm


class ListeningSwarm(FakeSwarm):
    """Remembers since when it was asked."""

    asked_since = -1

    def logs(self, stack, service, *, tail, follow, since):
        self.asked_since = since
        return super().logs(stack, service, tail=tail, follow=follow, since=since)


@pytest.fixture
def swarm():
    made = ListeningSwarm()
    made.create_network("s", Network("edge"))
    for name in ("web", "sidekiq"):
        made.create_service("s", ServiceSpec(name, "web:1"))
    made.log_lines["web"] = ["one", "two", "three"]
    return made


def read(swarm, service="web", **wanted):
    return list(logs.read("s", swarm, FakeClock(1000.0), logs.Wanted(service, **wanted)))


def test_the_last_lines_are_read(swarm):
    assert read(swarm, tail=2) == ["two", "three"]
    assert read(swarm, tail=0) == ["one", "two", "three"]


@pytest.mark.parametrize(("typed", "since"), [("", 0), ("90s", 910), ("15m", 100), ("2h", 0), ("1d", 0)])
def test_newer_ones_only(swarm, typed, since):
    read(swarm, since=typed)
    assert swarm.asked_since == since


@pytest.mark.parametrize("typed", ["15", "m", "1.5h", "15 m", "-1s", "1w", "\u0661s"])
def test_what_is_no_duration_is_a_mistake_in_the_call(swarm, typed):
    with pytest.raises(logs.BadDuration, match="as a duration") as caught:
        read(swarm, since=typed)
    assert caught.value.exit_code == 2
    assert "--since 15m" in caught.value.hint


def test_a_service_that_is_not_there_is_refused_with_a_guess(swarm):
    with pytest.raises(Refused, match="no such service") as caught:
        read(swarm, "wep")
    assert "did you mean `web`?" in caught.value.hint
    assert "sidekiq, web" in caught.value.hint


def test_before_the_first_deploy_there_are_none():
    with pytest.raises(Refused) as caught:
        read(FakeSwarm())
    assert "none yet" in caught.value.hint


def test_an_engine_that_is_down_is_unreachable(swarm):
    swarm.down = True
    with pytest.raises(Unreachable):
        read(swarm)


def test_a_line_as_json_keeps_every_character():
    line = 'say "ä\\n"\t\x1b[0m'
    assert json.loads(logs.as_json("web", line)) == {"service": "web", "line": line}
    assert "\n" not in logs.as_json("web", "a\nb")
