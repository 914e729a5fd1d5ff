"""A journal: in memory and on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from instancectl.adapters.journal_file import JournalFile
from instancectl.errors import OperationFailed
from tests.fakes.journal import FakeJournal


@pytest.fixture(params=["fake", "real"])
def journal(request, tmp_path):
    return (
        FakeJournal() if request.param == "fake" else JournalFile(tmp_path / "state/journal.jsonl", "deploy")
    )


def test_a_new_journal_is_empty(journal):
    assert list(journal.entries()) == []
    assert list(journal.entries(3)) == []


def test_events_come_back_in_order_with_their_facts(journal):
    journal.write("one", number=1, of=2)
    journal.write("two", summary="say “hi”\n\tin two lines", done=True, list=[1, {"a": None}])
    first, second = journal.entries()
    assert (first["event"], first["number"], first["of"]) == ("one", 1, 2)
    assert second["summary"] == "say “hi”\n\tin two lines"
    assert second["list"] == [1, {"a": None}]


def test_only_the_last_are_given_when_asked(journal):
    for number in range(5):
        journal.write("event", number=number)
    assert [entry["number"] for entry in journal.entries(2)] == [3, 4]
    assert len(list(journal.entries(0))) == 5


def test_what_is_no_plain_value_is_a_mistake(journal):
    with pytest.raises(TypeError):
        journal.write("event", thing=object())
    assert not list(journal.entries())


class TestOnDisk:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "state" / "journal.jsonl"

    def test_every_line_says_who_when_and_by_which_command(self, path, monkeypatch):
        monkeypatch.setenv("SUDO_USER", "ada")
        JournalFile(path, "maintenance on").write("event")
        entry = json.loads(path.read_text())
        assert entry["who"].startswith("ada@")
        assert entry["command"] == "maintenance on"
        assert entry["pid"] == os.getpid()
        assert entry["at"].endswith("+00:00")

    def test_a_line_cut_off_by_a_power_loss_is_skipped(self, path):
        journal = JournalFile(path, "deploy")
        journal.write("one")
        with path.open("ab") as file:
            file.write(b'{"event": "hal')
        assert [entry["event"] for entry in journal.entries()] == ["one"]

    def test_after_a_line_that_was_cut_off_nothing_is_lost(self, path):
        journal = JournalFile(path, "deploy")
        journal.write("one")
        with path.open("ab") as file:
            file.write(b'{"event": "hal')
        journal.write("two")
        assert [entry["event"] for entry in journal.entries()] == ["one", "two"]

    def test_many_may_write_at_once(self, path):
        program = (
            "import sys; from pathlib import Path\n"
            "from instancectl.adapters.journal_file import JournalFile\n"
            "j = JournalFile(Path(sys.argv[1]), 'x')\n"
            "for n in range(50): j.write('event', number=n, filler='x' * 3000)"
        )
        runs = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(4)]
        assert [run.wait() for run in runs] == [0] * 4
        entries = list(JournalFile(path, "x").entries())
        assert len(entries) == 200
        assert all(len(entry["filler"]) == 3000 for entry in entries)

    def test_nobody_else_may_read_it(self, path):
        JournalFile(path, "deploy").write("one")
        assert path.parent.stat().st_mode & 0o077 == 0

    def test_a_disk_that_refuses_is_an_error_with_a_hint(self, tmp_path):
        (tmp_path / "state").write_text("in the way")
        with pytest.raises(OperationFailed, match="cannot write the journal") as caught:
            JournalFile(tmp_path / "state" / "journal.jsonl", "deploy").write("one")
        assert "df -h" in caught.value.hint
