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

from dataclasses import replace
from typing import Final

from instancectl.core.scaling.state import LadderState

PATIENCE_SECONDS: Final = 60.0  # of pressure with an empty budget before a rung, and between two rungs
CALM_SECONDS: Final = 900.0  # of calm before the first rung is left
NEXT_SECONDS: Final = 300.0  # of further calm before each of the others
CALM: Final = 0.4  # pressure below which it is calm
TOP: Final = 4

GIVEN_UP: Final = {
    1: "`pull` waits",
    2: "new accounts wait for approval",
    3: "anonymous reading is shed",
    4: "half of the inbox is told to come later",
}


def judged(known: LadderState, pressure: float, *, exhausted: str, highest: int, at: float) -> LadderState:
    """The ladder after this sample.

    Args:
        known: the ladder before.
        pressure: the worst lateness as a share of its objective; pull does not count.
        exhausted: which budget is empty; empty when none is.
        highest: the highest rung that may be entered.
        at: seconds since the epoch.
    """
    pressed = pressure > 1 and bool(exhausted)
    calm = pressure < CALM
    known = replace(
        known,
        pressed_since=(known.pressed_since or at) if pressed else 0.0,
        calm_since=(known.calm_since or at) if calm else 0.0,
    )
    lasting = pressed and at - known.pressed_since >= PATIENCE_SECONDS
    if lasting and known.level < min(highest, TOP) and at - known.entered_at >= PATIENCE_SECONDS:
        return replace(known, level=known.level + 1, entered_at=at)
    if known.level and calm and at - known.calm_since >= CALM_SECONDS:
        return replace(
            known, level=known.level - 1, entered_at=at, calm_since=at - CALM_SECONDS + NEXT_SECONDS
        )
    return known
