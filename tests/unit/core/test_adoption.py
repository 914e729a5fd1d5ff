from __future__ import annotations

import pytest

from instancectl.core.adoption import IRREPLACEABLE, adopt
from instancectl.core.config_errors import nested, understood
from instancectl.core.dotenv import parse
from instancectl.errors import ConfigError, Refused
from tests.fakes.secret_generator import complete

SECRETS = {name: complete().reveal(name) for name in IRREPLACEABLE}
FILE = """
# Federation
LOCAL_DOMAIN=Social.Example
WEB_DOMAIN=www.social.example
REDIS_HOST=127.0.0.1
REDIS_PASSWORD=old-redis-password
DB_HOST=/var/run/postgresql
DB_PASS=old-database-password
DB_POOL=25
SMTP_SERVER=smtp.example.org
SMTP_PORT=587
SMTP_LOGIN=postmaster
SMTP_PASSWORD='p@ss word'
SMTP_AUTH_METHOD=plain
SMTP_OPENSSL_VERIFY_MODE=none
SMTP_FROM_ADDRESS='Mastodon <notifications@social.example>'
S3_ENABLED=true
S3_BUCKET=files
S3_REGION=eu-1
S3_PROTOCOL=https
S3_HOSTNAME=s3.example.org
S3_ENDPOINT=https://s3.example.org
S3_PERMISSION=
AWS_ACCESS_KEY_ID=id
AWS_SECRET_ACCESS_KEY=key
S3_ALIAS_HOST=files.social.example
ES_ENABLED=true
ES_HOST=es.example.org
ES_PASS=elastic-password
IP_RETENTION_PERIOD=31556952
TRUSTED_PROXY_IP=10.0.0.1
RAILS_ENV=production
http_proxy=http://user:secret@proxy:3128
"""


def adopted(**changes: str):
    values = {**parse(FILE).values, **SECRETS, **changes}
    return adopt({name: value for name, value in values.items() if value != "ABSENT"})


def test_an_existing_server_becomes_a_valid_configuration() -> None:
    config = understood(nested(adopted().wanted), where="the file")
    assert (config.instance.domain, config.instance.web_domain) == ("social.example", "www.social.example")
    assert (config.mail.mode, config.mail.server, config.mail.login) == (
        "smtp",
        "smtp.example.org",
        "postmaster",
    )
    assert (config.mail.verify, config.mail.starttls) == ("none", "auto")
    assert config.mail.from_address == "Mastodon <notifications@social.example>"
    assert (config.media.storage, config.media.s3_bucket, config.media.s3_permission) == ("s3", "files", "")
    assert config.media.s3_alias_host == "files.social.example"
    assert config.media.s3_path_style
    assert config.mastodon.env == {
        "ES_ENABLED": "true", "ES_HOST": "es.example.org", "IP_RETENTION_PERIOD": "31556952",
    }  # fmt: skip


def test_secrets_live_on_except_those_of_the_old_database_and_redis() -> None:
    secrets = adopted().secrets
    assert {name: secrets.reveal(name) for name in IRREPLACEABLE} == SECRETS
    assert secrets.reveal("SMTP_PASSWORD") == "p@ss word"
    assert secrets.reveal("AWS_SECRET_ACCESS_KEY") == "key"
    assert not secrets.get("DB_PASS")
    assert not secrets.get("REDIS_PASSWORD")


def test_what_looks_secret_never_reaches_the_instance_file() -> None:
    found = adopted()
    assert set(found.secrets.further) == {"ES_PASS", "http_proxy"}
    for value in ("elastic-password", "secret@proxy", "old-redis", "p@ss word"):
        assert value not in str(found.wanted)


def test_what_follows_from_the_deployment_is_left_out_and_named() -> None:
    left_out = adopted().left_out
    assert {
        "DB_HOST",
        "DB_PASS",
        "DB_POOL",
        "REDIS_HOST",
        "REDIS_PASSWORD",
        "TRUSTED_PROXY_IP",
        "RAILS_ENV",
    } <= set(left_out)
    assert "ES_HOST" not in left_out


@pytest.mark.parametrize("name", IRREPLACEABLE)
def test_a_secret_that_the_data_depends_on_is_never_made_up(name: str) -> None:
    with pytest.raises(ConfigError, match=f"does not hold `{name}`"):
        adopted(**{name: "ABSENT"})


def test_a_server_that_was_told_to_erase_itself_is_not_adopted() -> None:
    with pytest.raises(Refused, match="SELF_DESTRUCT"):
        adopted(SELF_DESTRUCT="token")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SMTP_TLS": "true", "SMTP_PORT": "465"}, {"tls": True, "starttls": "never", "port": 465}),
        ({"SMTP_SSL": "true"}, {"tls": True, "starttls": "never"}),
        ({"SMTP_ENABLE_STARTTLS": "always"}, {"starttls": "always"}),
        ({"SMTP_ENABLE_STARTTLS_AUTO": "false"}, {"starttls": "never"}),
        ({"SMTP_LOGIN": "ABSENT"}, {"login": "", "auth_method": "none"}),
        ({"SMTP_PORT": "ABSENT"}, {"port": 25}),
        ({"SMTP_SERVER": "ABSENT"}, {"mode": "none", "server": ""}),
    ],
)
def test_mail_keeps_working_as_upstream_reads_it(
    changes: dict[str, str], expected: dict[str, object]
) -> None:
    values = {"SMTP_AUTH_METHOD": "ABSENT", **changes}
    mail = understood(nested(adopted(**values).wanted), where="the file").mail
    assert {name: getattr(mail, name) for name in expected} == expected


def test_without_a_bucket_media_stay_local() -> None:
    config = understood(nested(adopted(S3_ENABLED="false").wanted), where="the file")
    assert config.media.storage == "local"


def test_upstreams_name_for_the_host_style_is_turned_round() -> None:
    assert adopted(S3_OVERRIDE_PATH_STYLE="true").wanted["media.s3_path_style"] is False


def test_a_setting_that_is_none_of_the_known_ones_is_named() -> None:
    with pytest.raises(ConfigError, match=r"`mail.auth_method` must be .*, not `ntlm`"):
        understood(nested(adopted(SMTP_AUTH_METHOD="ntlm").wanted), where="the file")
