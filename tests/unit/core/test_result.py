"""The one JSON document: its keys are a contract with scripts."""

from __future__ import annotations

import json

import pytest

from instancectl.core.result import SCHEMA, Result, Status, envelope

ERROR = {"code": "busy", "message": "m", "hint": "h", "subject": "s"}


@pytest.mark.parametrize(
    ("result", "errors"),
    [
        (Result(Status.OK), ()),
        (Result(Status.CHANGED, {"steps": [1]}, ("done",), ("by the way",)), ()),
        (Result(Status.FAILED, exit_code=5), (ERROR,)),
    ],
)
def test_the_document_has_the_same_keys_whatever_happened(result, errors):
    document = json.loads(json.dumps(envelope(("maintenance", "on"), result, errors)))
    assert list(document) == ["schema", "command", "status", "exit_code", "data", "notes", "errors"]
    assert document["schema"] == SCHEMA == "instancectl/1"
    assert document["command"] == ["maintenance", "on"]
    assert document["status"] == result.status
    assert document["exit_code"] == result.exit_code
    assert document["data"] == result.data
    assert document["notes"] == list(result.notes)
    assert document["errors"] == list(errors)


def test_lines_for_people_are_not_in_the_document():
    assert "for people" not in json.dumps(envelope(("x",), Result(Status.OK, lines=("for people",))))


def test_the_words_for_how_it_ended_never_change():
    assert [status.value for status in Status] == [
        "ok",
        "unchanged",
        "changed",
        "planned",
        "partial",
        "failed",
    ]
