"""`scale tune`: threads from what was measured; shown, or written into `instance.toml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from instancectl.core.config import InstanceConfig
from instancectl.core.config_keys import Value
from instancectl.core.layout import Machine, derive
from instancectl.core.result import Result, Status
from instancectl.core.scaling.recorded import Recorded
from instancectl.core.scaling.tune import Proposal, proposals
from instancectl.core.sizes import Layout, Room
from instancectl.errors import Refused

Change = Callable[[Mapping[str, Value]], None]
"""Writes keys into the instance file."""


def tune(
    config: InstanceConfig,
    machine: Machine,
    rows: Sequence[Recorded],
    change: Change | None,
    others: Sequence[Room] = (),
    *,
    only: bool = False,
) -> Result:
    """What each service should have, and why; with `change` it is written down.

    Args:
        config: what the admin wrote.
        machine: the host with the data.
        rows: of the record, which count.
        change: writes keys into the instance file; None only shows them.
        others: further hosts.
        only: refuse what would change anything but Sidekiq services.

    Raises:
        Refused: the wanted threads need more connections or memory than there are, with the arithmetic, or
            with `only` something else would change, too.
    """
    layout = derive(config, machine, others)
    found = proposals(layout, rows)
    wanted: dict[str, Value] = {f"services.{one.service}.threads": one.wanted for one in found if one.changes}
    lines = [line for one in found for line in _lines(one)]
    data = {
        "services": [
            {"service": one.service, "threads": one.threads, "wanted": one.wanted, "share": one.share,
             "more_processes": one.more, "reason": one.reason}
            for one in found
        ],
        "keys": dict(wanted),
    }  # fmt: skip
    if not wanted:
        return Result(Status.UNCHANGED, data, (*lines, "", "nothing is to be changed"))
    if change is None:
        return Result(
            Status.PLANNED,
            data,
            (*lines, "", "nothing was changed; `instancectl scale tune --apply` does it"),
        )
    # Refused with the arithmetic before anything is written.
    after = derive(_with(config, found), machine, others)
    if only and (changed := _besides(layout, after)):
        raise Refused(
            f"with other threads {' and '.join(changed)} would be sized anew and restarted, too",
            hint="look at it, and do it by hand: `instancectl scale tune --apply`",
            subject="scale tune",
        )
    change(wanted)
    return Result(Status.CHANGED, data, tuple(lines))


def _besides(before: Layout, after: Layout) -> list[str]:
    """Services that are no Sidekiq processes and would have another size."""
    sized = ("web", "streaming", "db", "redis", "pgbouncer")
    return [f"`{one}`" for one in sized if getattr(before, one) != getattr(after, one)]


def _with(config: InstanceConfig, found: tuple[Proposal, ...]) -> InstanceConfig:
    sizes = {
        one.service.replace("-", "_"): getattr(config.services, one.service.replace("-", "_")).model_copy(
            update={"threads": one.wanted}
        )
        for one in found
        if one.changes
    }
    return config.model_copy(update={"services": config.services.model_copy(update=sizes)})


def _lines(one: Proposal) -> tuple[str, ...]:
    head = f"`{one.service}`: {one.threads} threads"
    if one.changes:
        head = f"`{one.service}`: {one.threads} → {one.wanted} threads"
    return (head, f"    {one.reason}")
