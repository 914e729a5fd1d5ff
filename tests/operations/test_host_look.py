"""A look at a host: one command, and what can be wrong with its answer."""

from __future__ import annotations

import json

import pytest

from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.operations.host.look import look
from instancectl.ports.remote import Outcome
from tests.fakes.remote import FakeRemote


def looked(outcome: Outcome):
    remote = FakeRemote()
    remote.programs["sh"] = lambda argv, stdin: outcome if (argv[2], stdin) == ("start", b"program") else None
    return look(remote, "start", b"program")


def test_the_document_becomes_facts():
    facts = looked(Outcome(0, json.dumps({"hostname": "vps", "cores": 2}).encode()))
    assert (facts.hostname, facts.cores) == ("vps", 2)


def test_a_host_without_python_is_told_what_to_install():
    with pytest.raises(Refused, match="there is no `python3`") as caught:
        looked(Outcome(127))
    assert "apt-get install -y python3" in caught.value.hint


def test_a_login_without_a_shell_is_told():
    with pytest.raises(Refused, match="This account is currently not available"):
        looked(Outcome(1, b"This account is currently not available.\n"))


def test_an_image_that_sends_root_to_another_login_has_it_named():
    said = b'Please login as the user "debian" rather than the user "root".\n\n'
    with pytest.raises(Refused, match="its image lets `debian` in") as caught:
        looked(Outcome(142, said))
    assert "--host debian@203.0.113.7" in caught.value.hint


def test_a_look_that_breaks_shows_its_last_line():
    with pytest.raises(OperationFailed, match=r"OSError: disk on fire \(exit code 1\)"):
        looked(Outcome(1, b"", "Traceback …\nOSError: disk on fire\n"))


def test_a_host_out_of_reach_stays_unreachable():
    with pytest.raises(Unreachable, match="gone"):
        look(FakeRemote(error=Unreachable("gone")), "start", b"program")
