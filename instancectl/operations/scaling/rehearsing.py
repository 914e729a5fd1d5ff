"""Rehearses a surge with the policy of an instance, beside other autoscalers; changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from instancectl.core import budget
from instancectl.core.config import InstanceConfig
from instancectl.core.layout import derive
from instancectl.core.result import Result, Status
from instancectl.core.scaling.settings import PROFILES, Policy, policy_for
from instancectl.core.scaling.simulator import plot, shipped, trace
from instancectl.core.scaling.simulator.controllers import CONTROLLERS, MEANINGS
from instancectl.core.scaling.simulator.costs import COSTS, HEAVY, Costs
from instancectl.core.scaling.simulator.engine import Host
from instancectl.core.scaling.simulator.outcome import Outcome
from instancectl.core.scaling.simulator.rehearse import WEIGHTED, Rehearsal, rehearse
from instancectl.core.scaling.simulator.trace import Trace
from instancectl.core.sizes import Machine
from instancectl.core.units import GIB, show_bytes, show_seconds
from instancectl.errors import ConfigError
from instancectl.ports.reporter import Reporter

OURS: Final = "instancectl"
BESIDE: Final = (OURS, "fixed", "hpa", "keda", "judoscale-2")
"""What is rehearsed unless somebody names policies."""

SIZE: Final = re.compile(r"(\d{1,3})c/(\d{1,5}(?:\.\d)?)g")
SHOWN: Final = 16
_GB: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants rehearsed.

    Attributes:
        trace: name of a shipped trace, or of the file whose content is `text`.
        text: content of a trace file; None for a shipped one.
        times: how many times everything comes.
        size: `CORESc/GIBg`; empty for this machine.
        policies: names, `instancectl` among them or not.
        costs: `measured` or `heavy`.
        seed: of everything random.
        profile, ladder: instead of those in the configuration; empty, None: those.
    """

    trace: str
    text: str | None = None
    times: float = 1.0
    size: str = ""
    policies: tuple[str, ...] = BESIDE
    costs: str = "measured"
    seed: int = 0
    profile: str = ""
    ladder: int | None = None


Plot = Callable[[str], None]
"""Writes the picture somewhere."""


def simulate(
    config: InstanceConfig, measured: Machine, wish: Wish, reporter: Reporter, keep: Plot | None
) -> Result:
    """Let the trace pass under each policy, and tell what breaks first and when.

    Raises:
        ConfigError: the trace, the size or a name is wrong.
        Refused: the explicit sizes of the configuration do not fit on the host.
    """
    machine = _machine(wish.size, measured)
    one = _rehearsal(config, machine, wish, COSTS[_known("model of costs", wish.costs, COSTS)])
    for name in wish.policies:
        _known("policy", name.removesuffix(WEIGHTED), CONTROLLERS)
    outcomes = []
    for name in wish.policies:
        reporter.note(f"rehearsing {show_seconds(one.trace.seconds)} of `{one.trace.name}` under {name}")
        outcomes.append(rehearse(one, name))
    heavier = _heavier(config, machine, wish, reporter)
    if keep is not None:
        keep(plot.drawn(outcomes, one.policy.objectives, one.policy.web_seconds))
    return _told(one, machine, wish, outcomes, heavier)


def _heavier(config: InstanceConfig, machine: Machine, wish: Wish, reporter: Reporter) -> Outcome | None:
    """The same under the heavier model, for our policy only."""
    if OURS not in wish.policies or wish.costs == HEAVY.name:
        return None
    reporter.note("rehearsing the same with the heavier jobs of a slow, oversold host")
    return rehearse(_rehearsal(config, machine, wish, HEAVY), OURS)


def _rehearsal(config: InstanceConfig, machine: Machine, wish: Wish, costs: Costs) -> Rehearsal:
    policy = _policy(config, machine, wish)
    stage = shipped.Stage(costs, policy.machine.cores, wish.seed)
    return Rehearsal(_trace(wish, stage).times(wish.times), policy, _host(policy), costs, wish.seed)


def _policy(config: InstanceConfig, machine: Machine, wish: Wish) -> Policy:
    if wish.size:  # a rehearsal on another host plans with that host
        config = config.model_copy(
            update={"machine": config.machine.model_copy(update={"memory_mib": 0, "cores": 0})}
        )
    policy = policy_for(config, machine, layout=derive(config, machine))
    policy = replace(policy, mode="auto")
    if wish.profile:
        policy = replace(policy, profile=PROFILES[_known("profile", wish.profile, PROFILES)])
    return policy if wish.ladder is None else replace(policy, ladder=wish.ladder)


def _host(policy: Policy) -> Host:
    """The host, less what everything but Puma and Sidekiq takes of its memory."""
    lines = budget.memory(policy.layout, policy.machine).lines
    others = sum(
        line.amount
        for line in lines
        if line.label not in {"web", "update"} and not line.label.startswith("sidekiq")
    )
    return Host(policy.machine.cores, policy.machine.memory_bytes / _GB, others / _GB)


def _trace(wish: Wish, stage: shipped.Stage) -> Trace:
    if wish.text is not None:
        return trace.parsed(wish.text, wish.trace)
    return shipped.trace(_known("trace", wish.trace, shipped.MAKERS), stage)


def _machine(size: str, measured: Machine) -> Machine:
    if not size:
        return measured
    found = SIZE.fullmatch(size)
    if found is None or not int(found[1]) or not float(found[2]):
        raise ConfigError(
            f"`{size}` is no size of a host", hint="write cores and GiB, such as `4c/8g`", subject=size
        )
    return Machine(int(float(found[2]) * GIB), int(found[1]))


def _known(what: str, name: str, names: Mapping[str, Any]) -> str:
    if name in names:
        return name
    raise ConfigError(
        f"there is no {what} `{name}`",
        hint=f"there are {', '.join(f'`{one}`' for one in names)}",
        subject=name,
    )


# ---------------------------------------------------------------------------
# The answer


def _told(
    one: Rehearsal, machine: Machine, wish: Wish, outcomes: Sequence[Outcome], heavier: Outcome | None
) -> Result:
    layout = one.policy.layout
    rows = [_row(outcome) for outcome in outcomes]
    if heavier is not None:
        rows.append((f"{OURS}, heavier jobs", *_row(heavier)[1:]))
    size = f"{machine.cores} cores and {show_bytes(machine.memory_bytes)}"
    where = f"`{one.trace.name}` for {show_seconds(one.trace.seconds)} on {size}"
    lines = [
        f"{where}: layout `{layout.name}`, {one.costs.name} costs, seed {wish.seed}",
        "",
        *_table(rows),
        "",
        *_story(next((outcome for outcome in outcomes if outcome.policy == OURS), outcomes[0])),
    ]
    data = {
        "trace": one.trace.name,
        "seconds": one.trace.seconds,
        "times": wish.times,
        "seed": one.seed,
        "host": {"cores": machine.cores, "memory_bytes": machine.memory_bytes},
        "layout": layout.name,
        "outcomes": [outcome.as_json() for outcome in outcomes],
        "heavier": heavier.as_json() if heavier else None,
    }
    return Result(Status.OK, data, tuple(lines))


_HEAD: Final = (
    "policy", "late", "default", "mailers", "push", "ingress", "web p95", "failed", "process-min", "changes",
    "lost",
)  # fmt: skip


def _row(outcome: Outcome) -> tuple[str, ...]:
    def latency(queue: str) -> str:
        p95, most = outcome.queues[queue]
        return f"{p95:.0f}/{most:.0f} s"

    return (
        outcome.policy,
        f"{outcome.broken:.1%}",
        *(latency(queue) for queue in ("default", "mailers", "push", "ingress")),
        f"{outcome.site[0] * 1000:.0f} ms",
        f"{outcome.site[1]:.1%}",
        f"{outcome.process_minutes:.0f}",
        str(outcome.actions),
        f"{outcome.lost:.0f}",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    every = [_HEAD, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(_HEAD))]
    return [
        "  ".join(
            f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in every
    ]


def _story(outcome: Outcome) -> list[str]:
    """What broke first, and what was decided."""
    lines = [f"Under {outcome.policy} ({MEANINGS[outcome.policy.removesuffix(WEIGHTED)]}):"]
    lines += [f"  {show_seconds(event.at):>12}  {event.what}" for event in outcome.first]
    if not outcome.first:
        lines.append("  nothing breaks")
    if outcome.mail is not None:
        median, p95, most = outcome.mail
        within = f"{show_seconds(median)} (median), {show_seconds(p95)} (95 %), {show_seconds(most)} (all)"
        lines.append(f"  mail of the outage went out within {within} of its end")
    lines += [f"  still so at the end: {what}" for what in outcome.left]
    if outcome.decisions:
        lines += ["", "Decisions:"]
        lines += [f"  {show_seconds(at):>12}  {said}" for at, said in outcome.decisions[:SHOWN]]
        if (more := len(outcome.decisions) - SHOWN) > 0:
            lines.append(f"  … and {more} more; `--json` has all of them")
    return lines
