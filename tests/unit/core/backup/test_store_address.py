"""A bucket's address as people copy it."""

from __future__ import annotations

import pytest

from instancectl.core.backup.store_address import EXAMPLE, StoreAddress, store_address
from instancectl.errors import ConfigError

KNOWN = {
    EXAMPLE: ("my-backups", "https://s3.eu-central-003.backblazeb2.com", "eu-central-003"),
    "https://nightly.s3.eu-central-003.backblazeb2.com": (
        "nightly", "https://s3.eu-central-003.backblazeb2.com", "eu-central-003",
    ),
    "https://s3.eu-north-1.amazonaws.com/nightly/": ("nightly", "", "eu-north-1"),
    "https://nightly.s3.eu-north-1.amazonaws.com": ("nightly", "", "eu-north-1"),
    "https://fsn1.your-objectstorage.com/nightly": ("nightly", "https://fsn1.your-objectstorage.com", "fsn1"),
    "https://nightly.fsn1.your-objectstorage.com/": (
        "nightly", "https://fsn1.your-objectstorage.com", "fsn1",
    ),
    "https://nightly.fra1.digitaloceanspaces.com": ("nightly", "https://fra1.digitaloceanspaces.com", "fra1"),
    "https://0123abcd.r2.cloudflarestorage.com/nightly": (
        "nightly", "https://0123abcd.r2.cloudflarestorage.com", "auto",
    ),
    "https://0123abcd.eu.r2.cloudflarestorage.com/nightly": (
        "nightly", "https://0123abcd.eu.r2.cloudflarestorage.com", "auto",
    ),
    "https://s3.io.example:8443/nightly": ("nightly", "https://s3.io.example:8443", ""),
    "http://127.0.0.1:9000/nightly.one": ("nightly.one", "http://127.0.0.1:9000", ""),
}  # fmt: skip


@pytest.mark.parametrize("text", KNOWN)
def test_store_region_and_bucket_are_told_apart(text: str) -> None:
    assert store_address(f" {text} ") == StoreAddress(*KNOWN[text])


@pytest.mark.parametrize(
    "text",
    ["my-backups", "https://s3.example", "s3.example/nightly", "https://s3.example/UPPER", "https://a/b",
     "https://key:secret@s3.example/nightly", "https://s3.example/one/two", "ftp://s3.example/nightly", ""],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="does not name a bucket") as caught:
        store_address(text)
    assert EXAMPLE in caught.value.hint
