"""Where backup sets shall go: as given on the command line, else as answered on a terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from instancectl.core.backup.keys import store_keys

if TYPE_CHECKING:
    from instancectl.core.config_keys import Value
    from instancectl.core.secret_set import SecretSet


@dataclass(frozen=True, slots=True)
class Places:
    """A directory, a bucket, or both; empty texts for what is not wanted."""

    directory: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: str = "us-east-1"

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.directory or self.bucket)

    def wanted(self) -> dict[str, Value]:
        """Keys for the instance file: the directory first, because it is faster to restore from."""
        keys: dict[str, Value] = {}
        sections = ["backup.destination", "backup.second"]
        if self.directory:
            section = sections.pop(0)
            keys |= {f"{section}.kind": "directory", f"{section}.path": self.directory}
        if self.bucket:
            section = sections.pop(0)
            keys |= {f"{section}.kind": "s3", f"{section}.bucket": self.bucket}
            keys |= {f"{section}.region": self.region}
            keys |= {f"{section}.endpoint": self.endpoint} if self.endpoint else {}
        return keys

    def keys(self, key_id: str, key: str) -> SecretSet:
        """The bucket's key under the names that `backup.env` has for it."""
        from instancectl.core.secret_set import from_values

        first, second = store_keys("second" if self.directory else "destination")
        return from_values({first: key_id, second: key} if self.bucket else {})


def interview(given: Places) -> Places:
    """`given`, or the answers of whoever sits at the terminal."""
    if given.any or not sys.stdin.isatty():
        return given
    directory = typer.prompt(
        "A directory on another disk (empty: none)", default="", show_default=False, err=True
    )
    bucket = typer.prompt("An S3 bucket (empty: none)", default="", show_default=False, err=True)
    if not bucket:
        return Places(directory)
    endpoint = typer.prompt(
        "Its store's address, https://… (empty: AWS)", default="", show_default=False, err=True
    )
    region = typer.prompt("Its region", default=given.region, err=True)
    return Places(directory, bucket, endpoint, region)


def bucket_key(places: Places, given: tuple[str, str]) -> tuple[str, str]:
    """The two halves of the bucket's key, asked for when the environment has none."""
    if not places.bucket or all(given) or not sys.stdin.isatty():
        return given
    key_id = given[0] or typer.prompt("The bucket's access key id", err=True)
    return key_id, given[1] or typer.prompt("The bucket's secret key", hide_input=True, err=True)
