from __future__ import annotations

import pytest

from instancectl.adapters.config_file import parse
from instancectl.core import config_keys
from instancectl.core.config_errors import assigned, nested, understood
from instancectl.errors import ConfigError

GOOD = '[instance]\ndomain = "social.example"\n'


def error(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as found:
        parse(text)
    assert found.value.exit_code == 3
    return found.value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[mail]\nsevrer = 'x'", "line 4: unknown key `mail.sevrer`; did you mean `mail.server`?"),
        ("[services.sidekiq-push]\nthreds = 1", "did you mean `services.sidekiq-push.threads`?"),
        ("[services.sidekiq_push]\nthreads = 1", "did you mean `services.sidekiq-push`?"),
        ("[mial]\nserver = 'x'", "line 3: unknown key `mial`; did you mean `mail`?"),
        ("[mail]\ns3_bucket = 'x'", "did you mean `media.s3_bucket`?"),
        ("[redis]\nxyzzy = 1", "unknown key `redis.xyzzy`; `[redis]` knows memory_mib"),
        ("[mail]\npassword = 'hunter2'", "secrets never stand in this file; put it into `secrets.env`"),
        ("[mail]\nsmtp_password = 'hunter2'", "secrets never stand in this file"),
        ("[mail]\nport = '587'", "`mail.port` must be a whole number, 1 to 65535, not `587`"),
        ("[mail]\nport = 70000", "`mail.port` must be a whole number, 1 to 65535, not `70000`"),
        ("[mail]\ntls = 1", "`mail.tls` must be true or false, not `1`"),
        ("[mail]\nserver = 3", "`mail.server` must be text in quotes, not `3`"),
        ("[mail]\nmode = 'smpt'", '`mail.mode` must be "smtp", "catch" or "none", not `smpt`'),
        ("[owner]\nusername = '@me'", "`owner.username` must be 1 to 30 letters, digits and `_`"),
        ("[owner]\nemail = 'me'", "`owner.email` must be an address such as `you@example.org`, not `me`"),
        ("[tls]\nmode = 'files'", 'line 3: `[tls]`: `mode = "files"` needs `certificate` and `key`'),
        ("[media]\nstorage = 's3'", '`storage = "s3"` needs `s3_bucket`'),
        ("[mastodon.env]\nDB_HOST = 'x'", "`DB_HOST` is derived by instancectl"),
        ("[mastodon.env]\n'A B' = 'x'", "`A B` is no name of an environment variable"),
        ("[mastodon.env]\nA = 1", "`mastodon.env.A` must be text in quotes, not `1`"),
        ("[mail]\nverify = 1979-05-27", '`mail.verify` must be "peer" or "none", not `1979-05-27`'),
    ],
)
def test_a_wrong_key_is_named_with_what_was_seen_and_what_to_write(line: str, message: str) -> None:
    found = error(f"{GOOD}{line}\n")
    assert message in found.message
    assert "hunter2" not in found.message + found.hint


@pytest.mark.parametrize(
    "domain", ["https://a.example", "Social.example", "localhost", "a_b.example", "a..b", "", "-a.b"]
)
def test_a_domain_must_be_a_host_name(domain: str) -> None:
    assert "`instance.domain` must" in error(f'[instance]\ndomain = "{domain}"\n').message


@pytest.mark.parametrize(
    "domain", ["social.example", "mastodon.localhost", "a.b.c-d.example", "xn--mxa.example"]
)
def test_usual_domains_are_fine(domain: str) -> None:
    assert parse(f'[instance]\ndomain = "{domain}"\n').instance.domain == domain


def test_all_problems_come_at_once_each_with_its_line() -> None:
    found = error('[instance]\nlayout = "huge"\n[mail]\nsevrer = 1\n')
    assert "3 problems" in found.message
    assert "line 1: `instance.domain` is missing" in found.message
    assert "line 2: `instance.layout`" in found.message
    assert "line 4: unknown key `mail.sevrer`" in found.message


def test_an_empty_file_lacks_its_domain() -> None:
    assert "`instance.domain` is missing" in error("").message


def test_a_key_outside_its_section_is_led_home() -> None:
    assert "did you mean `instance.domain`?" in error('domain = "social.example"\n').message


def test_a_section_written_as_a_value_is_told_so() -> None:
    assert "`mail` must be a section: write `[mail]`" in error(f"mail = 3\n{GOOD}").message


def test_what_is_no_toml_names_the_line() -> None:
    assert "(at line 2, column" in error("[instance]\ndomain = social.example\n").message


@pytest.mark.parametrize(
    ("text", "value"),
    [("proxy.http_port=8080", 8080), ("proxy.www_redirect=true", True), ("images.db=pg:17", "pg:17"),
     ("instance.alternate_domains=a.example,b.example", ("a.example", "b.example")),
     ("mastodon.env.ES_HOST=es=1", "es=1")],
)  # fmt: skip
def test_an_assignment_is_read_as_its_key_wants_it(text: str, value: object) -> None:
    path, found = assigned(text)
    assert found == value
    read = understood(nested({"instance.domain": "a.example", path: found}), where="a test")
    assert read.model_fields_set >= {path.split(".")[0]}


@pytest.mark.parametrize("text", ["proxy.http_prot=1", "nonsense", "mastodon.env=x"])
def test_an_assignment_to_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        assigned(text)


def test_a_wrong_assignment_is_found_by_the_model() -> None:
    path, value = assigned("proxy.http_port=eighty")
    with pytest.raises(ConfigError, match="a whole number, 1 to 65535, not `eighty`"):
        understood(nested({"instance.domain": "a.example", path: value}), where="a test")


def test_every_key_is_reachable_by_its_path() -> None:
    config = parse(GOOD)
    for path, key in config_keys.keys().items():
        assert key.required or config_keys.value_of(config, path) == key.default
        assert config_keys.is_set(config, path) == (path == "instance.domain")
