from __future__ import annotations

import base64

import pytest

from instancectl.core.config import InstanceConfig
from instancectl.core.secret_set import CATALOGUE, SecretSet, from_values, reference_markdown
from instancectl.core.secrets import Secret
from instancectl.errors import ConfigError
from tests.fakes.secret_generator import GENERATED, PRIVATE, PUBLIC, complete


def config(**sections: object) -> InstanceConfig:
    return InstanceConfig.model_validate({
        "instance": {"domain": "social.example"}, "mail": {"mode": "catch"}, **sections,
    })  # fmt: skip


def changed(**values: str) -> SecretSet:
    return from_values({name: secret.reveal() for name, secret in complete().values.items()} | values)


def faults(secrets: SecretSet, wanted: InstanceConfig | None = None) -> list[str]:
    return [finding.seen for finding in secrets.problems(wanted or config())]


def test_a_complete_set_has_no_problem() -> None:
    assert faults(complete()) == []
    complete().require(config())


@pytest.mark.parametrize("name", GENERATED)
def test_a_missing_secret_is_named(name: str) -> None:
    assert f"`{name}` is missing" in faults(changed(**{name: ""}))


@pytest.mark.parametrize("name", [name for name in GENERATED if not name.startswith("VAPID")])
def test_a_short_secret_is_named_with_its_length_and_not_shown(name: str) -> None:
    [fault] = faults(changed(**{name: "Shortx"}))
    assert fault.startswith(f"`{name}` is too short: 6 characters, at least ")
    assert "Shortx" not in fault


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SECRET_KEY_BASE", "ab cd" * 30, "a character that does not belong there"),
        (
            "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",
            '"' + "a" * 32 + '"',
            "a character that does not belong there",
        ),
        ("ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY", "x" * 32 + "_DO_NOT_USE_IN_PRODUCTION", "development value"),
        ("VAPID_PRIVATE_KEY", "not base64!", "is not URL-safe base64"),
        ("VAPID_PRIVATE_KEY", PRIVATE[:-8], "is no half of a P-256 key pair: 27 bytes, 32 needed"),
        ("VAPID_PUBLIC_KEY", PRIVATE, "is no half of a P-256 key pair: 32 bytes, 65 needed"),
    ],
)
def test_a_mangled_secret_says_how(name: str, value: str, fault: str) -> None:
    found = faults(changed(**{name: value}))
    assert len(found) == 1
    assert f"`{name}`" in found[0]
    assert fault in found[0]
    assert value not in found[0]


def test_halves_of_two_vapid_pairs_are_found_out() -> None:
    other = base64.urlsafe_b64encode((2).to_bytes(32, "big")).decode()
    assert faults(changed(VAPID_PRIVATE_KEY=other)) == [
        "`VAPID_PRIVATE_KEY` and `VAPID_PUBLIC_KEY` are no pair"
    ]


def test_vapid_halves_without_padding_are_fine() -> None:
    assert faults(changed(VAPID_PRIVATE_KEY=PRIVATE.rstrip("="), VAPID_PUBLIC_KEY=PUBLIC.rstrip("="))) == []


def test_all_problems_come_at_once() -> None:
    broken = changed(DB_PASS="", SECRET_KEY_BASE="kurz")
    with pytest.raises(
        ConfigError, match=r"2 secrets are wrong: `DB_PASS` is missing; `SECRET_KEY_BASE` "
    ) as error:
        broken.require(config())
    assert error.value.exit_code == 3
    assert error.value.subject == "DB_PASS"


@pytest.mark.parametrize(
    ("sections", "names"),
    [
        ({"mail": {"mode": "smtp", "server": "mx.example", "login": "me"}}, ["SMTP_PASSWORD"]),
        ({"mail": {"mode": "smtp", "server": "mx.example"}}, []),
        ({"mail": {"mode": "smtp", "server": "mx.example", "login": "me", "auth_method": "none"}}, []),
        ({"media": {"storage": "s3", "s3_bucket": "b"}}, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        ({"instance": {"domain": "a.example", "release": "4.3.23"}}, ["OTP_SECRET"]),
        ({"instance": {"domain": "a.example", "release": "4.4.0"}}, []),
    ],
)
def test_what_is_needed_follows_from_the_configuration(sections: dict[str, object], names: list[str]) -> None:
    assert [kind.name for kind in complete().missing(config(**sections))] == names


def test_a_password_that_ruby_and_node_would_read_differently_is_refused() -> None:
    wanted = config(mail={"mode": "smtp", "server": "mx.example", "login": "me"})
    [fault] = faults(complete(SMTP_PASSWORD="it's $5"), wanted)
    assert "Ruby and Node" in fault
    assert "$5" not in fault
    assert faults(complete(SMTP_PASSWORD="p@ss word#1"), wanted) == []


def test_further_secrets_pass_on_unless_they_contradict() -> None:
    assert faults(complete(ES_PASS="elastic")) == []
    assert faults(complete(DB_HOST="elsewhere")) == [
        "`DB_HOST` is derived by instancectl; remove it from `secrets.env`"
    ]
    twice = config(mastodon={"env": {"ES_PASS": "x"}})
    assert "too; keep one of them" in faults(complete(ES_PASS="elastic"), twice)[0]


def test_filling_never_replaces() -> None:
    filled = from_values({"DB_PASS": "old"}).filled({"DB_PASS": Secret("new"), "REDIS_PASSWORD": Secret("r")})
    assert (filled.reveal("DB_PASS"), filled.reveal("REDIS_PASSWORD")) == ("old", "r")


def test_a_set_never_shows_its_values() -> None:
    assert "DBPASS" not in f"{complete()!r} {complete()}"


def test_the_reference_names_every_secret() -> None:
    assert all(f"| `{kind.name}` |" in reference_markdown() for kind in CATALOGUE)
