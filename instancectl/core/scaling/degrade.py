"""The degrade ladder: give up what matters least before everything falls over, and climb back.

| rung | what is given up | who decides |
|---|---|---|
| 1 | `pull` waits: previews, imports, thread fetching | instancectl |
| 2 | new accounts wait for approval | instancectl, unless `scaling.ladder` says less |
| 3 | anonymous reading | instancectl, when `scaling.ladder` allows it |
| 4 | half of the inbox: other servers are told to come later | the same |

Everything here can be undone, and is, in the opposite order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from instancectl.core.scaling.state import LadderState

PRESSED: Final = {1: 0.4, 2: 0.6, 3: 0.7, 4: 0.8}
"""Share of its objective that the worst wait has used up when a rung is entered: the first costs little."""
PATIENCE_SECONDS: Final = {1: 10.0, 2: 20.0, 3: 10.0, 4: 10.0}
"""Of pressure with an empty budget before a rung, and since the one before.

Whoever allowed the last two has an overload that the first two did not end: waiting costs more.
"""
ROOMY: Final = {1: 0.85, 2: 0.80, 3: 0.70, 4: 0.70}
"""Share of the processor below which what a rung gave up has room again."""
LONG_CALM_SECONDS: Final = 3600.0  # after which it is tried in any case
CALM_SECONDS: Final = 900.0  # of calm before the first rung is left
NEXT_SECONDS: Final = 300.0  # of further calm before each of the others
CALM: Final = 0.4  # share of its objective that nobody waits for when it is calm
TOP: Final = 4

GIVEN_UP: Final = {
    1: "`pull` waits",
    2: "new accounts wait for approval",
    3: "anonymous reading is shed",
    4: "half of the inbox is told to come later",
}

TOOTCTL: Final = {"open": ("open",), "approved": ("approved",), "none": ("close",)}
"""Registration mode → words of `tootctl settings registrations`; none of them touches another setting."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What the ladder goes by.

    Attributes:
        pressure: the worst wait, predicted or actual, as a share of its objective; `pull` does not count.
        late: the worst actual wait, likewise.
        exhausted: which budget is empty; empty when none is.
        used: share of the processor in use over the last five minutes.
    """

    pressure: float
    late: float
    exhausted: str
    used: float


def judged(known: LadderState, weather: Weather, *, highest: int, at: float) -> LadderState:
    """The ladder after this sample; `highest` is the highest rung that may be entered."""
    known = _timed(known, weather, at)
    up = known.level + 1
    if up <= min(highest, TOP) and known.pressed_since and _lasting(known, up, at):
        # Calm counts from here: a calm of before the rung says nothing about it.
        return replace(known, level=up, entered_at=at, calm_since=0.0)
    if known.level and _roomy(known, weather, at):
        return replace(
            known,
            level=known.level - 1,
            entered_at=at,
            left_at=at,
            calm_since=at - CALM_SECONDS + NEXT_SECONDS,
        )
    return known


def _timed(known: LadderState, weather: Weather, at: float) -> LadderState:
    # Whether there was room for it shows at once: a rung that is missed is back before anybody is late.
    missed = known.left_at and at - known.left_at < CALM_SECONDS
    threshold = PRESSED[1 if missed else min(known.level + 1, TOP)]
    pressed = weather.pressure > threshold and bool(weather.exhausted)
    calm = weather.late < CALM
    return replace(
        known,
        pressed_since=(known.pressed_since or at) if pressed else 0.0,
        calm_since=(known.calm_since or at) if calm else 0.0,
    )


def _lasting(known: LadderState, rung: int, at: float) -> bool:
    patience = PATIENCE_SECONDS[rung]
    return at - known.pressed_since >= patience and at - known.entered_at >= patience


def _roomy(known: LadderState, weather: Weather, at: float) -> bool:
    """Calm for long enough, and with room for what was given up: else it would come back at once."""
    if not known.calm_since or at - known.calm_since < CALM_SECONDS:
        return False
    return (
        weather.used < ROOMY[known.level] or at - max(known.calm_since, known.entered_at) >= LONG_CALM_SECONDS
    )
