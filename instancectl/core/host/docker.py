"""`/etc/docker/daemon.json`: what an admin wrote there, and what Swarm and small disks need."""

from __future__ import annotations

import json
import re
from typing import Any

from instancectl.core.host.facts import HostFacts
from instancectl.core.host.settings import HostSettings
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


IP6TABLES_BY_DEFAULT = 27
"""Major version from which on Docker Engine publishes ports for IPv6 by rules of its own."""

_PACKAGED = {("debian", "12"): 20, ("debian", "13"): 26}
"""Major version of the distribution's `docker.io`; others are newer than the number above."""


SOURCES = "/etc/apt/sources.list.d/docker.sources"
"""Where apt reads of Docker's own repository."""

UPSTREAM_PACKAGES = ("docker-ce", "docker-ce-cli", "containerd.io")
"""Docker Engine as Docker packages it."""


def will_come_from_docker(settings: HostSettings, facts: HostFacts) -> bool:
    """Whether the Engine is still to be installed, and from Docker's own repository."""
    return settings.docker_from == "docker" and not facts.docker_package


def has_own_repository(settings: HostSettings, facts: HostFacts) -> bool:
    """Whether our file names Docker's repository; one that an admin named elsewhere would contradict it."""
    ours = SOURCES in (facts.record or {}).get("files", {})
    return settings.docker_from == "docker" and (ours or not facts.docker_package)


def has_ipv6(facts: HostFacts) -> bool:
    """Whether people reach the host over IPv6: then they must keep their address on the way in."""
    return any(":" in address for address in facts.addresses)


def needs_experiment(settings: HostSettings, facts: HostFacts) -> bool:
    """Whether this Engine forwards IPv6 only as an experiment; its stand-in hides who the client is."""
    if not has_ipv6(facts) or will_come_from_docker(settings, facts):
        return False
    found = re.match(r"\d+", facts.docker_version)
    major = int(found[0]) if found else _PACKAGED.get((facts.system, facts.version), IP6TABLES_BY_DEFAULT)
    return major < IP6TABLES_BY_DEFAULT


def daemon_json(text: str, *, experiment: bool = False) -> str:
    """The file's new text: the admin's values win, except what Swarm cannot live with.

    Args:
        text: the file as it is.
        experiment: see `needs_experiment`.

    Raises:
        Refused: the file is no JSON object; nobody can say what would be lost.
    """
    theirs = _parsed(text)
    theirs.pop("live-restore", None)  # Swarm refuses to start with it
    if theirs.get("log-driver", "json-file") != "json-file":
        ours = {key: value for key, value in OURS.items() if key != "log-opts"}
    else:
        ours = OURS
    merged = {**ours, **({"experimental": True, "ip6tables": True} if experiment else {}), **theirs}
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
