from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.host.docker import OURS, daemon_json, has_own_repository, needs_experiment
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.settings import HostSettings
from instancectl.errors import Refused
from tests.unit.core.host.hosts import vps


def merged(theirs: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(daemon_json(json.dumps(theirs)))
    return found


def test_without_a_file_only_ours_holds() -> None:
    assert json.loads(daemon_json("")) == OURS


def test_what_an_admin_wrote_stays() -> None:
    theirs = {"registry-mirrors": ["https://mirror.example"], "log-opts": {"max-size": "1g"}, "mtu": 1400}
    found = merged(theirs)
    assert found["registry-mirrors"] == theirs["registry-mirrors"]
    assert found["log-opts"] == {"max-size": "1g", "max-file": "5"}
    assert found["mtu"] == 1400


def test_what_swarm_refuses_is_removed() -> None:
    assert "live-restore" not in merged({"live-restore": True})


def test_another_log_driver_gets_no_options_it_does_not_know() -> None:
    found = merged({"log-driver": "journald"})
    assert found["log-driver"] == "journald"
    assert "log-opts" not in found


@pytest.mark.parametrize("text", ["{", "[]", "no"])
def test_a_broken_file_is_not_overwritten(text: str) -> None:
    with pytest.raises(Refused, match=r"daemon\.json"):
        daemon_json(text)


@given(
    st.dictionaries(
        st.sampled_from(["log-driver", "log-opts", "live-restore", "mtu", "debug"]),
        st.booleans() | st.integers() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    )
)
def test_a_second_run_changes_nothing(theirs: dict[str, Any]) -> None:
    once = daemon_json(json.dumps(theirs))
    assert daemon_json(once) == once


@pytest.mark.parametrize(
    ("facts", "needed"),
    [
        (vps(addresses=("203.0.113.7", "2001:db8::7")), True),
        (vps(addresses=("203.0.113.7",)), False),
        (vps(addresses=("2001:db8::7",), version="13"), True),
        (vps(addresses=("2001:db8::7",), docker_version="28.5.1"), False),
        (vps(addresses=("2001:db8::7",), docker_version="20.10.24+dfsg1"), True),
        (vps(addresses=("2001:db8::7",), system="ubuntu", version="24.04"), False),
    ],
)
def test_an_old_engine_forwards_ipv6_as_an_experiment(facts: HostFacts, needed: bool) -> None:
    assert needs_experiment(HostSettings(), facts) is needed


UPSTREAM = HostSettings(docker_from="docker", docker_repository="https://mirror.example/docker")


def test_docker_s_own_engine_needs_no_experiment() -> None:
    bare = vps(addresses=("2001:db8::7",))
    assert not needs_experiment(UPSTREAM, bare)
    assert needs_experiment(
        UPSTREAM, vps(addresses=("2001:db8::7",), docker_package="docker-ce", docker_version="24.0")
    )


@pytest.mark.parametrize(
    ("settings", "facts", "ours"),
    [
        (HostSettings(), vps(), False),
        (UPSTREAM, vps(), True),
        (UPSTREAM, vps(docker_package="docker.io"), False),
        (UPSTREAM, vps(docker_package="docker-ce"), False),
        (
            UPSTREAM,
            vps(
                docker_package="docker-ce", record={"files": {"/etc/apt/sources.list.d/docker.sources": "x"}}
            ),
            True,
        ),
    ],
)
def test_a_repository_that_an_admin_named_is_not_named_again(
    settings: HostSettings, facts: HostFacts, ours: bool
) -> None:
    assert has_own_repository(settings, facts) is ours


def test_an_admin_s_own_choice_about_ipv6_holds() -> None:
    found = json.loads(daemon_json('{"ip6tables": false}', experiment=True))
    assert found["ip6tables"] is False
    assert found["experimental"] is True
