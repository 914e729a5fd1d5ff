from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core.config import InstanceConfig
from instancectl.core.dotenv import parse
from instancectl.core.layout import Machine, derive
from instancectl.core.mastodon_env import direct_database_env, dotenv, tunables
from instancectl.core.units import GIB
from tests.fakes.secret_generator import complete


def config(**sections: object) -> InstanceConfig:
    return InstanceConfig.model_validate({"instance": {"domain": "social.example"}, **sections})


def environment(wanted: InstanceConfig, memory: int = 4 * GIB, **secrets: str) -> dict[str, str]:
    text = dotenv(wanted, complete(**secrets), derive(wanted, Machine(memory, 2)))
    found = parse(text)
    assert found.strange_lines == ()
    names = [line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert len(names) == len(set(names))
    return dict(found.values)


def test_a_plain_instance_gets_identity_database_redis_and_all_secrets() -> None:
    found = environment(config(mail={"mode": "none"}))
    assert found["LOCAL_DOMAIN"] == "social.example"
    assert "WEB_DOMAIN" not in found
    assert (found["DB_HOST"], found["DB_PORT"], found["DB_NAME"]) == ("db", "5432", "mastodon_production")
    assert found["DB_PASS"] == complete().reveal("DB_PASS")
    assert found["REDIS_PASSWORD"] == complete().reveal("REDIS_PASSWORD")
    assert set(complete().values) <= set(found)
    assert not [name for name in found if name.startswith(("SMTP_", "S3_"))]


def test_nothing_that_one_service_alone_decides_is_set_for_all() -> None:
    shared = environment(config())
    alone = {"DB_POOL", "WEB_CONCURRENCY", "MAX_THREADS", "SIDEKIQ_CONCURRENCY", "BIND", "PORT", "OTP_SECRET"}
    assert not alone & set(shared)


def test_pgbouncer_stands_between_services_and_database_but_not_before_migrations() -> None:
    found = environment(config(database={"pgbouncer": "on"}))
    assert (found["DB_HOST"], found["DB_PORT"], found["PREPARED_STATEMENTS"]) == (
        "pgbouncer",
        "6432",
        "false",
    )
    assert direct_database_env() == {"DB_HOST": "db", "DB_PORT": "5432"}
    assert "PREPARED_STATEMENTS" not in environment(config())


def test_split_domains_and_single_user_mode() -> None:
    found = environment(config(instance={
        "domain": "social.example", "web_domain": "www.social.example", "single_user": True,
        "alternate_domains": ["a.example", "b.example"],
    }, mastodon={"authorized_fetch": True}))  # fmt: skip
    assert found["WEB_DOMAIN"] == "www.social.example"
    assert found["ALTERNATE_DOMAINS"] == "a.example,b.example"
    assert found["SINGLE_USER_MODE"] == found["AUTHORIZED_FETCH"] == "true"


def test_mail_through_a_provider() -> None:
    mail = {
        "mode": "smtp",
        "server": "mx.example",
        "login": "me@example",
        "from_address": "Us <us@social.example>",
    }
    found = environment(config(mail=mail), SMTP_PASSWORD="a b#c")
    assert {name: value for name, value in found.items() if name.startswith("SMTP")} == {
        "SMTP_SERVER": "mx.example",
        "SMTP_PORT": "587",
        "SMTP_FROM_ADDRESS": "Us <us@social.example>",
        "SMTP_LOGIN": "me@example",
        "SMTP_PASSWORD": "a b#c",
        "SMTP_AUTH_METHOD": "plain",
        "SMTP_OPENSSL_VERIFY_MODE": "peer",
        "SMTP_ENABLE_STARTTLS": "always",
    }


def test_mail_with_tls_from_the_first_byte_never_tries_starttls_too() -> None:
    found = environment(config(mail={"server": "mx.example", "port": 465, "tls": True, "starttls": "never"}))
    assert (found["SMTP_TLS"], found["SMTP_ENABLE_STARTTLS"]) == ("true", "never")
    with pytest.raises(ValueError, match="exclude each other"):
        config(mail={"server": "mx.example", "port": 465, "tls": True})


def test_mail_without_a_login_leaves_login_and_password_out() -> None:
    found = environment(config(mail={"server": "mx.example"}), SMTP_PASSWORD="unused")
    assert found["SMTP_AUTH_METHOD"] == "none"
    assert "SMTP_LOGIN" not in found
    assert "SMTP_PASSWORD" not in found


def test_caught_mail_goes_to_the_catcher() -> None:
    found = environment(config(mail={"mode": "catch"}))
    assert (found["SMTP_SERVER"], found["SMTP_PORT"], found["SMTP_AUTH_METHOD"]) == ("mail", "1025", "none")
    assert found["SMTP_FROM_ADDRESS"] == "notifications@social.example"


def test_media_in_a_bucket_elsewhere() -> None:
    media = {"storage": "s3", "s3_bucket": "b", "s3_endpoint": "https://s3.example:9000", "s3_permission": ""}
    found = environment(config(media=media), AWS_ACCESS_KEY_ID="id", AWS_SECRET_ACCESS_KEY="key")
    assert found["S3_ENABLED"] == "true"
    assert (found["S3_PROTOCOL"], found["S3_HOSTNAME"]) == ("https", "s3.example:9000")
    assert found["S3_PERMISSION"] == ""
    assert "S3_OVERRIDE_PATH_STYLE" not in found
    virtual = environment(config(media={**media, "s3_path_style": False}))
    assert virtual["S3_OVERRIDE_PATH_STYLE"] == "true"


def test_further_variables_and_secrets_follow_at_the_end() -> None:
    found = environment(config(mastodon={"env": {"ES_ENABLED": "true"}}), ES_PASS="elastic")
    assert (found["ES_ENABLED"], found["ES_PASS"]) == ("true", "elastic")


def test_a_derived_variable_that_is_not_reserved_can_be_overridden() -> None:
    wanted = config(mail={"mode": "catch"}, mastodon={"env": {"SMTP_FROM_ADDRESS": "other@social.example"}})
    assert environment(wanted)["SMTP_FROM_ADDRESS"] == "other@social.example"


@given(st.integers(2, 64), st.integers(1, 16))
@settings(max_examples=40, deadline=None)
def test_every_service_gets_its_own_numbers(gib: int, cores: int) -> None:
    layout = derive(config(), Machine(gib * GIB, cores))
    assert tunables("web", layout)["WEB_CONCURRENCY"] == str(layout.web.processes)
    assert tunables("web", layout)["MAX_THREADS"] == str(layout.web.threads)
    assert tunables("streaming", layout)["DB_POOL"] == str(layout.streaming.db_pool)
    for plan in layout.sidekiq:
        assert tunables(plan.service, layout) == {"SIDEKIQ_CONCURRENCY": str(plan.threads)}
    assert tunables("db", layout) == {}


def test_the_same_configuration_gives_the_same_text() -> None:
    wanted = config(mastodon={"env": {"B": "1", "A": "2"}})
    layout = derive(wanted, Machine(4 * GIB, 2))
    first = dotenv(wanted, complete(), layout)
    other = config(mastodon={"env": {"A": "2", "B": "1"}})
    assert first == dotenv(other, complete(), layout)
