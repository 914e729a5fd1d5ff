"""Runs one rehearsal: a trace, a layout, a host, costs, and who works it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.simulator.controllers import CONTROLLERS, even, steep
from instancectl.core.scaling.simulator.costs import Costs
from instancectl.core.scaling.simulator.engine import Engine, Host
from instancectl.core.scaling.simulator.outcome import Outcome, Recorder, mail_delays, percentile
from instancectl.core.scaling.simulator.trace import Trace

WEIGHTED: Final = "+weights"
"""Put behind the name of another autoscaler: it gets our processor weights, too."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is rehearsed."""

    trace: Trace
    policy: Policy
    host: Host
    costs: Costs
    seed: int = 0


def rehearse(one: Rehearsal, controller: str) -> Outcome:
    """Let the trace pass, worked by `controller`, one of `CONTROLLERS` with or without `+weights`.

    Deterministic: the same arguments give the same outcome on every machine.
    """
    made = CONTROLLERS[controller.removesuffix(WEIGHTED)]
    weighted = made.steep or controller.endswith(WEIGHTED)
    engine = Engine(one.trace, one.policy.layout, one.host, one.costs, one.seed, steep if weighted else even)
    worker = made(engine, one.policy, one.seed)
    recorder = Recorder(one.policy.objectives, one.policy.web_seconds)
    for _ in range(one.trace.seconds):
        engine.tick()
        worker.second()
        recorder.second(engine)
    points = recorder.points
    requests = engine.site.served + engine.site.failed
    return Outcome(
        policy=controller,
        trace=one.trace.name,
        costs=one.costs.name,
        seed=one.seed,
        broken=recorder.missed / max(1, len(points)),
        queues={
            queue: (
                percentile([point.latency[queue] for point in points], 0.95),
                max((point.latency[queue] for point in points), default=0.0),
            )
            for queue in engine.lines
        },
        site=(
            percentile([point.site for point in points], 0.95),
            engine.site.failed / requests if requests else 0.0,
        ),
        process_minutes=engine.counts.process_seconds / 60,
        actions=worker.actions,
        connections=recorder.connections,
        refused=round(engine.counts.refused),
        killed=engine.counts.killed,
        lost=engine.counts.lost,
        signups=engine.counts.signups,
        mail=mail_delays(engine),
        mail_processes=recorder.mail_processes,
        first=recorder.events(),
        points=tuple(points),
        decisions=tuple((at, decision.sentence) for at, decision in worker.log),
        left=_left(engine),
    )


def _left(engine: Engine) -> tuple[str, ...]:
    """What was given up and not taken back by the end."""
    pull = engine.crews.get("sidekiq-pull")
    states = {
        f"registrations are `{engine.registrations}`": engine.registrations != "open",
        "anonymous reading is shed": engine.shedding,
        "half of the inbox is told to come later": engine.valve,
        "`pull` waits": pull is not None and pull.count == 0,
    }
    return tuple(what for what, holds in states.items() if holds)
