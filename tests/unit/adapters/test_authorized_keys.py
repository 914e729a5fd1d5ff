"""The courier's key gets in for one command; whatever else stands in the file stays."""

from __future__ import annotations

import getpass

import pytest

from instancectl.adapters import authorized_keys
from instancectl.adapters.authorized_keys import authorise, host_keys
from instancectl.errors import OperationFailed

KEY = "ssh-ed25519 AAAAnew instancectl-courier"
OWN = "ssh-ed25519 AAAAmine me@laptop"


@pytest.fixture
def me():
    return getpass.getuser()


def lines(home):
    return (home / ".ssh" / "authorized_keys").read_text().splitlines()


def test_the_key_is_let_in_for_one_command_only(tmp_path, me):
    authorise(me, KEY, tmp_path)
    (line,) = lines(tmp_path)
    options, _, key = line.partition(" ssh-ed25519 ")
    assert key == "AAAAnew instancectl-courier"
    assert options.startswith('restrict,command="sudo -n /usr/local/bin/instancectl ')
    assert options.endswith('host serve -- \\"$SSH_ORIGINAL_COMMAND\\""')
    assert (tmp_path / ".ssh" / "authorized_keys").stat().st_mode & 0o777 == 0o600


def test_other_keys_stay_and_an_older_one_of_the_courier_goes(tmp_path, me):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "authorized_keys").write_text(f"# mine\n{OWN}\nssh-rsa old instancectl-courier\n")
    for _ in range(2):
        authorise(me, KEY, tmp_path)
    assert lines(tmp_path)[:2] == ["# mine", OWN]
    assert len(lines(tmp_path)) == 3
    assert "AAAAnew" in lines(tmp_path)[2]


def test_a_user_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OperationFailed, match="no user `nobody-of-that-name`"):
        authorise("nobody-of-that-name", KEY, tmp_path)


def test_the_keys_of_sshd_are_told(tmp_path):
    (tmp_path / "ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AAAA host\n")
    (tmp_path / "ssh_host_ed25519_key").write_text("private")
    assert host_keys(tmp_path) == ("ssh-ed25519 AAAA host",)
    assert str(authorized_keys.HOST_KEYS) == "/etc/ssh"
