"""The record of earlier runs: in memory and on disk."""

from __future__ import annotations

import pytest

from instancectl.adapters.state_file import StateDirectory
from instancectl.core.applied import Applied
from instancectl.errors import ConfigError, OperationFailed
from tests.fakes.state import FakeState

RECORD = Applied("social.example", schema_before="web:1", owner_done=True, images={"web:1": "web:1@sha256:a"})


@pytest.fixture(params=["fake", "real"])
def state(request, tmp_path):
    return FakeState() if request.param == "fake" else StateDirectory(tmp_path / "state")


def test_before_the_first_deploy_nothing_was_done(state):
    assert state.load() == Applied()


def test_what_is_saved_is_loaded(state):
    state.save(RECORD)
    assert state.load() == RECORD
    state.save(Applied())
    assert state.load() == Applied()


class TestOnDisk:
    @pytest.fixture
    def directory(self, tmp_path):
        return tmp_path / "state"

    def test_another_process_sees_it(self, directory):
        StateDirectory(directory).save(RECORD)
        assert StateDirectory(directory).load() == RECORD

    def test_rendered_files_are_written_and_replaced(self, directory):
        state = StateDirectory(directory)
        state.write_rendered({"stack.yml": "one\n", "configs/a": "ä\n"})
        state.write_rendered({"stack.yml": "two\n"})
        assert (directory / "stack.yml").read_text() == "two\n"
        assert (directory / "configs" / "a").read_text(encoding="utf-8") == "ä\n"

    def test_what_did_not_change_is_left_alone(self, directory):
        state = StateDirectory(directory)
        state.write_rendered({"stack.yml": "one\n"})
        before = (directory / "stack.yml").stat()
        state.write_rendered({"stack.yml": "one\n"})
        assert (directory / "stack.yml").stat().st_mtime_ns == before.st_mtime_ns
        assert (directory / "stack.yml").stat().st_ino == before.st_ino

    def test_nobody_else_may_look_in(self, directory):
        StateDirectory(directory).save(RECORD)
        assert directory.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null", '{"images": 3'])
    def test_a_broken_record_is_named_and_never_taken_for_an_empty_one(self, directory, text):
        directory.mkdir()
        (directory / "applied.json").write_text(text)
        with pytest.raises(ConfigError, match="cannot read the state file") as caught:
            StateDirectory(directory).load()
        assert "mv " in caught.value.hint

    def test_a_save_that_fails_leaves_the_old_record(self, directory, monkeypatch):
        state = StateDirectory(directory)
        state.save(RECORD)
        monkeypatch.setattr("os.fsync", _full)
        with pytest.raises(OperationFailed, match="cannot write") as caught:
            state.save(Applied())
        assert "df -h" in caught.value.hint
        monkeypatch.undo()
        assert state.load() == RECORD
        assert [path.name for path in directory.iterdir()] == ["applied.json"]


def _full(handle: int) -> None:
    raise OSError(28, "No space left on device")
