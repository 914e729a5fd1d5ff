"""Counts of probes, surface by surface, as one vantage makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from instancectl.core.monitoring import catalogue_probes as probes
from instancectl.core.monitoring.metric import Counter, Sample, Tally
from instancectl.core.monitoring.surfaces import Answered


class ProbeTally:
    """What the probes of a vantage add up to; not safe for several threads by itself."""

    def __init__(self, surfaces: Sequence[str], vantage: str) -> None:
        """Nothing was asked yet; everything that can be counted reads zero."""
        self._surfaces, self._vantage = tuple(surfaces), vantage
        self._made, self._failed = Counter(probes.PROBES), Counter(probes.PROBE_FAILURES)
        self._took = Tally(probes.PROBE_DURATION)
        self._last: dict[str, tuple[float, bool]] = {}
        for surface in self._surfaces:
            self._made.add((surface, vantage), 0)

    def note(self, at: float, answers: Sequence[Answered]) -> None:
        """One more round, begun at `at` (seconds since 1970)."""
        for surface in self._surfaces:
            mine = [one for one in answers if one.ask.surface == surface]
            if not mine:
                continue
            failures = [one.failure for one in mine if one.failure]
            self._made.add((surface, self._vantage))
            if failures:
                self._failed.add((surface, self._vantage, failures[0]))
            if slowest := max(one.seconds for one in mine):
                self._took.add((surface, self._vantage), slowest)
            self._last[surface] = (at, not failures)

    def samples(self) -> Iterator[Sample]:
        """All of it."""
        for surface, (at, well) in self._last.items():
            yield Sample(probes.PROBE_SUCCESS, float(well), (surface, self._vantage))
            yield Sample(probes.PROBE_LAST_RUN, at, (surface, self._vantage))
        yield from (*self._made.samples(), *self._failed.samples(), *self._took.samples())
