"""The days after: maintenance page, Mastodon's own commands, logs."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from tests.e2e.browser import Browser
from tests.e2e.host import ROOT, STACK, Instance, lines

pytestmark = pytest.mark.e2e


class TestMaintenance:
    def test_everybody_is_told_in_their_own_way_and_it_ends(
        self, instance: Instance, browser: Browser, token: str
    ):
        before = instance.tasks()
        try:
            instance.cli("maintenance", "on", "--message", "back at <nine>")
            person = browser.ask("/auth/sign_in")
            assert person.status == 503
            assert "back at &lt;nine&gt;" in person.text
            assert int(person.headers["Retry-After"]) > 0
            server = browser.ask("/inbox", method="POST", form={}, Accept="application/activity+json")
            assert server.status == 503
            assert int(server.headers["Retry-After"]) > 0
            app = browser.ask("/api/v1/timelines/home", token=token, Accept="application/json")
            assert app.status == 503
            assert app.json["error"]
            assert browser.websocket(f"/api/v1/streaming?stream=user&access_token={token}") == 503
            assert instance.cli("--json", "status", expect=None).document["data"]["verdict"] == "maintenance"
            assert instance.cli("plan", "--exit-code").code == 0
            again = instance.cli("--json", "maintenance", "on", "--message", "back at <nine>")
            assert again.document["status"] == "unchanged"
        finally:
            instance.cli("maintenance", "off")
        assert browser.ask("/auth/sign_in").status == 200
        assert browser.websocket(f"/api/v1/streaming?stream=user&access_token={token}") == 101
        after = instance.tasks()
        assert {name for name in before if before[name] != after[name]} == {"cache"}
        assert instance.cli("plan", "--exit-code").code == 0


WHERE_IS_THE_CURSOR = b"\x1b[6n"
"""A question that line editors put to every terminal."""


class Terminal:
    """A command with a terminal of its own."""

    def __init__(self, instance: Instance, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self._run = subprocess.Popen(
            instance.words(*words),
            cwd=ROOT, env=instance.environment(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def read_until(self, wanted: str, seconds: float = 60) -> None:
        """Read until something was shown, or the command has ended."""
        deadline = time.monotonic() + seconds
        while wanted not in self.shown or not wanted:
            if time.monotonic() > deadline:
                os.killpg(self._run.pid, signal.SIGKILL)
                pytest.fail(f"`{wanted}` was not shown: {self.shown!r}")
            if select.select([self._ours], [], [], 0.2)[0] and not self._read():
                return

    def _read(self) -> bool:
        """Whether there was something to read."""
        try:
            chunk = os.read(self._ours, 4096)
        except OSError:  # the other side is closed
            return False
        self.shown += chunk.decode(errors="replace")
        if WHERE_IS_THE_CURSOR in chunk:
            self.type("\x1b[1;1R")
        return bool(chunk)

    def type(self, text: str) -> None:
        """As a person would."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        self.read_until("")
        os.close(self._ours)
        return self._run.wait(timeout=20)


@pytest.mark.usefixtures("unchanged")
class TestTootctl:
    def test_its_output_and_exit_code_are_passed_on(self, instance: Instance):
        version = instance.cli("tootctl", "version")
        assert version.out.strip().endswith("4.6.3")
        refused = instance.cli(
            "tootctl", "accounts", "create", "admin", "--email", "x@e2e.localhost", expect=1
        )
        assert "taken" in refused.out + refused.err

    def test_its_options_are_its_own(self, instance: Instance):
        helped = instance.cli("tootctl", "--help", expect=None)
        assert "instancectl" not in helped.out
        assert "accounts" in helped.out

    def test_it_leaves_nothing_behind(self, instance: Instance):
        instance.cli("tootctl", "version")
        assert not lines("ps", "-aq", "--filter", f"label=instancectl.stack={STACK}")

    def test_it_has_the_terminal_when_there_is_one(self, instance: Instance):
        terminal = Terminal(instance, "console")
        terminal.read_until("> ")
        terminal.type("puts [$stdin.tty?, 6 * 7].inspect; exit 3\r")
        assert terminal.end() == 3
        assert "[true, 42]" in terminal.shown

    def test_a_script_can_be_piped_in(self, instance: Instance):
        run = instance.cli("console", stdin="puts [$stdin.tty?, 6 * 7].inspect\n", expect=None)
        assert "[false, 42]" in run.out


@pytest.mark.usefixtures("unchanged")
class TestLogs:
    def test_the_last_lines_of_a_service(self, instance: Instance):
        run = instance.cli("logs", "db", "--tail", "3")
        assert 1 <= len(run.out.splitlines()) <= 3

    def test_each_line_as_json(self, instance: Instance):
        run = instance.cli("--json", "logs", "web", "-n", "5")
        assert all(set(json.loads(line)) == {"service", "line"} for line in run.out.splitlines())

    def test_a_service_that_is_not_there(self, instance: Instance):
        run = instance.cli("logs", "wep", expect=7)
        assert "did you mean `web`?" in run.err

    def test_following_goes_on_until_somebody_stops_it(self, instance: Instance, browser: Browser):
        run = instance.start("logs", "web", "--follow", "--tail", "1")
        try:
            time.sleep(3)
            assert run.poll() is None
            browser.ask("/auth/sign_in")
            ready, _, _ = select.select([run.stdout], [], [], 20)
            assert ready
        finally:
            os.killpg(run.pid, signal.SIGINT)
            _, err = run.communicate(timeout=30)
        assert run.returncode == 130
        assert "Traceback" not in err

    def test_a_reader_that_goes_away_is_no_bug(self, instance: Instance):
        # One that hangs says where.
        words = ("timeout", "--signal=ABRT", "120", *instance.words("logs", "web", "-n", "0"))
        command = f"{' '.join(words)} | head -n 1"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env={**instance.environment(), "PYTHONFAULTHANDLER": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert done.stdout.count("\n") == 1
        assert not done.stderr
