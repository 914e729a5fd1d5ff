"""What the rounds add up to: the last judgement, and the metrics of probes and slices."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import catalogue_probes as probes
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.metric import Counter, Sample
from instancectl.core.monitoring.sli import SLICE_SECONDS, Counts
from instancectl.core.monitoring.surfaces import asks, slis_of
from instancectl.core.monitoring.verdict import CAUSES, Judgement
from instancectl.core.releases import support_ends
from instancectl.operations.monitoring.probing import Round
from instancectl.operations.monitoring.tally import ProbeTally

VANTAGE = "host"
CACHE_WORDS = ("fresh", "hit", "stale", "none")


class Watch:
    """Counts rounds; read by scrapes while the next round is under way."""

    def __init__(self, config: InstanceConfig) -> None:
        """Nothing was seen yet; everything that can be counted reads zero."""
        self._lock = threading.Lock()
        self._slis = slis_of(config)
        self._objectives = config.monitoring.objectives.shares
        self._probes = ProbeTally(tuple(dict.fromkeys(ask.surface for ask in asks(config))), VANTAGE)
        self._edge = Counter(probes.EDGE_ANSWERS)
        self._round: Round | None = None
        self._judgement: Judgement | None = None
        self._slice = 0
        for word in CACHE_WORDS:
            self._edge.add((word,), 0)

    def note(self, slice_number: int, seen: Round, judgement: Judgement) -> None:
        """One more round."""
        with self._lock:
            self._slice, self._round, self._judgement = slice_number, seen, judgement
            if seen.reader:
                self._edge.add((seen.reader,))
            self._probes.note(slice_number * SLICE_SECONDS, seen.evidence.answers)

    def samples(self, totals: Mapping[str, Counts], filled: Mapping[str, int]) -> Iterator[Sample]:
        """Of probes, slices and the last verdict.

        A counter that falls reads as one that began anew, so unknown slices that were filled in stay counted
        as such, and are counted apart.
        """
        with self._lock:
            found = [*self._probes.samples(), *self._edge.samples(), *self._verdict_samples()]
        yield from found
        for sli in self._slis:
            counts = totals.get(sli, Counts())
            yield Sample(probes.SLICES, counts.measured, (sli,))
            yield Sample(probes.BAD_SLICES, counts.bad, (sli,))
            yield Sample(probes.UNKNOWN_SLICES, counts.unknown + filled.get(sli, 0), (sli,))
            yield Sample(probes.FILLED_SLICES, filled.get(sli, 0), (sli,))
            yield Sample(probes.OBJECTIVE, self._objectives[sli], (sli,))

    def verdict(self) -> Mapping[str, Any]:
        """The last judgement as plain values; nulls before the first."""
        with self._lock:
            one = self._judgement
            if one is None:
                return {"slice_at": None, "sentence": None, "causes": None, "verdicts": None, "reasons": None}
            return {
                "slice_at": self._slice * SLICE_SECONDS,
                "sentence": one.sentence,
                "causes": list(one.causes),
                "verdicts": {name: verdict.value for name, verdict in one.verdicts.items()},
                "reasons": dict(one.reasons),
            }

    def _verdict_samples(self) -> Iterator[Sample]:
        if self._round is None or self._judgement is None:
            return
        for host, end in self._round.certificates.items():
            yield Sample(probes.CERTIFICATE_END, end, (host,))
        if self._round.release:
            yield Sample(stores.MASTODON_INFO, 1, (self._round.release,))
            ends = support_ends(self._round.release)
            if ends is not None:
                yield Sample(stores.VERSION_END, ends)
        for service in CAUSES:
            yield Sample(probes.CAUSE, float(service in self._judgement.causes), (service,))
