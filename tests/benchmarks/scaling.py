"""The scaling policy against its bars, with the other autoscalers in the same run.

    python tests/benchmarks/scaling.py                 everything: about half an hour on two cores
    python tests/benchmarks/scaling.py measured:step10 measured:overload decision
    python tests/benchmarks/scaling.py --seeds 1 --without-baselines

Needs neither Docker nor root. A bar that is missed is marked and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import QueueSample
from instancectl.core.scaling.settings import PROFILES, Policy
from instancectl.core.scaling.simulator.costs import COSTS
from instancectl.core.scaling.simulator.engine import Host
from instancectl.core.scaling.simulator.outcome import Outcome
from instancectl.core.scaling.simulator.rehearse import Rehearsal, rehearse
from instancectl.core.scaling.simulator.shipped import Stage, trace
from instancectl.core.scaling.state import State
from instancectl.core.sizes import Machine
from tests.unit.core.scaling.situations import START, THREADS, reference_layout, reference_policy, sample

BASELINES = ("fixed", "hpa", "keda", "judoscale-2")
FIVE = dict.fromkeys(THREADS, 5)
HOSTS = {"measured": Host(6, 12.0, 4.0), "heavy": Host(16, 32.0, 16.0)}


@dataclass(frozen=True)
class Bar:
    """One thing to reach: what it is called, its value of an outcome, and the most it may be."""

    name: str
    value: Callable[[Outcome], float]
    most: float


def late(most: float) -> Bar:
    return Bar("time out of objective, %", lambda one: one.broken * 100, most)


def minutes(most: float) -> Bar:
    return Bar("process-minutes", lambda one: one.process_minutes, most)


def waits(queue: str, p95: float, most: float | None = None) -> Iterator[Bar]:
    yield Bar(f"{queue} p95, s", lambda one: one.queues[queue][0], p95)
    if most is not None:
        yield Bar(f"{queue} most, s", lambda one: one.queues[queue][1], most)


def mail(*most: float) -> Iterator[Bar]:
    for number, (name, value) in enumerate(zip(("p50", "p95", "most"), most, strict=False)):
        yield Bar(f"mail after recovery {name}, s", lambda one, at=number: (one.mail or (0, 0, 0))[at], value)


NOTHING_LOST = Bar("jobs lost", lambda one: one.lost, 0)
NOT_REFUSED = Bar("connections refused", lambda one: one.refused, 0)
RESTORED = Bar("not restored afterwards", lambda one: len(one.left), 0)
ONE_MAILER = Bar("processes for mail during the outage", lambda one: one.mail_processes, 1)

BARS: dict[str, tuple[Bar, ...]] = {
    "measured:step10": (late(0.2), minutes(1450), NOTHING_LOST),
    "measured:nov7": (late(0.05), minutes(5900), NOTHING_LOST),
    "measured:viral": (late(0.05), *waits("push", 21, 31), minutes(1430), NOTHING_LOST),
    "measured:smtp": (*mail(55, 90, 215), ONE_MAILER, NOTHING_LOST),
    "measured:overload": (late(0.4), NOTHING_LOST, RESTORED),
    "measured:overload2": (late(0.5), NOTHING_LOST, RESTORED),
    "measured:mixed": (late(0.05), *waits("push", 22), NOTHING_LOST),
    "measured:dead-remote": (minutes(1200), NOTHING_LOST),
    "heavy:step10": (late(0.5), NOTHING_LOST),
    "heavy:nov7": (late(0.05), *waits("default", 2), Bar("changes", lambda one: one.actions, 150)),
    "heavy:viral": (late(0.05), *waits("push", 75), NOTHING_LOST),
    "heavy:smtp": (*list(mail(9e9, 250, 280)), ONE_MAILER, NOTHING_LOST),
    "heavy:overload": (
        late(1.0),
        Bar("web p95, ms", lambda one: one.site[0] * 1000, 100),
        NOTHING_LOST,
        RESTORED,
    ),
    "heavy:overload2": (late(2.0), NOTHING_LOST, RESTORED),
    "heavy:mixed": (late(0.3), NOTHING_LOST),
    "heavy-100:step10": (NOT_REFUSED, NOTHING_LOST),
    "heavy-100:overload": (NOT_REFUSED, NOTHING_LOST),
    "heavy-economy:mixed": (late(0.3), NOTHING_LOST),
}
"""Costs and trace → what to reach. `-100`: PostgreSQL's default of 100 connections."""


def rehearsal(name: str, seed: int) -> Rehearsal:
    model, _, shape = name.partition(":")
    kind, _, special = model.partition("-")
    costs, host = COSTS[kind], HOSTS[kind]
    layout = reference_layout(100 if special == "100" else 200, THREADS if kind == "measured" else FIVE)
    profile = PROFILES["economy" if special == "economy" else "balanced"]
    policy = Policy(layout, Machine(int(host.memory_gb * 1e9), host.cores), profile=profile, ladder=4)
    return Rehearsal(trace(shape, Stage(costs, host.cores, seed)), policy, host, costs, seed)


def measure(name: str, seeds: list[int], baselines: tuple[str, ...]) -> bool:
    """Run one trace under everybody; whether all bars are reached."""
    if "nov7" in name:
        seeds = seeds[:2]
    outcomes = {
        who: [rehearse(rehearsal(name, seed), who) for seed in seeds] for who in ("instancectl", *baselines)
    }
    print(f"\n{name}, seeds {seeds}", flush=True)
    width = max(len(bar.name) for bar in BARS[name])
    print(f"  {'':{width}} {'at most':>9} {''.join(f'{who:>13}' for who in outcomes)}")
    reached = True
    for bar in BARS[name]:
        means = {who: sum(map(bar.value, found)) / len(found) for who, found in outcomes.items()}
        good = means["instancectl"] <= bar.most + 1e-9
        reached &= good
        shown = "".join(f"{mean:13.2f}" for mean in means.values())
        most = f"{bar.most:9.2f}" if bar.most < 1e6 else " " * 9
        print(f"  {bar.name:{width}} {most} {shown}  {'' if good else 'MISSED'}", flush=True)
    return reached


def decision() -> bool:
    """Milliseconds of processor time of one decision with 100,000 jobs in every queue."""
    policy, state, took = reference_policy(), State(), []
    for tick in range(200):
        queues = {
            queue: QueueSample(100_000 + 50 * tick, 300.0, width, 900) for queue, width in THREADS.items()
        }
        seen = replace(sample(START + 10 * tick, queues=queues), processed=1000 * tick)
        began = time.process_time()
        state, _ = decide(policy, state, seen)
        took.append((time.process_time() - began) * 1000)
    took.sort()
    good = took[-1] < 50
    print(f"\ndecision: median {took[100]:.2f} ms, most {took[-1]:.2f} ms of 50 {'' if good else 'MISSED'}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ("decision", *BARS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure; all without: {', '.join(known)}"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--without-baselines", action="store_true")
    typed = parser.parse_args()
    if unknown := [name for name in typed.names if name not in known]:
        parser.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(known)}")
    baselines = () if typed.without_baselines else BASELINES
    reached = [
        decision() if name == "decision" else measure(name, typed.seeds, baselines)
        for name in typed.names or known
    ]
    print(f"\n{sum(reached)} of {len(reached)} reached")
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
