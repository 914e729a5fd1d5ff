"""A host's key is confirmed once, and never silently."""

from __future__ import annotations

import pytest

from instancectl.core.host.address import parse
from instancectl.errors import Refused
from instancectl.operations.host.trust import log_in
from tests.fakes.host_keys import FakeHostKeys

ADDRESS = parse("root@203.0.113.7")


@pytest.fixture
def keys():
    return FakeHostKeys()


@pytest.fixture
def enter(keys):
    """Log in, with what a person named or answers."""

    def entered(named: str = "", ask=None) -> str:
        return log_in(lambda: keys.log_in(ADDRESS), keys, ADDRESS, named=named, ask=ask)

    return entered


def test_an_unknown_key_is_refused_when_nobody_is_there(keys, enter):
    with pytest.raises(Refused, match="SHA256:shown is not known here, and nobody is here") as caught:
        enter()
    assert "--host-key SHA256:shown" in caught.value.hint
    assert (keys.recorded, keys.logins) == ({}, 0)


def test_an_unknown_key_is_shown_and_recorded_when_the_person_says_yes(keys, enter):
    asked: list[str] = []
    said = enter(ask=lambda question: not asked.append(question))
    assert "SHA256:shown" in asked[0]
    assert "ssh-keygen -lf" in asked[0]
    assert "recorded in `known_hosts`" in said
    assert keys.logins == 1


def test_a_no_changes_nothing(keys, enter):
    with pytest.raises(Refused, match="it was not confirmed"):
        enter(ask=lambda _: False)
    assert (keys.recorded, keys.logins) == ({}, 0)


def test_a_key_that_was_named_needs_no_question(keys, enter):
    enter(named="SHA256:shown", ask=lambda _: pytest.fail("asked"))
    assert keys.logins == 1


def test_another_key_than_named_is_refused_without_a_question(keys, enter):
    with pytest.raises(Refused, match="not the key `SHA256:other` that was named"):
        enter(named="SHA256:other", ask=lambda _: pytest.fail("asked"))
    assert (keys.recorded, keys.logins) == ({}, 0)


def test_a_known_key_says_nothing(keys, enter):
    enter(named="SHA256:shown")
    assert enter() == ""
    assert keys.logins == 2


@pytest.mark.parametrize("named", ["", "SHA256:new"])
def test_a_changed_key_is_an_error_with_both(keys, enter, named):
    enter(named="SHA256:shown")
    keys.shown = "SHA256:new"
    with pytest.raises(
        Refused, match=r"known is ed25519 SHA256:shown, shown is ed25519 SHA256:new"
    ) as caught:
        enter(named=named, ask=lambda _: pytest.fail("asked"))
    assert "ssh-keygen -R" in caught.value.hint
    assert keys.logins == 1
