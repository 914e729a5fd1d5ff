"""Relaying a command: what goes first, what is explained, what never stands in sight."""

from __future__ import annotations

import pytest

from instancectl.core.host.relay import Errand, Travelling
from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.operations.host.relay import PROGRAM, Manner, relay
from instancectl.ports.remote import Outcome
from tests.fakes.remote import FakeRemote

SECRET = b"hunter22"


class Host(FakeRemote):
    """A host with instancectl, which answers what a test says; keeps what it was asked."""

    def __init__(self, code: int = 0, *, installed: bool = True, **options: object) -> None:
        super().__init__(**options)
        self.installed = installed
        self.asked: list[tuple[str, ...]] = []
        self.answer = code
        self.programs["sh"] = self._shell
        self.programs["test"] = lambda _argv, _stdin: Outcome(0 if self.installed else 1)

    def _shell(self, argv, stdin):
        if "mktemp -d" in argv[2]:
            self.directories.add("/run/instancectl-relay.x")
            return Outcome(0, b"/run/instancectl-relay.x\n")
        self.asked.append(tuple(argv))
        return Outcome(254 if not self.installed else self.answer)


@pytest.mark.parametrize("code", [0, 1, 2, 4, 7, 9, 130, 254, 255])
def test_the_exit_code_is_the_commands(code):
    assert relay(Host(code), Errand(("status",)), (), Manner()) == code


def test_the_words_arrive_behind_the_program():
    host = Host()
    relay(host, Errand(("--host", "local", "status", "--json")), (), Manner(expected="abc"))
    (asked,) = host.asked
    assert asked[4:6] == (PROGRAM, "abc")
    assert asked[-4:] == ("--host", "local", "status", "--json")


def test_files_go_first_and_are_named_by_where_they_are():
    host = Host()
    going = Errand(("init", "--smtp-password-file", Travelling("/home/me/pw")))
    relay(host, going, (SECRET,), Manner())
    assert host.files["/run/instancectl-relay.x/0"] == (0o600, SECRET)
    (asked,) = host.asked
    assert asked[-1] == "/run/instancectl-relay.x/0"
    assert asked[7] == "/run/instancectl-relay.x"
    assert SECRET.decode() not in " ".join(asked)


def test_a_host_without_instancectl_is_told_from_a_command_that_fails():
    with pytest.raises(Refused, match=r"instancectl is not installed on `admin@203\.0\.113\.7`") as caught:
        relay(Host(installed=False), Errand(("status",)), (), Manner())
    assert "instancectl host provision --host admin@203.0.113.7" in caught.value.hint


def test_a_login_that_may_not_become_root_is_told():
    with pytest.raises(Refused, match="`sudo` asks for a password"):
        relay(Host(sudo="password"), Errand(("status",)), (), Manner())


def test_a_login_that_runs_no_commands_is_told():
    host = Host(1)
    host.programs["true"] = lambda _argv, _stdin: Outcome(1, b"This account is not available.")
    with pytest.raises(Refused, match="runs no commands"):
        relay(host, Errand(("status",)), (), Manner())


def test_a_host_that_takes_no_files_runs_nothing():
    host = Host()
    host.programs["sh"] = lambda _argv, _stdin: Outcome(1, b"", "mktemp: No space left on device")
    with pytest.raises(OperationFailed, match="No space left"):
        relay(host, Errand((Travelling("x"),)), (SECRET,), Manner())
    assert not host.asked


def test_a_host_out_of_reach_stays_unreachable():
    with pytest.raises(Unreachable, match="gone"):
        relay(Host(error=Unreachable("gone")), Errand(("status",)), (), Manner())
