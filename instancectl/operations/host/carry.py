"""Brings an instance's files to its host, once: what is there is never replaced."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

from instancectl.core.host.carrying import INSTANCE_FILE, differing
from instancectl.errors import ConfigError, OperationFailed, Refused
from instancectl.ports.remote import Remote

DIRECTORY = "/etc/instancectl"
_MISSING = 3
_READ = '[ -e "$1" ] || exit 3; exec cat "$1"'


def refuse_different(remote: Remote, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Names of the files that the host does not have yet.

    Raises:
        Refused: it has another one of them. Nothing was changed.
        ConfigError: its instance file is no TOML.
    """
    missing = []
    for name, content in files.items():
        there = _read(remote, name)
        if there is None:
            missing.append(name)
        elif name == INSTANCE_FILE:
            _refuse_keys(remote, content, there)
        elif there != content:
            raise Refused(
                f"`{DIRECTORY}/{name}` on `{remote.address}` is another one than `{name}` here; "
                "neither was changed",
                hint=f"which one belongs to the data? keep that, and move the other away: "
                f"`ssh {remote.address} sudo cat {DIRECTORY}/{name}`",
                subject=name,
            )
    return tuple(missing)


def carry(remote: Remote, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write what the host does not have; the instance file last, so that it never stands there alone.

    Returns:
        Names of what was written.

    Raises:
        Refused: it has another one of them. Nothing was changed.
        OperationFailed: a file cannot be written.
    """
    missing = refuse_different(remote, files)
    ordered = sorted(missing, key=lambda name: name == INSTANCE_FILE)
    if ordered:
        _make_directories(remote, ordered)
    for name in ordered:
        remote.put(f"{DIRECTORY}/{name}", files[name], 0o600)
    return tuple(ordered)


def _read(remote: Remote, name: str) -> bytes | None:
    outcome = remote.run(("sh", "-c", _READ, "sh", f"{DIRECTORY}/{name}"), sudo=True)
    if outcome.code == _MISSING:
        return None
    if outcome.code:
        raise OperationFailed(
            f"cannot read `{DIRECTORY}/{name}` on `{remote.address}`: {outcome.err.strip()}", subject=name
        )
    return outcome.out


def _refuse_keys(remote: Remote, here: bytes, there: bytes) -> None:
    try:
        keys = differing(here, there)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`{DIRECTORY}/{INSTANCE_FILE}` on `{remote.address}` is no TOML: {error}",
            hint=f"mend it there: `ssh {remote.address}`",
            subject=INSTANCE_FILE,
        ) from error
    if keys:
        named = ", ".join(f"`{key}`" for key in keys[:5]) + (" …" if len(keys) > 5 else "")
        raise Refused(
            f"`{INSTANCE_FILE}` here and on `{remote.address}` differ in {named}; neither was changed",
            hint=f"edit the one that is wrong; to replace the host's: "
            f"`ssh {remote.address} sudo tee {DIRECTORY}/{INSTANCE_FILE} < {INSTANCE_FILE}`",
            subject=keys[0],
        )


def _make_directories(remote: Remote, names: Sequence[str]) -> None:
    wanted = sorted({DIRECTORY, *(f"{DIRECTORY}/{name}".rpartition("/")[0] for name in names)})
    outcome = remote.run(("mkdir", "-p", "-m", "0700", *wanted), sudo=True)
    if outcome.code:
        raise OperationFailed(
            f"cannot make `{DIRECTORY}` on `{remote.address}`: {outcome.err.strip()}", subject=DIRECTORY
        )
