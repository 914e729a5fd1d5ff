"""Where the manager of an instance is named, and whether that is this very machine."""

from __future__ import annotations

import pytest

from instancectl.adapters import own_addresses
from instancectl.adapters.instance_place import manager

FILE = '[instance]\ndomain = "social.example"\n[hosts]\nmanager = "admin@203.0.113.7"\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_instance_file_here_names_it(here):
    (here / "instance.toml").write_text(FILE)
    assert manager(None, {}) == "admin@203.0.113.7"


def test_so_does_one_that_is_named(here):
    (here / "elsewhere.toml").write_text(FILE)
    assert manager("elsewhere.toml", {}) == "admin@203.0.113.7"
    assert manager(None, {"INSTANCECTL_CONFIG": "elsewhere.toml"}) == "admin@203.0.113.7"


@pytest.mark.parametrize(
    "text",
    ["", "[hosts]\n", "hosts = 1\n", "[hosts]\nmanager = 7\n", "[[[", "\udcff", '[instance]\ndomain = "x"\n'],
)
def test_a_file_that_names_none_or_cannot_be_read_is_left_to_whoever_needs_it(here, text):
    (here / "instance.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert manager(None, {}) == ""


def test_no_file_names_none(here):
    assert manager("no-such-file", {}) == ""


@pytest.mark.parametrize("name", ["203.0.113.7", "2001:db8::1", "127.0.0.1", "::1", "no-such-host.invalid"])
def test_other_machines_and_loopback_are_not_this_one(name):
    assert not own_addresses.is_own(name)
