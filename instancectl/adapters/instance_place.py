"""Where an instance file is looked for; light, because it is asked before anything else is known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from instancectl.errors import ConfigError

NAME = "instance.toml"
SYSTEM_WIDE = Path("/etc/instancectl")
_HINT_NONE = "run `instancectl init` to write one, or name it with `--config PATH`"


def find(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """The instance file: `--config` or INSTANCECTL_CONFIG (file or directory), ./, /etc/instancectl/.

    Raises:
        ConfigError: there is none, or this user may not look.
    """
    chosen = explicit or environ.get("INSTANCECTL_CONFIG")
    if chosen:
        path = location(chosen)
        if not _is_file(path):
            raise ConfigError(f"there is no instance file at `{path}`", hint=_HINT_NONE, subject=str(path))
        return path
    candidates = (Path.cwd() / NAME, SYSTEM_WIDE / NAME)
    for path in candidates:
        if _is_file(path):
            return path
    looked = " and ".join(f"`{path}`" for path in candidates)
    raise ConfigError(f"there is no instance file: looked for {looked}", hint=_HINT_NONE)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError as error:  # `/etc/instancectl` is root's alone
        raise ConfigError(
            f"cannot look for `{path}`: permission denied",
            hint="run it as root, with `sudo` before it",
            subject=str(path),
        ) from error


def location(chosen: str) -> Path:
    """Where the instance file is or would be: `chosen` itself, or `instance.toml` in that directory."""
    path = Path(chosen).expanduser().absolute()
    return path if path.suffix == ".toml" and not path.is_dir() else path / NAME


def manager(explicit: str | None, environ: Mapping[str, str]) -> str:
    """`hosts.manager` of the instance file; empty when there is none, or it is this host's own file.

    A file that cannot be read is nothing to complain about here: whoever needs it will.
    """
    try:
        path = find(explicit, environ)
        if path.parent == SYSTEM_WIDE:
            return ""
        section = tomllib.loads(path.read_text(encoding="utf-8")).get("hosts", {})
    except (ConfigError, OSError, ValueError):
        return ""
    said = section.get("manager", "") if isinstance(section, dict) else ""
    return said if isinstance(said, str) else ""
