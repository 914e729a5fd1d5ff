"""What somebody types to silence an alert for a while, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from instancectl.core.alerting.alertmanager import LONGEST_SECONDS, Silence
from instancectl.core.scaling import moments
from instancectl.core.units import show_seconds
from instancectl.errors import ConfigError, Refused

PATH: Final = "/silences"
MORNING: Final = "08:00"
OTHER: Final = "other"
MOST_LETTERS: Final[Mapping[str, int]] = {"who": 60, "why": 300, "until": 40}
LEAST_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was sent; empty in the beginning.

    Attributes:
        lasts: one of the choices.
        until: what stands beside the choice `other`: `2h`, `14:30`, or a date with a time.
        token: was given with the form, and comes back with it.
    """

    lasts: str = "1h"
    until: str = ""
    why: str = ""
    who: str = ""
    token: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Typed:
        """What a browser sent, in one line each; unknown fields are nobody's."""
        return cls(**{name: _line(fields.get(name, "")) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted."""

    seconds: float
    why: str
    who: str


def path_of(alert: str) -> str:
    """Of the page about one alert, or about all; names of the catalogue are letters."""
    return f"{PATH}/{alert}" if alert else PATH


def names_of(one: Silence) -> str:
    """Of what a silence covers, for people."""
    if 0 < len(one.names) <= 3:
        return ", ".join(one.names)
    return f"{len(one.names)} alerts" if one.names else "alerts chosen elsewhere"


def choices(now: datetime) -> tuple[tuple[str, str], ...]:
    """(value, words) of how long a silence may last; `now` in the zone of the host."""
    morning = moments.until(MORNING, now)
    left = show_seconds((morning - now).total_seconds() // 60 * 60)
    return (
        ("1h", "1 hour"),
        ("4h", "4 hours"),
        (MORNING, f"until {MORNING} {morning.tzname()}, in {left}"),
        (OTHER, "other"),
    )


def wish(typed: Typed, now: datetime) -> Wish:
    """What was typed, understood.

    Raises:
        Refused: something is missing, too long, or no length of time; the message says what.
    """
    for name, most in MOST_LETTERS.items():
        if len(getattr(typed, name)) > most:
            raise Refused(f"that is too long: {most} characters at most", subject=name)
    seconds = _seconds(typed, now)
    if not typed.why:
        raise Refused("say why: the others will want to know", subject="why")
    if not typed.who:
        raise Refused("say who you are: the others will want to ask", subject="who")
    return Wish(seconds, typed.why, typed.who)


def _line(text: str) -> str:
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def _seconds(typed: Typed, now: datetime) -> float:
    if typed.until and typed.lasts != OTHER:
        raise Refused(
            f"`{typed.lasts}` is chosen, and `{typed.until}` is written: choose `other`, or empty the field",
            subject="until",
        )
    wanted = typed.until if typed.lasts == OTHER else typed.lasts
    if not wanted:
        raise Refused("say for how long: `2h`, `14:30`, or a date with a time", subject="until")
    try:
        seconds = (moments.until(wanted, now) - now).total_seconds()
    except (ConfigError, OverflowError) as error:
        raise Refused(
            f"`{wanted}` is no time to come: write `2h`, `14:30`, or a date with a time", subject="until"
        ) from error
    if not LEAST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise Refused("a silence lasts a minute at least, and 30 days at most", subject="until")
    return seconds
