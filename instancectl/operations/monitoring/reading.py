"""One reading of everything, for a terminal or a file."""

from __future__ import annotations

from collections.abc import Iterable

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.sli import Counts, slice_of
from instancectl.core.monitoring.verdict import judge
from instancectl.errors import InstanceError
from instancectl.operations.monitoring.collecting import Collectors
from instancectl.operations.monitoring.probing import Prober, Senses
from instancectl.operations.monitoring.watch import Watch


def metrics(config: InstanceConfig, senses: Senses) -> Iterable[Sample]:
    """One round of probes and one scrape; the ledger is read and not written.

    Without an agent that keeps it there is no ledger, and its counters read zero.
    """
    watch, collectors = Watch(config), Collectors(senses)
    number = slice_of(senses.clock.epoch_seconds())
    seen = Prober(config, senses).round(number)
    watch.note(number, seen, judge(seen.evidence))
    collectors.see(seen.sight)
    try:
        totals, filled = senses.ledger.totals(), senses.ledger.filled()
    except InstanceError:
        totals, filled = dict[str, Counts](), dict[str, int]()
    yield from watch.samples(totals, filled)
    yield from collectors.samples()
