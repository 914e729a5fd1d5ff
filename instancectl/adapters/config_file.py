"""`instance.toml` on disk: finds it, reads it, and says everything that is wrong with it."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from instancectl.core.config import InstanceConfig
from instancectl.core.config_errors import line_of, problem
from instancectl.errors import ConfigError

NAME = "instance.toml"
SYSTEM_WIDE = Path("/etc/instancectl")
_HINT_NONE = "run `instancectl init` to write one, or name it with `--config PATH`"


def find(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """The instance file: `--config` or INSTANCECTL_CONFIG (file or directory), ./, /etc/instancectl/.

    Raises:
        ConfigError: there is none.
    """
    chosen = explicit or environ.get("INSTANCECTL_CONFIG")
    if chosen:
        path = location(chosen)
        if not path.is_file():
            raise ConfigError(f"there is no instance file at `{path}`", hint=_HINT_NONE, subject=str(path))
        return path
    candidates = (Path.cwd() / NAME, SYSTEM_WIDE / NAME)
    for path in candidates:
        if path.is_file():
            return path
    looked = " and ".join(f"`{path}`" for path in candidates)
    raise ConfigError(f"there is no instance file: looked for {looked}", hint=_HINT_NONE)


def location(chosen: str) -> Path:
    """Where the instance file is or would be: `chosen` itself, or `instance.toml` in that directory."""
    path = Path(chosen).expanduser().absolute()
    return path if path.suffix == ".toml" and not path.is_dir() else path / NAME


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
    try:
        # By way of JSON, because only there pydantic's strict mode takes an array for a tuple.
        return InstanceConfig.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise _wrong(error, text, path) from error


def write_new(path: Path, text: str) -> None:
    """Write the file if there is none; whole or not at all.

    Raises:
        ConfigError: it cannot be written, or it exists.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).chmod(0o644)
            os.link(beside, path)  # fails if somebody was faster, where a rename would overwrite
        finally:
            Path(beside).unlink(missing_ok=True)
    except FileExistsError as error:
        raise ConfigError(f"`{path}` exists; it is never overwritten", subject=str(path)) from error
    except OSError as error:
        raise ConfigError(f"cannot write `{path}`: {error.strerror}", subject=str(path)) from error


def _wrong(error: ValidationError, text: str, path: str) -> ConfigError:
    problems = [problem(detail) for detail in error.errors(include_url=False)]
    lines = []
    for found in problems:
        number = line_of(text, found.path)
        place = f"line {number}: " if number else ""
        suggestion = f"; {found.suggestion}" if found.suggestion else ""
        lines.append(f"{place}{found.sentence}{suggestion}")
    body = lines[0] if len(lines) == 1 else f"{len(lines)} problems\n  " + "\n  ".join(lines)
    return ConfigError(
        f"cannot use `{path}`: {body}",
        hint="`instancectl config explain KEY` describes a key; "
        "docs/reference/configuration.md lists all of them",
        subject=problems[0].path,
    )
