"""Reads and writes text files that a person named on the command line."""

from __future__ import annotations

from pathlib import Path

from instancectl.errors import ConfigError, OperationFailed


def read(path: str, what: str) -> str:
    """The text of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return Path(path).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {what} `{path}`", hint=f"see `ls -l {path}`", subject=path) from error


def exists(path: str) -> bool:
    """Whether it is a file."""
    return Path(path).expanduser().is_file()


def write(path: str, text: str, what: str) -> None:
    """Write a file, whole or not at all.

    Raises:
        OperationFailed: it cannot be written.
    """
    target = Path(path).expanduser()
    beside = target.with_name(f".{target.name}.new")
    try:
        beside.write_text(text)
        beside.replace(target)
    except OSError as error:
        raise OperationFailed(
            f"cannot write {what} `{path}`", hint="name another file", subject=path
        ) from error
