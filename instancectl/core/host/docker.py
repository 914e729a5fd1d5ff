"""`/etc/docker/daemon.json`: what an admin wrote there, and what Swarm and small disks need."""

from __future__ import annotations

import json
from typing import Any

from instancectl.errors import Refused

DAEMON_JSON = "/etc/docker/daemon.json"

SHUTDOWN_SECONDS = 90
"""PostgreSQL's shutdown checkpoint and Sidekiq's 25 s fit; Docker's own default kills after 15 s."""

OURS: dict[str, Any] = {
    # 100 MiB of logs for each container at most; Docker's default grows until the disk is full.
    "log-driver": "json-file",
    "log-opts": {"max-size": "20m", "max-file": "5"},
    "shutdown-timeout": SHUTDOWN_SECONDS,
}
"""What holds unless the admin's file says otherwise."""


def daemon_json(text: str) -> str:
    """The file's new text: the admin's values win, except what Swarm cannot live with.

    Raises:
        Refused: the file is no JSON object; nobody can say what would be lost.
    """
    theirs = _parsed(text)
    theirs.pop("live-restore", None)  # Swarm refuses to start with it
    if theirs.get("log-driver", "json-file") != "json-file":
        ours = {key: value for key, value in OURS.items() if key != "log-opts"}
    else:
        ours = OURS
    merged = {**ours, **theirs}
    if isinstance(theirs.get("log-opts"), dict) and "log-opts" in ours:
        merged["log-opts"] = {**ours["log-opts"], **theirs["log-opts"]}
    return json.dumps(merged, indent=2, sort_keys=True) + "\n"


def _parsed(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _broken(str(error)) from error
    if not isinstance(found, dict):
        raise _broken("it is no JSON object")
    return found


def _broken(why: str) -> Refused:
    return Refused(
        f"cannot add to `{DAEMON_JSON}` of the host: {why}",
        hint=f"mend it, or move it away: `sudo mv {DAEMON_JSON} {DAEMON_JSON}.old`",
        subject=DAEMON_JSON,
    )
