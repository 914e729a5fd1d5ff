"""Reads a service's log."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from instancectl.errors import InstanceError, Refused
from instancectl.ports.clock import Clock
from instancectl.ports.swarm import Swarm

_SINCE = re.compile(r"([0-9]+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadDuration(InstanceError):
    """`--since` is no duration."""

    exit_code = 2
    code = "usage"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines; `since` as typed, e.g. `15m`."""

    service: str
    tail: int = 100
    follow: bool = False
    since: str = ""


def read(stack: str, swarm: Swarm, clock: Clock, wanted: Wanted) -> Iterator[str]:
    """Lines of a service's log.

    Raises:
        Refused: there is no such service.
        BadDuration: `since` cannot be read.
    """
    since = max(0, int(clock.epoch_seconds()) - _duration_seconds(wanted.since)) if wanted.since else 0
    known = sorted(swarm.observe(stack).services)
    if wanted.service not in known:
        near = difflib.get_close_matches(wanted.service, known, 1)
        raise Refused(
            f"cannot show the log of `{wanted.service}`: the instance has no such service",
            hint=(f"did you mean `{near[0]}`? " if near else "")
            + f"there are: {', '.join(known) or 'none yet'}",
            subject=wanted.service,
        )
    yield from swarm.logs(stack, wanted.service, tail=wanted.tail, follow=wanted.follow, since=since)


def as_json(service: str, line: str) -> str:
    """One line as one JSON object."""
    return json.dumps({"service": service, "line": line}, ensure_ascii=False)


def _duration_seconds(text: str) -> int:
    found = _SINCE.fullmatch(text)
    if not found:
        raise BadDuration(
            f"cannot read `{text}` as a duration", hint="use a number and s, m, h or d: `--since 15m`"
        )
    return int(found.group(1)) * _SECONDS[found.group(2)]
