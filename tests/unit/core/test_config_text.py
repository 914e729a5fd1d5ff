from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.adapters.config_file import parse
from instancectl.core import config_keys
from instancectl.core.config import InstanceConfig
from instancectl.core.config_errors import nested, understood
from instancectl.core.config_text import annotated, json_schema, reference_markdown, toml_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.from_regex(r"[A-Z][A-Z_]{2,8}Q", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]\.example", fullmatch=True)
VALUES = {
    "instance.web_domain": DOMAINS,
    "instance.alternate_domains": st.lists(DOMAINS, max_size=3).map(tuple),
    "instance.single_user": st.booleans(),
    "instance.layout": st.sampled_from(["auto", "tiny", "large"]),
    "owner.email": st.sampled_from(["", "me@mail.example"]),
    "mail.server": TEXT.map(str.strip),
    "mail.login": TEXT.map(str.strip),
    "mail.port": st.integers(1, 65535),
    "proxy.hsts_seconds": st.integers(0, 10**9),
    "services.web.threads": st.integers(0, 64),
    "services.sidekiq-push.replicas": st.integers(0, 64),
    "mastodon.authorized_fetch": st.booleans(),
    "mastodon.env": st.dictionaries(NAMES, TEXT.map(str.strip), max_size=3),
}
CONFIGS = st.fixed_dictionaries({"instance.domain": DOMAINS}, optional=VALUES).map(
    lambda values: understood(nested(values), where="a test")
)


@given(CONFIGS)
@settings(max_examples=80, deadline=None)
def test_what_is_written_says_the_same_when_read(config: InstanceConfig) -> None:
    assert parse(annotated(config)) == config


@given(CONFIGS)
@settings(max_examples=40, deadline=None)
def test_writing_what_was_read_changes_nothing(config: InstanceConfig) -> None:
    text = annotated(config)
    assert annotated(parse(text)) == text


@given(TEXT)
@settings(deadline=None)
def test_any_text_survives_toml(text: str) -> None:
    assert tomllib.loads(f"x = {toml_value(text)}")["x"] == text


def test_every_key_stands_in_the_file_with_its_description() -> None:
    text = annotated(parse('[instance]\ndomain = "social.example"\n'))
    flowing = " ".join(line.lstrip("# ") for line in text.splitlines())
    for key in config_keys.keys().values():
        assert f"{key.name} = " in text or f"[{key.path}]" in text
        assert key.description in flowing


def test_defaults_are_comments_and_set_values_are_not() -> None:
    lines = annotated(parse('[instance]\ndomain = "social.example"\n[mail]\nport = 2525\n')).splitlines()
    assert 'domain = "social.example"' in lines
    assert "port = 2525" in lines
    assert '# release = "4.6.3"' in lines


def test_a_default_that_was_written_down_stays_written_down() -> None:
    assert (
        "port = 587"
        in annotated(parse('[instance]\ndomain = "a.example"\n[mail]\nport = 587\n')).splitlines()
    )


def test_every_key_has_a_description_and_a_row_in_the_reference() -> None:
    page = reference_markdown()
    for table in config_keys.tables():
        assert f"## `[{table.path}]`" in page
        assert table.description
    for key in config_keys.keys().values():
        assert key.description.endswith("."), key.path
        assert f"| `{key.name}` |" in page


def test_the_schema_knows_every_section_and_refuses_unknown_keys() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    known = config_keys.keys()
    assert set(schema["properties"]) == {path.split(".")[0] for path in known}
    assert schema["additionalProperties"] is False
    assert "sidekiq-push" in schema["$defs"]["Services"]["properties"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("mail.mode", '"smtp", "catch" or "none"'), ("mail.port", "a whole number, 1 to 65535"),
     ("instance.alternate_domains", "a list of text"), ("mastodon.env", "a table of text"),
     ("mail.tls", "true or false"), ("redis.memory_mib", "a whole number, 0 or more")],
)  # fmt: skip
def test_kinds_are_said_in_words(path: str, kind: str) -> None:
    assert config_keys.keys()[path].kind == kind
