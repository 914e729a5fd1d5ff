"""How `ssh` is called."""

from __future__ import annotations

import shlex

import pytest

from instancectl.adapters.ssh import Ssh
from instancectl.core.host.address import parse
from instancectl.errors import Refused


@pytest.fixture
def ssh(tmp_path):
    """Plain ssh with sockets in a directory."""
    return Ssh(("ssh",), tmp_path)


@pytest.mark.parametrize("text", ["root@203.0.113.7", "admin@[2001:db8::1]:2222", "alias"])
def test_a_host_is_never_read_as_an_option(ssh, text):
    address = parse(text)
    for words in (ssh.opening(address), ssh.command(address, ["true"]), ssh.closing(address)):
        at = words.index("--")
        assert words[at + 1] == address.destination
        assert ("-p" in words) == bool(address.port)


def test_keys_are_always_checked(ssh):
    for words in (ssh.opening(parse("a@b")), ssh.command(parse("a@b"), ["true"])):
        assert "StrictHostKeyChecking=yes" in words
        assert "ForwardAgent=no" in words


def test_a_command_is_one_quoted_line(ssh):
    argv = ["printf", "a b", "'", "$(rm)", "\n"]
    line = ssh.command(parse("a@b"), argv)[-1]
    assert shlex.split(line) == ["exec", *argv]


def test_each_host_and_configuration_has_a_connection_of_its_own(tmp_path):
    addresses = [parse(text) for text in ("a@b", "c@b", "a@b:2222", "a@c")]
    ways = [Ssh(("ssh",), tmp_path), Ssh(("ssh", "-F", "other"), tmp_path)]
    assert len({way.socket(address) for way in ways for address in addresses}) == 8


def test_the_environment_may_name_another_ssh(tmp_path):
    way = Ssh.of({"INSTANCECTL_SSH": "ssh -F 'my config'", "XDG_RUNTIME_DIR": "/"}, interactive=False)
    assert way.program == ("ssh", "-F", "my config")


def test_a_path_that_is_too_long_for_a_socket_is_not_used(tmp_path):
    long = tmp_path / ("x" * 80)
    long.mkdir()
    way = Ssh.of({"XDG_RUNTIME_DIR": str(long)}, interactive=False)
    assert long not in way.directory.parents
    assert way.directory.stat().st_mode & 0o077 == 0


def test_a_directory_that_others_may_enter_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Ssh.of({}, interactive=False).directory.chmod(0o755)
    with pytest.raises(Refused, match="others may enter it"):
        Ssh.of({}, interactive=False)
