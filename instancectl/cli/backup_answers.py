"""Where backup sets shall go: as given on the command line, else as answered on a terminal."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from instancectl.core.backup.keys import store_keys
from instancectl.core.backup.store_address import EXAMPLE, store_address
from instancectl.errors import ConfigError, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from instancectl.core.config_keys import Value
    from instancectl.core.secret_set import SecretSet


@dataclass(frozen=True, slots=True)
class Places:
    """A directory, a bucket, or both; empty texts for what is not wanted.

    Attributes:
        lock_days: for how long nobody can remove what is written to the bucket; 0 is no lock.
    """

    directory: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    lock_days: int = 0

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
            keys |= {f"{section}.lock_days": self.lock_days} if self.lock_days else {}
        return keys

    def keys(self, key_id: str, key: str) -> SecretSet:
        """The bucket's key under the names that `backup.env` has for it."""
        from instancectl.core.secret_set import from_values

        first, second = store_keys("second" if self.directory else "destination")
        return from_values({first: key_id, second: key} if self.bucket else {})


def at_provider(places: Places, name: str) -> Places:
    """`places` with what is known about that provider filled in where nothing was said.

    Raises:
        Refused: only the admin knows the address, or there is no object lock.
    """
    from instancectl.core.backup import providers
    from instancectl.core.backup.danger import NO_LOCK

    if places.lock_days and places.directory and not places.bucket:
        raise Refused(
            f"{NO_LOCK}: whoever may write to a directory may clear it; nothing was changed",
            hint="leave `--lock-days` away, or add `--bucket NAME`",
            subject=NO_LOCK,
        )
    if not name:
        return places
    provider = providers.named(name)
    if places.lock_days and not provider.object_lock:
        raise Refused(
            f"{NO_LOCK}: {provider.title} has no object lock; nothing was changed",
            hint="leave `--lock-days` away, or choose another provider",
            subject=NO_LOCK,
        )
    region = provider.region or places.region
    return replace(places, region=region, endpoint=places.endpoint or providers.endpoint(provider, region))


def interview(given: Places) -> Places:
    """`given`, or the answer of whoever sits at the terminal."""
    if given.any or not sys.stdin.isatty():
        return given
    typer.echo(
        "Where sets shall go: a directory on another disk, or a bucket as "
        f"{EXAMPLE}; or both, with a space between.",
        err=True,
    )
    read: Callable[[str], Places] = functools.partial(_answered, given)
    found: Places = typer.prompt("Directory, bucket, or both", value_proc=read, err=True)
    return found


def _answered(given: Places, text: str) -> Places:
    """Asked again with the reason when it is neither."""
    found = given
    for word in text.split():
        if word.startswith("/"):
            found = replace(found, directory=word)
            continue
        try:
            at = store_address(word)
        except ConfigError as error:
            raise typer.BadParameter(f"{error.message}; {error.hint}") from None
        region = at.region or given.region
        found = replace(found, bucket=at.bucket, endpoint=at.endpoint, region=region)
    return found


def bucket_key(places: Places, given: tuple[str, str]) -> tuple[str, str]:
    """The two halves of the bucket's key, asked for when the environment has none."""
    if not places.bucket or all(given) or not sys.stdin.isatty():
        return given
    key_id = given[0] or typer.prompt("The bucket's access key id", err=True)
    return key_id, given[1] or typer.prompt("The bucket's secret key", hide_input=True, err=True)
