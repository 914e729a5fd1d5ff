"""Counts containers that took the place of others: something that is started again and again is broken."""

from __future__ import annotations

from collections.abc import Iterable

from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.metric import Counter, Sample
from instancectl.core.monitoring.sight import Sight
from instancectl.core.unknown import Known, Unknown


class Restarts:
    """Remembers the last container of every replica; a look that saw nothing changes nothing."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._last: dict[tuple[str, int], str] = {}
        self._count = Counter(stores.CONTAINER_RESTARTS)

    def see(self, sight: Known[Sight]) -> None:
        """One more look. A replica that waits for its next container keeps the last one."""
        if isinstance(sight, Unknown):
            return
        for service in sight.wanted:
            self._count.add((service,), 0)
        for one in sight.replicas:
            place = (one.service, one.slot)
            if one.container_id and self._last.get(place, one.container_id) != one.container_id:
                self._count.add((one.service,))
            if one.container_id:
                self._last[place] = one.container_id

    def samples(self) -> Iterable[Sample]:
        """Of every service that was seen."""
        return self._count.samples()
