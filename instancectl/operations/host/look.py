"""Looks at a host: one round trip, nothing is changed there."""

from __future__ import annotations

import json
import re
from typing import Final

from instancectl.core.host.facts import HostFacts, from_json
from instancectl.errors import OperationFailed, Refused
from instancectl.ports.remote import Outcome, Remote

TIMEOUT_SECONDS = 60
_NO_PYTHON = 127

_OTHER_LOGIN: Final = re.compile(r'Please login as the user "([^"]+)"')
"""What a provider's image lets root's key in for, and nothing else (cloud-init, `disable_root`)."""


def look(remote: Remote, starter: str, program: bytes) -> HostFacts:
    """What one look at the host tells.

    Args:
        remote: the host.
        starter: lines of shell that run Python with the program on stdin; exit code 127 means no Python.
        program: prints one JSON document.

    Raises:
        Unreachable: the host cannot be reached.
        Refused: it has no Python, or its login runs no commands.
        OperationFailed: the look itself went wrong.
    """
    outcome = remote.run(("sh", "-c", starter), stdin=program, timeout_seconds=TIMEOUT_SECONDS)
    where = f"`{remote.address}`" if remote.address else "this machine"
    if outcome.code == _NO_PYTHON:
        raise Refused(
            f"cannot look at {where}: there is no `python3`",
            hint="install it there: `apt-get update && apt-get install -y python3`",
            subject=str(remote.address or ""),
        )
    try:
        return from_json(json.loads(outcome.out))
    except ValueError as error:
        raise _failed(outcome, remote, where) from error


def _failed(outcome: Outcome, remote: Remote, where: str) -> OperationFailed | Refused:
    other = _OTHER_LOGIN.search(outcome.text)
    if other and remote.address:
        return Refused(
            f"cannot look at {where}: root is closed there; its image lets `{other[1]}` in",
            hint=f"name that login: `--host {remote.address.as_user(other[1])}`",
            subject=str(remote.address),
        )
    said = (outcome.err.strip() or outcome.text.strip()).splitlines()
    last = said[-1] if said else "nothing"
    if not outcome.err.strip():
        return Refused(
            f"cannot look at {where}: its login runs no commands, it answered `{last}`",
            hint="use a login with an ordinary shell, and no output from its start-up files",
        )
    return OperationFailed(f"cannot look at {where}: {last} (exit code {outcome.code})")
