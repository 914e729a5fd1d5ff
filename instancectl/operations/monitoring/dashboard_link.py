"""The way to the dashboard: its address on this host, and its pages for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instancectl.core.monitoring import panels_grafana
from instancectl.core.monitoring.overview import State
from instancectl.core.monitoring.overview_json import sections_of
from instancectl.core.monitoring.overview_text import Line, screen
from instancectl.core.result import Result, Status
from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.ports.clock import Clock
from instancectl.ports.overview_source import OverviewSource
from instancectl.ports.remote import Remote

PROGRAM = "/usr/local/bin/instancectl"
EVERY_SECONDS = 5.0


def show(source: OverviewSource) -> Result:
    """Where the dashboard is, and what it says now.

    Raises:
        Unreachable: no agent serves it.
    """
    found = source.read()
    now = sections_of(found)[0]
    data = {
        "address": source.address,
        "domain": found["domain"],
        "sentence": now.sentence,
        "state": now.state.value,
    }
    lines = (source.address, f"{found['domain']}: {now.sentence}")
    hint = "from another machine: `instancectl dashboard --host USER@ADDRESS`"
    return Result(Status.OK, data, lines, (hint,))


def grafana() -> Result:
    """The charts as a dashboard for Grafana."""
    made = panels_grafana.dashboard()
    return Result(Status.OK, made, tuple(json.dumps(made, indent=2).splitlines()))


def once(source: OverviewSource, width: int = 0) -> Result:
    """One screen of all that matters; `width` in columns, 0 for lines of any length.

    Raises:
        Unreachable: no agent answers.
    """
    found = source.read()
    lines = tuple("".join(text for text, _ in line).rstrip() for line in _screen(found, width))
    return Result(Status.OK, dict(found), lines)


def watch(
    source: OverviewSource, clock: Clock, draw: Callable[[tuple[Line, ...]], None], width: Callable[[], int]
) -> None:
    """Draw the screen anew every few seconds, for as long as somebody looks.

    Raises:
        Unreachable: no agent answered in the beginning; later that is shown instead.
    """
    found: Mapping[str, Any] = source.read()
    gone: tuple[Line, ...] = ()
    while True:
        draw((*gone, *_screen(found, width())))
        clock.sleep(EVERY_SECONDS)
        try:
            found, gone = source.read(), ()
        except Unreachable as error:
            gone = (((f"{error.message}; what follows is old", State.BAD),), ())


def _screen(found: Mapping[str, Any], width: int) -> tuple[Line, ...]:
    return screen(found["domain"], sections_of(found), width, found.get("read_at"))


@dataclass(frozen=True, slots=True)
class Far:
    """The dashboard of another host.

    Attributes:
        address: there, ADDRESS:PORT.
        sentence: what it says now.
    """

    address: str
    domain: str
    sentence: str


def ask_there(remote: Remote) -> Far:
    """Where the dashboard of a host is, asked there.

    Raises:
        Unreachable: the host cannot be reached.
        Refused: instancectl is not installed there.
        OperationFailed: no agent serves a dashboard there.
    """
    outcome = remote.run((PROGRAM, "--host", "local", "--json", "dashboard"), sudo=True)
    try:
        document = json.loads(outcome.out)
    except ValueError:
        raise Refused(
            f"`{remote.address}` does not say where its dashboard is: {outcome.err.strip() or 'no answer'}",
            hint=f"`instancectl host provision --host {remote.address}` brings the same version there",
            subject=str(remote.address),
        ) from None
    if outcome.code:
        error = document["errors"][0]
        raise OperationFailed(
            f"`{remote.address}`: {error['message']}", hint=error["hint"], subject=str(remote.address)
        )
    data = document["data"]
    address = str(data["address"]).removeprefix("http://").rstrip("/")
    return Far(address, data["domain"], data["sentence"])
