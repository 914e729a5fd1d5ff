"""The public status page as values: what works now, the last 90 days, incidents, planned maintenance.

It is made of the uptime ledger alone, names no host and no cause inside, and says when it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.overview import STALE_SECONDS, STATE_OF, STRIP_DAYS, State, Strip
from instancectl.core.monitoring.sli import (
    AVAILABILITY,
    OBJECTIVES,
    SLICE_SECONDS,
    Counts,
    Verdict,
    last_days,
)

TITLES: Final[Mapping[str, str]] = {
    "web": "Pages and apps",
    "login": "Logging in",
    "federation": "Other servers",
    "streaming": "Live updates",
    "media": "Pictures and videos",
    "mail": "Mails",
    "sidekiq": "Delivery of posts",
}
"""Surface → what people call it."""

LATE: Final[Mapping[str, tuple[str, ...]]] = {
    "sidekiq": ("queue_default", "queue_ingress", "queue_push"),
    "mail": ("queue_mailers",),
}
"""Surface → the queues whose jobs it waits for; it is late while one of them is."""

ESSENTIAL: Final = frozenset({"web", "login", "federation"})
LEAST_SLICES: Final = 4
"""A shorter stretch is no incident: 60 seconds."""

TOGETHER_SECONDS: Final = 300
"""Stretches that are nearer to each other belong to one incident."""

AHEAD_DAYS: Final = 14
LEAST_STALE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an admin says: maintenance with a beginning and an end, or a note to an incident.

    Attributes:
        until: 0 for a note.
        incident: when the incident began that a note is about; 0 for maintenance.
    """

    id: str
    text: str
    at: float
    until: float = 0.0
    incident: float = 0.0
    written_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Incident:
    """Time in which something was bad; `ended_at` is 0 while it is."""

    began_at: float
    ended_at: float
    surfaces: tuple[str, ...]
    notes: tuple[Announcement, ...] = ()


@dataclass(frozen=True, slots=True)
class Surface:
    """One line of the page: `month` are the last 30 days."""

    slug: str
    state: State
    strip: Strip
    month: Counts

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES[self.slug]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The whole page.

    Attributes:
        as_of: when it was written, seconds since 1970.
        stale_seconds: after that it says nothing about now.
    """

    domain: str
    url: str
    as_of: float
    stale_seconds: int
    state: State
    sentence: str
    whole: Strip
    month: Counts
    surfaces: tuple[Surface, ...]
    incidents: tuple[Incident, ...]
    planned: tuple[Announcement, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger knows of one indicator."""

    days: Mapping[date, Counts]
    spells: tuple[Spell, ...]
    objective: float = OBJECTIVES[AVAILABILITY]


def status_page(
    domain: str,
    url: str,
    now: float,
    every_seconds: int,
    past: Mapping[str, Past],
    said: Sequence[Announcement],
) -> StatusPage:
    """The page of this moment.

    Args:
        domain: of the instance.
        url: where the page is found; may be empty.
        now: seconds since 1970.
        every_seconds: how often it is written.
        past: of every indicator that the instance is measured by.
        said: announcements, in any order.
    """
    shown = [slug for slug in TITLES if slug in past]
    late = {slug for slug in shown if any(_late(past.get(one), now) for one in LATE.get(slug, ()))}
    surfaces = tuple(_surface(slug, past[slug], now, late=slug in late) for slug in shown)
    planned = tuple(sorted(_planned(said, now), key=lambda one: one.at))
    state, sentence = _headline(surfaces, [one for one in planned if one.at <= now])
    whole = past.get(AVAILABILITY, Past({}, ()))
    today = datetime.fromtimestamp(now, UTC).date()
    return StatusPage(
        domain,
        url,
        now,
        max(LEAST_STALE_SECONDS, 3 * every_seconds),
        state,
        sentence,
        _strip(AVAILABILITY, whole, today),
        last_days(whole.days, today, 30),
        surfaces,
        tuple(_noted(one, said) for one in incidents({slug: past[slug].spells for slug in shown}, now)),
        planned,
    )


def incidents(spells: Mapping[str, Iterable[Spell]], now: float) -> tuple[Incident, ...]:
    """Bad stretches of all surfaces, those that belong together as one; newest first, of the last 90 days."""
    bad = sorted(
        (one.began_at, (one.last + 1) * SLICE_SECONDS, slug)
        for slug, mine in spells.items()
        for one in mine
        if one.verdict is Verdict.BAD and one.last - one.first + 1 >= LEAST_SLICES
    )
    merged: list[tuple[float, float, list[str]]] = []
    for began, ended, slug in bad:
        if merged and began - merged[-1][1] <= TOGETHER_SECONDS:
            first, last, slugs = merged[-1]
            merged[-1] = (first, max(last, ended), [*slugs, *({slug} - set(slugs))])
        else:
            merged.append((began, ended, [slug]))
    since = now - STRIP_DAYS * 86400
    return tuple(
        Incident(began, 0.0 if now - ended <= STALE_SECONDS else ended, tuple(slugs))
        for began, ended, slugs in reversed(merged)
        if ended >= since
    )


def _noted(incident: Incident, said: Iterable[Announcement]) -> Incident:
    mine = sorted((one for one in said if one.incident == incident.began_at), key=lambda one: one.written_at)
    return replace(incident, notes=tuple(mine))


def _planned(said: Iterable[Announcement], now: float) -> Iterable[Announcement]:
    ahead = now + AHEAD_DAYS * 86400
    return (one for one in said if one.until > now and one.at <= ahead)


def _surface(slug: str, past: Past, now: float, *, late: bool) -> Surface:
    today = datetime.fromtimestamp(now, UTC).date()
    state = _state(past.spells, now)
    if late and state is State.GOOD:
        state = State.WARN
    return Surface(slug, state, _strip(slug, past, today), last_days(past.days, today, 30))


def _late(queue: Past | None, now: float) -> bool:
    """Whether its jobs have waited too long for long enough to be told."""
    if queue is None or _state(queue.spells, now) is not State.BAD:
        return False
    return queue.spells[-1].last - queue.spells[-1].first + 1 >= LEAST_SLICES


def _state(spells: Sequence[Spell], now: float) -> State:
    """Of the newest slice; an old one says nothing about now."""
    if not spells or now - (spells[-1].last + 1) * SLICE_SECONDS > STALE_SECONDS:
        return State.UNKNOWN
    return STATE_OF[spells[-1].verdict]


def _strip(sli: str, past: Past, today: date) -> Strip:
    wanted = [today - timedelta(days=back) for back in reversed(range(STRIP_DAYS))]
    return Strip(sli, tuple((day, past.days.get(day, Counts())) for day in wanted), past.objective)


def _headline(surfaces: Sequence[Surface], maintenance: Sequence[Announcement]) -> tuple[State, str]:
    bad = [one for one in surfaces if one.state is State.BAD]
    late = [one for one in surfaces if one.state is State.WARN]
    unknown = [one for one in surfaces if one.state is State.UNKNOWN]
    essential = [one for one in unknown if one.slug in ESSENTIAL]
    planned = "; maintenance is under way" if maintenance else ""
    if any(one.slug in ESSENTIAL for one in bad):
        return State.BAD, f"Not working: {_named(bad)}{planned}"
    if not surfaces or essential:
        return State.UNKNOWN, f"Nobody knows whether it works: it is not being measured{planned}"
    if bad:
        slow = f"; late: {_named(late)}" if late else ""
        return State.WARN, f"Partly not working: {_named(bad)}{slow}{planned}"
    if late:
        return State.WARN, f"Late: {_named(late)}{planned}"
    if maintenance:
        return State.WARN, "Maintenance is under way; what is measured works"
    return (
        State.GOOD,
        f"All that is measured works; unknown: {_named(unknown)}" if unknown else "Everything works",
    )


def _named(surfaces: Iterable[Surface]) -> str:
    return ", ".join(one.title.lower() for one in surfaces)
