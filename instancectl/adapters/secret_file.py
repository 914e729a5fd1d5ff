"""`secrets.env` on disk: `NAME=value` lines that only their owner may read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from instancectl.adapters import durably
from instancectl.core import dotenv
from instancectl.core.secret_set import CATALOGUE, SecretSet, from_values
from instancectl.errors import ConfigError

MODE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_HEAD = """\
# Secrets of a Mastodon instance. Only the owner of this file may read it (mode 0600).
# Keep a copy apart from this machine: what is marked "never change" cannot be made again.
"""


class SecretFile:
    """The secrets in one file; see `ports.secret_store`."""

    def __init__(self, path: Path, purposes: Mapping[str, str] | None = None) -> None:
        """Nothing is read yet; `purposes` explains names that are no variables of Mastodon."""
        self._path, self._purposes = path, purposes or {}

    @property
    def location(self) -> str:
        """The file's path."""
        return str(self._path)

    def load(self) -> SecretSet:
        """All secrets; an empty set when there is no file."""
        return load(self._path) if self._path.exists() else SecretSet()

    def add(self, secrets: SecretSet) -> tuple[str, ...]:
        """Append what is missing; the lines that are there stay as they are."""
        present = self.load()
        names = tuple(name for name in secrets.values if secrets.get(name) and not present.get(name))
        if not names:
            return ()
        text = _read(self._path) if self._path.exists() else _HEAD
        lines = [line for name in names for line in _lines(name, secrets.reveal(name), self._purposes)]
        separator = "" if text.endswith("\n") else "\n"
        _replace(self._path, text + separator + "\n".join(lines) + "\n")
        return names


def load(path: Path) -> SecretSet:
    """The secrets in the file.

    Raises:
        ConfigError: there is none, others may read it, or a line is no `NAME=value`.
    """
    parsed = dotenv.parse(_read(path))
    _refuse_strange(path, parsed)
    return from_values(parsed.values)


def foreign(path: Path) -> Mapping[str, str]:
    """All variables of another server's dotenv file, whoever may read it.

    Raises:
        ConfigError: it cannot be read, or a line is no `NAME=value`.
    """
    try:
        parsed = dotenv.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"cannot read `{path}`: {reason}", subject=str(path)) from error
    _refuse_strange(path, parsed)
    return parsed.values


def content(path: Path) -> bytes:
    """A whole file that goes to another host, whoever may read it here.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read `{path}`: {error.strerror}", subject=str(path)) from error


def password(path: Path) -> str:
    """The first line of a file.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    try:
        found = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"cannot read `{path}`: {reason}", subject=str(path)) from error
    if not found:
        raise ConfigError(f"`{path}` is empty: its first line should be a password", subject=str(path))
    return found


def _refuse_strange(path: Path, parsed: dotenv.Parsed) -> None:
    if parsed.strange_lines:
        numbers = ", ".join(str(number) for number in parsed.strange_lines)
        raise ConfigError(
            f"cannot use `{path}`: line {numbers} is no `NAME=value`",
            hint="a value with spaces or quotes stands in single quotes",
            subject=str(path),
        )


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            # Judged on the open file, so that nobody can swap it in between.
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & _OTHERS:
                raise ConfigError(
                    f"`{path}` can be read by others than its owner (mode {mode:04o})",
                    hint=f"chmod 600 {path}",
                    subject=str(path),
                )
            return file.read()
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no `{path}`",
            hint="restore it from your backup; a new instance gets one from `instancectl init`",
            subject=str(path),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"cannot read `{path}`: {reason}", subject=str(path)) from error


def _lines(name: str, value: str, purposes: Mapping[str, str]) -> tuple[str, str, str]:
    kind = next((kind for kind in CATALOGUE if kind.name == name), None)
    further = purposes.get(name, "a further variable of `.env.production`")
    comment = f"{kind.purpose}. {kind.loss}" if kind else further
    return "", f"# {comment[0].upper()}{comment[1:]}", dotenv.assignment(name, value)


def _replace(path: Path, text: str) -> None:
    """Never readable by others, and durable: it is the only copy of the keys."""
    try:
        durably.replace(path, text, MODE)
    except OSError as error:
        raise ConfigError(f"cannot write `{path}`: {error.strerror}", subject=str(path)) from error
