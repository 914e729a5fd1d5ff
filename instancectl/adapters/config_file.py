"""`instance.toml` on disk: reads it, and says everything that is wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from instancectl.adapters import durably
from instancectl.core.config import InstanceConfig
from instancectl.core.config_edit import with_values
from instancectl.core.config_errors import understood
from instancectl.core.config_keys import Value
from instancectl.errors import ConfigError

NAME = "instance.toml"


def load(path: Path) -> InstanceConfig:
    """Read and check the file.

    Raises:
        ConfigError: unreadable, no TOML, or any key unknown, missing or wrong; all of them are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"cannot read `{path}`: {reason}", subject=str(path)) from error
    return parse(text, str(path))


def parse(text: str, path: str = NAME) -> InstanceConfig:
    """The configuration that `text` says; see `load`. `path` is for messages only."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        raise ConfigError(
            f"`{path}` is no TOML: {message[:1].lower()}{message[1:]}",
            hint="text stands in double quotes, sections in [brackets]",
            subject=path,
        ) from error
    return understood(data, where=path, text=text)


class ConfigFile:
    """One instance file; see `ports.config_store`."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path

    @property
    def location(self) -> str:
        """The file's path."""
        return str(self._path)

    def load(self) -> InstanceConfig | None:
        """The configuration, or None when there is no file."""
        return load(self._path) if self._path.exists() else None

    def create(self, text: str) -> None:
        """Write a new file."""
        write_new(self._path, text)

    def change(self, values: Mapping[str, Value]) -> None:
        """Set keys in the file, dotted path → value; the rest of its text stays.

        Raises:
            ConfigError: the file is wrong, would become so, or cannot be written.
        """
        text = with_values(self._path.read_text(encoding="utf-8"), values)
        parse(text, str(self._path))
        try:
            durably.replace(self._path, text, self._path.stat().st_mode & 0o777)
        except OSError as error:
            raise _unwritable(self._path, error) from error


def write_new(path: Path, text: str) -> None:
    """Write the file if there is none; whole or not at all.

    Raises:
        ConfigError: it cannot be written, or it exists.
    """
    try:
        created = durably.create(path, text, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    if not created:
        raise ConfigError(f"`{path}` exists; it is never overwritten", subject=str(path))


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write `{path}`: {error.strerror}", subject=str(path))
