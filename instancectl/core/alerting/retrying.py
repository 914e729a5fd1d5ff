"""When a message that did not get through is tried again, and when it is given up."""

from __future__ import annotations

from typing import Final

DELAYS_SECONDS: Final = (5, 15, 30, 60, 120, 300)
LONGEST_SECONDS: Final = 600

GIVEN_UP_AFTER_SECONDS: Final = 24 * 3600
"""By then whoever should know has other ways to know; Alertmanager repeats what still fires anyway."""


def next_try(attempts: int, now: float) -> float:
    """The moment of the next attempt after `attempts` failed ones."""
    at = attempts - 1
    return now + (DELAYS_SECONDS[at] if at < len(DELAYS_SECONDS) else LONGEST_SECONDS)


def given_up(accepted_at: float, now: float) -> bool:
    """Whether a message is too old to be tried again."""
    return now - accepted_at > GIVEN_UP_AFTER_SECONDS
