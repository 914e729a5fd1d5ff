"""Showing the journal."""

from __future__ import annotations

from instancectl.core.result import Status
from instancectl.operations import journal
from tests.fakes.journal import FakeJournal
from tests.fakes.site import Site


def test_before_anything_was_done_it_says_so():
    result = journal.show(FakeJournal(), 40)
    assert result.status is Status.OK
    assert result.lines == ("nothing was done yet",)
    assert result.data == {"entries": []}


def test_only_the_last_entries_are_shown_oldest_first():
    written = FakeJournal()
    for number in range(5):
        written.write("event", number_of=number)
    assert [entry["number_of"] for entry in journal.show(written, 2).data["entries"]] == [3, 4]
    assert len(journal.show(written, 0).data["entries"]) == 5


def test_a_line_says_when_who_what_and_how_it_ended():
    written = FakeJournal()
    written.write(
        "step-done",
        at="2026-11-22T07:19:01.123+00:00",
        who="ada@host",
        pid=12,
        command="deploy",
        step="create-volume",
        summary="create the volume db",
        number=3,
        of=9,
        seconds=0.2,
    )
    (line,) = journal.show(written, 0).lines
    assert line == "2026-11-22 07:19:01  ada@host  step-done 3/9: create the volume db, seconds 0.2"


def test_every_line_of_a_real_run_can_be_shown():
    site = Site()
    site.deployment().deploy()
    result = journal.show(site.journal, 0)
    assert len(result.lines) == len(site.journal.written)
    assert all(line.count("\n") == 0 for line in result.lines)


def test_an_error_of_several_lines_stays_readable():
    written = FakeJournal()
    written.write("step-failed", error="it broke\n  | because")
    (line,) = journal.show(written, 0).lines
    assert "it broke" in line
    assert "because" in line
