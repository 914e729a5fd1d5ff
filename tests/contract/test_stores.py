"""The instance file and the secrets: the same tests on the fakes and on files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from instancectl.adapters.config_file import ConfigFile
from instancectl.adapters.secret_file import SecretFile, foreign, load, password
from instancectl.adapters.secret_generator import SystemSecretGenerator
from instancectl.core.config import InstanceConfig
from instancectl.core.secret_set import decode_urlsafe, from_values
from instancectl.errors import ConfigError
from tests.fakes.config_store import FakeConfigStore
from tests.fakes.secret_generator import GENERATED, FakeSecretGenerator
from tests.fakes.secret_store import FakeSecretStore

TEXT = '[instance]\ndomain = "social.example"\n'


class TestSecretStore:
    @pytest.fixture(params=["fake", "file"])
    def store(self, request, tmp_path: Path):
        return FakeSecretStore() if request.param == "fake" else SecretFile(tmp_path / "deep" / "secrets.env")

    def test_it_is_empty_at_first(self, store) -> None:
        assert not store.load().values
        assert store.location.endswith("secrets.env")

    def test_what_is_added_is_there(self, store) -> None:
        added = store.add(from_values({"DB_PASS": "one", "SMTP_PASSWORD": "a b'c"}))
        assert set(added) == {"DB_PASS", "SMTP_PASSWORD"}
        assert store.load().reveal("SMTP_PASSWORD") == "a b'c"

    def test_what_is_there_is_never_replaced(self, store) -> None:
        store.add(from_values({"DB_PASS": "one"}))
        assert store.add(from_values({"DB_PASS": "two", "REDIS_PASSWORD": "r"})) == ("REDIS_PASSWORD",)
        assert store.load().reveal("DB_PASS") == "one"

    def test_adding_nothing_is_nothing(self, store) -> None:
        assert store.add(from_values({})) == ()


class TestConfigStore:
    @pytest.fixture(params=["fake", "file"])
    def store(self, request, tmp_path: Path):
        return (
            FakeConfigStore() if request.param == "fake" else ConfigFile(tmp_path / "deep" / "instance.toml")
        )

    def test_there_is_none_at_first(self, store) -> None:
        assert store.load() is None

    def test_what_is_created_is_there(self, store) -> None:
        store.create(TEXT)
        assert store.load().instance.domain == "social.example"

    def test_it_is_never_created_twice(self, store) -> None:
        store.create(TEXT)
        with pytest.raises(ConfigError, match="never overwritten"):
            store.create(TEXT.replace("social", "other"))
        assert store.load().instance.domain == "social.example"


class TestSecretGenerator:
    @pytest.fixture(params=[FakeSecretGenerator, SystemSecretGenerator])
    def generator(self, request):
        return request.param()

    def test_everything_it_makes_is_valid(self, generator) -> None:
        config = InstanceConfig.model_validate(
            {"instance": {"domain": "a.example"}, "mail": {"mode": "none"}}
        )
        made = generator.generate(GENERATED)
        assert set(made.values) == set(GENERATED)
        assert made.problems(config) == ()

    def test_it_makes_what_is_asked_for(self, generator) -> None:
        assert set(generator.generate(["DB_PASS"]).values) == {"DB_PASS"}
        both = {"VAPID_PRIVATE_KEY", "VAPID_PUBLIC_KEY"}
        assert set(generator.generate(["VAPID_PUBLIC_KEY"]).values) == both


def test_generated_secrets_have_upstreams_shapes_and_differ_every_time() -> None:
    first, second = (SystemSecretGenerator().generate(GENERATED) for _ in range(2))
    assert all(first.reveal(name) != second.reveal(name) for name in GENERATED)
    assert len(first.reveal("SECRET_KEY_BASE")) == 128
    assert int(first.reveal("SECRET_KEY_BASE"), 16)
    for name in GENERATED[1:4]:
        assert len(first.reveal(name)) == 32
        assert first.reveal(name).isalnum()
    assert (len(first.reveal("VAPID_PRIVATE_KEY")), len(first.reveal("VAPID_PUBLIC_KEY"))) == (44, 88)
    assert decode_urlsafe(first.reveal("VAPID_PUBLIC_KEY"))[:1] == b"\x04"


def test_a_release_that_needs_it_gets_an_otp_secret() -> None:
    assert len(SystemSecretGenerator().generate(["OTP_SECRET"]).reveal("OTP_SECRET")) == 128


def test_only_the_owner_may_read_the_secrets(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    SecretFile(path).add(from_values({"DB_PASS": "one"}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    SecretFile(path).add(from_values({"REDIS_PASSWORD": "two"}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets.env"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused_with_what_to_type(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secrets.env"
    path.write_text("DB_PASS=secret-value\n")
    path.chmod(mode)
    with pytest.raises(
        ConfigError, match=rf"can be read by others than its owner \(mode {mode:04o}\)"
    ) as error:
        load(path)
    assert error.value.hint == f"chmod 600 {path}"


def test_lines_and_comments_that_are_there_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_text("# mine\nDB_PASS='one' # here\nES_PASS=elastic")
    path.chmod(0o600)
    SecretFile(path).add(from_values({"DB_PASS": "other", "REDIS_PASSWORD": "two"}))
    text = path.read_text()
    assert text.startswith("# mine\nDB_PASS='one' # here\nES_PASS=elastic\n")
    assert load(path).reveal("ES_PASS") == "elastic"
    assert load(path).reveal("REDIS_PASSWORD") == "two"


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no") as error:
        load(tmp_path / "secrets.env")
    assert "backup" in error.value.hint


def test_a_line_that_is_none_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    path.write_text("DB_PASS=one\nhunter2\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"line 2 is no `NAME=value`") as error:
        load(path)
    assert "hunter2" not in error.value.message


def test_another_servers_file_may_be_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / ".env.production"
    path.write_text("LOCAL_DOMAIN=a.example\n")
    path.chmod(0o644)
    assert foreign(path) == {"LOCAL_DOMAIN": "a.example"}
    with pytest.raises(ConfigError, match="cannot read"):
        foreign(tmp_path / "nowhere")


def test_a_password_is_the_first_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("p@ss word\n\n")
    assert password(path) == "p@ss word"
    path.write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        password(path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write `.*/file/instance.toml`"):
        ConfigFile(tmp_path / "file" / "instance.toml").create(TEXT)
