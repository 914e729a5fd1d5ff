"""An instance's files come to a host once."""

from __future__ import annotations

import pytest

from instancectl.errors import ConfigError, OperationFailed, Refused
from instancectl.operations.host.carry import DIRECTORY, carry, refuse_different
from instancectl.ports.remote import Outcome
from tests.fakes.remote import FakeRemote

TOML = b'[instance]\ndomain = "social.example"\nlayout = "small"\n'
FILES = {"instance.toml": TOML, "secrets.env": b"DB_PASS='x'\n", "tls/chain.pem": b"PEM"}


@pytest.fixture
def host():
    """A host that can make directories and say what is in its files; `written` keeps the order."""
    remote = FakeRemote()

    def shell(argv, stdin):
        path = argv[4]
        return Outcome(0, remote.files[path][1]) if path in remote.files else Outcome(3)

    def mkdir(argv, stdin):
        remote.directories |= set(argv[4:])
        return Outcome(0)

    remote.programs |= {"sh": shell, "mkdir": mkdir}
    return remote


def test_everything_arrives_for_root_alone_and_the_instance_file_last(host):
    written = carry(host, FILES)
    assert set(written) == set(FILES)
    assert written[-1] == "instance.toml"
    assert host.files == {f"{DIRECTORY}/{name}": (0o600, content) for name, content in FILES.items()}


def test_a_second_time_nothing_is_written(host):
    carry(host, FILES)
    before = dict(host.files)
    assert carry(host, FILES) == ()
    assert host.files == before


def test_what_a_kill_left_out_is_brought_later(host):
    carry(host, {"secrets.env": FILES["secrets.env"]})
    assert set(carry(host, FILES)) == {"tls/chain.pem", "instance.toml"}


def test_other_settings_there_are_never_replaced(host):
    host.files[f"{DIRECTORY}/instance.toml"] = (0o600, TOML.replace(b"small", b"large"))
    with pytest.raises(Refused, match=r"differ in `instance\.layout`; neither was changed") as caught:
        carry(host, FILES)
    assert "sudo tee" in caught.value.hint
    assert list(host.files) == [f"{DIRECTORY}/instance.toml"]


def test_other_secrets_there_are_never_replaced(host):
    host.files[f"{DIRECTORY}/secrets.env"] = (0o600, b"DB_PASS='y'\n")
    with pytest.raises(Refused, match=r"another one than `secrets\.env` here") as caught:
        carry(host, FILES)
    assert "DB_PASS" not in f"{caught.value}{caught.value.hint}"
    assert list(host.files) == [f"{DIRECTORY}/secrets.env"]


def test_the_same_settings_in_other_words_are_the_same(host):
    host.files[f"{DIRECTORY}/instance.toml"] = (0o600, b"# annotated\n" + TOML)
    assert "instance.toml" not in carry(host, FILES)


def test_a_file_there_that_is_no_toml_is_told(host):
    host.files[f"{DIRECTORY}/instance.toml"] = (0o600, b"[[[")
    with pytest.raises(ConfigError, match="is no TOML"):
        refuse_different(host, FILES)


def test_a_directory_that_cannot_be_made_is_told(host):
    host.programs["mkdir"] = lambda _argv, _stdin: Outcome(1, b"", "mkdir: No space left on device")
    with pytest.raises(OperationFailed, match="No space left"):
        carry(host, FILES)
