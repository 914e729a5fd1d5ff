"""Stores by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancectl.cli.backup_answers import Places, at_provider
from instancectl.core.backup import providers
from instancectl.errors import Refused

PAGE = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "back-up.md"


def test_an_address_is_filled_in() -> None:
    places = at_provider(Places(bucket="b", region="eu-central-003"), "backblaze")
    assert places.endpoint == "https://s3.eu-central-003.backblazeb2.com"
    assert places.wanted()["backup.destination.endpoint"] == places.endpoint


def test_aws_needs_none() -> None:
    places = at_provider(Places(bucket="b", region="eu-west-1"), "aws")
    assert "backup.destination.endpoint" not in places.wanted()


def test_what_only_the_admin_knows_is_asked_for() -> None:
    with pytest.raises(Refused) as caught:
        at_provider(Places(bucket="b"), "cloudflare")
    assert caught.value.hint == "add `--endpoint https://ACCOUNT.r2.cloudflarestorage.com`"
    own = Places(bucket="b", endpoint="https://1.r2.cloudflarestorage.com")
    assert at_provider(own, "cloudflare") == Places("", "b", own.endpoint, "auto")


def test_a_lock_where_there_is_none_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="no-lock: DigitalOcean Spaces has no object lock"):
        at_provider(Places(bucket="b", lock_days=30), "digitalocean")


def test_a_directory_has_no_lock() -> None:
    with pytest.raises(Refused, match="no-lock"):
        at_provider(Places("/mnt/backup", lock_days=30), "")
    assert at_provider(Places("/mnt/backup", "b", lock_days=30), "").wanted()["backup.second.lock_days"] == 30


@pytest.mark.parametrize("provider", providers.PROVIDERS, ids=lambda one: one.name)
def test_an_address_is_recognised(provider: providers.Provider) -> None:
    if provider.host and provider.endpoint:
        address = provider.endpoint.format(region="region-1").lower()
        assert providers.at(address) == provider
        assert providers.at(f"{address}.evil.example") is None


def test_nobody_knows_every_address() -> None:
    assert providers.at("http://127.0.0.1:7480") is None
    assert providers.at("").name == "aws"


def test_the_page_names_every_provider_and_whether_it_locks() -> None:
    text = PAGE.read_text()
    for one in providers.PROVIDERS:
        assert f"| `{one.name}` | {one.title} | {'yes' if one.object_lock else 'no'} |" in text
