"""A bucket as it stands in a browser's address bar or a provider's console: store, region and name in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from instancectl.core.backup.providers import PROVIDERS, Provider
from instancectl.errors import ConfigError

EXAMPLE: Final = "https://s3.eu-central-003.backblazeb2.com/my-backups"
_AMAZON: Final = "https://s3.{region}.amazonaws.com"
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, read 2026-11-23."""
_ANYWHERE: Final = re.compile(rf"(https?://[^/?#@\s]+)/({_BUCKET})/?")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """`endpoint` is empty for Amazon itself, `region` where the address does not tell."""

    bucket: str
    endpoint: str
    region: str


def store_address(text: str) -> StoreAddress:
    """The bucket in the path, or before the name of a store that is known.

    Raises:
        ConfigError: no bucket can be told from it.
    """
    text = text.strip()
    for provider in PROVIDERS:
        found = _at(provider, text)
        if found is not None:
            return found
    match = _ANYWHERE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"`{text}` does not name a bucket and its store",
            hint=f"write the store's address and the bucket, such as `{EXAMPLE}`",
            subject=text,
        )
    return StoreAddress(match[2], match[1], "")


def _at(provider: Provider, text: str) -> StoreAddress | None:
    if not provider.host:
        return None
    scheme, _, host = (provider.endpoint or _AMAZON).partition("://")
    # What only the admin knows, such as an account, may have a jurisdiction behind it.
    pattern = re.sub("[A-Z]+", r"[a-z0-9]+(?:\\.[a-z]+)?", re.escape(host))
    pattern = pattern.replace(r"\{region\}", "(?P<region>[a-z0-9-]+)")
    for whole in (
        rf"(?P<store>{scheme}://{pattern})/(?P<bucket>{_BUCKET})/?",
        rf"{scheme}://(?P<bucket>{_BUCKET})\.(?P<host>{pattern})/?",
    ):
        match = re.fullmatch(whole, text)
        if match is not None:
            named = match.groupdict()
            endpoint = named.get("store") or f"{scheme}://{named['host']}"
            region = named.get("region") or provider.region
            return StoreAddress(named["bucket"], endpoint if provider.endpoint else "", region)
    return None
