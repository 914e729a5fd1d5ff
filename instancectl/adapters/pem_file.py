"""Reads certificates and keys that `[tls]` names."""

from __future__ import annotations

from pathlib import Path

from instancectl.errors import ConfigError


def read(directory: Path, name: str, key: str) -> str:
    """The text of a PEM file, relative to the instance's directory; empty when no file is named.

    Raises:
        ConfigError: it cannot be read, or holds no PEM block.
    """
    if not name:
        return ""
    path = directory / name
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the file `{path}` that `{key}` names", hint=f"see `ls -l {path}`", subject=key
        ) from error
    if "-----BEGIN " not in text:
        raise ConfigError(
            f"`{path}`, which `{key}` names, holds no PEM block", hint="export it as PEM", subject=key
        )
    return text
