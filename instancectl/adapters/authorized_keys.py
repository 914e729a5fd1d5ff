"""Lets the manager's courier key in, for one command only; and tells sshd's own public keys."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from instancectl.errors import OperationFailed

COMMAND = 'sudo -n /usr/local/bin/instancectl --json --host local host serve -- "$SSH_ORIGINAL_COMMAND"'
HOST_KEYS = Path("/etc/ssh")


def authorise(user: str, public_key: str, home: Path | None = None) -> None:
    """Let a key run `COMMAND` as `user` and nothing else; an older key of the same name goes.

    Raises:
        OperationFailed: there is no such user.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise OperationFailed(
            f"there is no user `{user}` on this host",
            hint="`instancectl host provision` makes it",
            subject=user,
        ) from error
    kind, key, name = public_key.split(maxsplit=2)
    escaped = COMMAND.replace('"', '\\"')
    line = f'restrict,command="{escaped}" {kind} {key} {name}'
    directory = (home or Path(entry.pw_dir)) / ".ssh"
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / "authorized_keys"
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if line in old:
        return
    kept = [one for one in old if not one.endswith(f" {name}")]
    new = path.with_suffix(".new")
    new.write_text("".join(f"{one}\n" for one in (*kept, line)), encoding="utf-8")
    new.chmod(0o600)
    if os.geteuid() == 0:
        for made in (directory, new):
            os.chown(made, entry.pw_uid, entry.pw_gid)
    new.rename(path)


def host_keys(directory: Path = HOST_KEYS) -> tuple[str, ...]:
    """Public keys of this host's sshd."""
    return tuple(
        path.read_text(encoding="utf-8").strip() for path in sorted(directory.glob("ssh_host_*_key.pub"))
    )
