"""The record of earlier runs."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.applied import Applied

records = st.builds(
    Applied,
    local_domain=st.text(max_size=10),
    web_domain=st.text(max_size=10),
    schema_before=st.text(max_size=10),
    schema_after=st.text(max_size=10),
    settings_done=st.booleans(),
    owner_done=st.booleans(),
    verified=st.text(max_size=10),
    images=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    created_swarm=st.booleans(),
    maintenance=st.none() | st.text(max_size=10),
)


@given(records)
def test_a_record_survives_the_file(record):
    assert Applied.from_json(json.loads(json.dumps(record.as_json()))) == record


def test_keys_of_a_newer_version_are_ignored_and_missing_ones_are_not_done_yet():
    assert Applied.from_json({"owner_done": True, "invented_later": 1}) == Applied(owner_done=True)
    assert Applied.from_json({}) == Applied()


def test_an_empty_message_is_not_the_same_as_no_maintenance():
    assert Applied.from_json(Applied(maintenance="").as_json()).maintenance == ""
    assert Applied().maintenance is None
