"""Progress for a person."""

from __future__ import annotations

import io
import threading

import pytest

from instancectl.adapters.terminal_reporter import SIGNS, TerminalReporter


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO, **options: bool) -> str:
    reporter = TerminalReporter(**{"quiet": False, "color": True, **options}, stream=stream)
    reporter.step_started(1, 2, "create the volume db")
    reporter.step_done("create the volume db", "", 0.2)
    reporter.step_started(2, 2, "wait until db serves")
    reporter.step_failed("wait until db serves")
    reporter.step_done("verify", "8 probes ok", 12.4)
    reporter.note("by the way")
    return stream.getvalue()


def test_a_file_gets_one_plain_line_for_each_step_that_ended():
    assert told(io.StringIO()).splitlines() == [
        "✓ create the volume db",
        "✗ wait until db serves",
        "✓ verify (8 probes ok, 12 s)",
        "by the way",
    ]


@pytest.fixture
def _terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("INSTANCECTL_NO_PROGRESS", raising=False)


@pytest.mark.usefixtures("_terminal")
def test_a_terminal_sees_what_runs_and_then_how_it_ended():
    shown = told(Terminal())
    assert "\r\033[K\033[2m… [1/2] create the volume db\033[0m" in shown
    assert "\r\033[K\033[32m✓\033[0m create the volume db\n" in shown
    assert "\033[31m✗\033[0m wait until db serves\n" in shown


@pytest.mark.usefixtures("_terminal")
def test_without_colour_nothing_is_said_by_colour_alone():
    shown = told(Terminal(), color=False)
    assert "\033[3" not in shown
    assert "✓ create the volume db" in shown
    assert "✗ wait until db serves" in shown


def test_a_dumb_terminal_is_not_overwritten():
    assert "\r" not in told(Terminal())
    assert "\033" not in told(Terminal())


@pytest.mark.usefixtures("_terminal")
def test_progress_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("INSTANCECTL_NO_PROGRESS", "1")
    assert "…" not in told(Terminal())


def test_quiet_says_nothing():
    assert not told(Terminal(), quiet=True)


class Watched(Terminal):
    """A terminal on which one waits for a text."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self.awaited = awaited
        self.seen = threading.Event()

    def write(self, text: str) -> int:
        if self.awaited in text:
            self.seen.set()
        return super().write(text)


@pytest.mark.usefixtures("_terminal")
def test_what_takes_long_turns_until_it_has_ended():
    stream = Watched(f"{SIGNS[1]} [1/1] install packages")
    threads = threading.active_count()
    reporter = TerminalReporter(quiet=False, color=False, stream=stream)
    reporter.step_started(1, 1, "install packages")
    assert stream.seen.wait(10)
    reporter.step_done("install packages", "", 0.2)
    assert stream.getvalue().endswith("✓ install packages\n")
    assert threading.active_count() == threads
