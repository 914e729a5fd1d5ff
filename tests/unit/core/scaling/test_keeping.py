"""A state that was written down is the same state."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from instancectl.core.scaling import keeping
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import Sample
from instancectl.core.scaling.state import State
from tests.unit.core.scaling.situations import reference_policy
from tests.unit.core.scaling.test_properties import histories


@given(histories())
@settings(max_examples=30)
def test_a_state_survives_being_written_and_read(history: list[Sample]) -> None:
    state = State()
    for seen in history:
        state, _ = decide(reference_policy(mails_per_day=500), state, seen)
    assert keeping.restored(json.loads(json.dumps(keeping.plain(state)))) == state


def test_another_version_begins_anew() -> None:
    assert keeping.restored({"version": 0, "queues": 1}) == State()


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises((KeyError, TypeError)):
        keeping.restored({"version": keeping.VERSION})
