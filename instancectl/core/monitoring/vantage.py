"""What another machine sees of an instance: a second vantage.

The agent shares the fate of its host: when that is off, nobody measures, and the slices are unknown. Another
machine asks the same way a visitor does, over the public name. Only what no cache may answer proves anything,
and nothing is signed. What it saw fills the slices that the agent has nothing to say about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from instancectl.core.checks.seen import Request
from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import AVAILABILITY, Verdict, headline
from instancectl.core.monitoring.surfaces import DELETE, JSON_LD, MADE_UP_TOKEN, Answered, Ask
from instancectl.core.probes import WEBSOCKET_HEADERS

SURFACES: Final = ("web", "login", "federation", "streaming")
"""What can be told from outside without knowing the instance's settings."""

CONTROLS: Final = ("https://www.debian.org/", "https://www.wikipedia.org/")
"""Asked only while something fails: when none of them answers, it is this machine that is cut off."""

SPELLS_TOLD: Final = 500
"""Stretches of each surface that are handed over; in quiet times they reach back for months."""


def asks(site: str, once: str) -> tuple[Ask, ...]:
    """The requests of one round.

    Args:
        site: the name visitors type, with its port if there is one.
        once: letters and digits that nobody used before, so that no cache has an answer.
    """
    # Nobody has this account. 404 is the database's answer to that.
    nobody = f"/.well-known/webfinger?resource=acct:probe-{once}@{site.partition(':')[0]}"
    return (
        Ask("web", "inbox", "edge", "/inbox", (JSON_LD,), frozenset({202}), body=DELETE),
        Ask("login", "form", "edge", f"/auth/sign_in?probe={once}", (), holds=b"user[password]"),
        Ask("federation", "webfinger", "edge", nobody, (), frozenset({200, 404})),
        Ask("streaming", "token", "edge", MADE_UP_TOKEN, WEBSOCKET_HEADERS, frozenset({401})),
    )


def request(ask: Ask, site: str, address: str) -> Request:
    """The request to the public name; `address` is connected to instead of what the name resolves to."""
    method = "POST" if ask.body else "GET"
    return Request(f"https://{site}{ask.path}", address, ask.headers, method, body=ask.body)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One round.

    Attributes:
        connected: whether this machine reaches anything at all.
    """

    answers: tuple[Answered, ...]
    connected: bool

    @property
    def failed(self) -> tuple[Answered, ...]:
        """What was not as it should be."""
        return tuple(one for one in self.answers if one.failure)


def verdicts(seen: Sighting) -> dict[str, Verdict]:
    """Each surface, and the headline. A machine that is cut off knows nothing."""
    broken = {one.ask.surface for one in seen.failed}
    bad = Verdict.BAD if seen.connected else Verdict.UNKNOWN
    found = {surface: bad if surface in broken else Verdict.GOOD for surface in SURFACES}
    return {AVAILABILITY: headline(found), **found}


def sentence(site: str, seen: Sighting) -> str:
    """What a person wants to know first."""
    if not seen.failed:
        return f"{site} is well, seen from here"
    if not seen.connected:
        return "this machine reaches nothing at all: it cannot tell"
    broken = ", ".join(dict.fromkeys(one.ask.surface for one in seen.failed))
    return f"{site} is not well, seen from here: {broken}"


def as_told(name: str, spells: Mapping[str, Sequence[Spell]], *, connected: bool) -> dict[str, Any]:
    """The document that an agent fetches."""
    return {
        "vantage": name,
        "connected": connected,
        "spells": {
            sli: [[one.first, one.last, one.verdict.value] for one in found] for sli, found in spells.items()
        },
    }


def read(document: object) -> tuple[str, bool, dict[str, tuple[Spell, ...]]]:
    """Name, whether it is connected, and what it measured, out of such a document.

    Raises:
        ValueError: it is no such document.
    """
    try:
        told = _Told.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where or 'the document'}: {first['msg']}") from error
    cause = f"seen from {told.vantage}"
    found = {
        sli: tuple(Spell(first, last, verdict, cause) for first, last, verdict in rows)
        for sli, rows in told.spells.items()
        if sli in {AVAILABILITY, *SURFACES}
    }
    return told.vantage, told.connected, found


class _Told(BaseModel):
    vantage: str = Field(min_length=1, max_length=64)
    connected: bool
    spells: dict[str, tuple[tuple[NonNegativeInt, NonNegativeInt, Verdict], ...]]
