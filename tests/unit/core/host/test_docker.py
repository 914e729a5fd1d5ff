from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.host.docker import OURS, daemon_json
from instancectl.errors import Refused


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
