"""Repeatable randomness: the same seed gives the same numbers on every machine and Python."""

from __future__ import annotations

import math
from typing import Final

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_EXACT_LIMIT: Final = 30.0  # above it a Poisson count is drawn as a rounded normal one


class Chance:
    """A stream of numbers (splitmix64), named so that streams do not disturb each other."""

    def __init__(self, seed: int, name: str = "") -> None:
        """Start the stream `name` of `seed`."""
        state = seed & _MASK
        for letter in name.encode():
            state = (state * 1099511628211 ^ letter) & _MASK
        self._state = state
        self._spare: float | None = None

    def uniform(self) -> float:
        """A number from 0 up to 1."""
        self._state = (self._state + _GOLDEN) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)

    def between(self, low: float, high: float) -> float:
        """A number from `low` up to `high`."""
        return low + (high - low) * self.uniform()

    def normal(self) -> float:
        """A number of the standard normal distribution."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        angle = 2.0 * math.pi * self.uniform()
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def count(self, mean: float) -> int:
        """A Poisson count: how many independent events of this mean happen."""
        if mean <= 0:
            return 0
        if mean > _EXACT_LIMIT:
            return max(0, round(mean + math.sqrt(mean) * self.normal()))
        limit, product, found = math.exp(-mean), self.uniform(), 0
        while product > limit:
            product *= self.uniform()
            found += 1
        return found
