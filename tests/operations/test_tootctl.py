"""Mastodon's own commands."""

from __future__ import annotations

import pytest

from instancectl.core.desired import OneShot
from instancectl.errors import Refused
from instancectl.operations import tootctl
from tests.fakes.interactive import FakeInteractiveJobs
from tests.fakes.journal import FakeJournal
from tests.fakes.site import STACK, Site


@pytest.fixture
def site():
    made = Site()
    made.deployment().deploy()
    return made


def job(*words: str) -> OneShot:
    return OneShot("tootctl", "web:1", ("bin/tootctl", *words))


@pytest.mark.parametrize("code", [0, 1, 42])
def test_its_exit_code_is_passed_on(site, code):
    jobs = FakeInteractiveJobs()
    jobs.exit_code = code
    assert tootctl.run(STACK, job("version"), site.swarm, jobs, FakeJournal()) == code
    assert jobs.attached == [job("version")]


def test_what_was_done_is_in_the_journal_without_what_may_be_private(site):
    journal = FakeJournal()
    words = ("accounts", "create", "ada", "--email", "ada@example.com", "--reset-password=hunter2")
    tootctl.run(STACK, job(*words), site.swarm, FakeInteractiveJobs(), journal)
    assert journal.events() == ["one-shot-started", "one-shot-done"]
    assert journal.written[0]["words"] == "accounts create"
    assert journal.written[1]["exit_code"] == 0
    for private in ("ada", "example.com", "hunter2"):
        assert private not in repr(journal.written)


def test_an_instance_that_is_not_deployed_has_nothing_to_ask():
    jobs = FakeInteractiveJobs()
    with pytest.raises(Refused, match="cannot run `tootctl`") as caught:
        tootctl.run(STACK, job("version"), Site().swarm, jobs, FakeJournal())
    assert "instancectl deploy" in caught.value.hint
    assert not jobs.attached
