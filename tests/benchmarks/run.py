"""Measures the figures of instancectl, as ratios against a baseline of the same run.

    python tests/benchmarks/run.py            all of them (about ten minutes)
    python tests/benchmarks/run.py cache help

It deploys an instance of its own, `bench.localhost` on ports 28080 and 28443, and removes it again.
See README.md beside this file.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

import by_hand  # noqa: E402 - the path comes first
from clients import Rate, Watch, straight_to_cache, straight_to_web, through_the_edge, write_posts  # noqa: E402 - the path comes first
from stack import OWNER, STACK, Instance, docker, instance, run, seconds_of, wait_until  # noqa: E402 - the path comes first

PYTHON = sys.executable
ACTIVITY = "application/activity+json"
SECONDS = 8


@dataclass(frozen=True)
class Figure:
    """One measured figure and its bound; `holds` judges."""

    name: str
    measured: str
    baseline: str
    result: str
    bound: str
    holds: bool

    def row(self) -> str:
        """A row of the table."""
        verdict = "ok" if self.holds else "**missed**"
        return (
            f"| {self.name} | {self.measured} | {self.baseline} | {self.result} | {self.bound} | {verdict} |"
        )


def at_most(name: str, seconds: float, baseline: float, factor: float, limit: float | None = None) -> Figure:
    """Seconds that may be a multiple of others, and at most so many."""
    ratio = seconds / baseline
    bound = f"≤ {factor:g} ×" + (f", ≤ {limit:g} s" if limit else "")
    holds = ratio <= factor and (limit is None or seconds <= limit)
    return Figure(name, f"{seconds:.2f} s", f"{baseline:.2f} s", f"{ratio:.2f} ×", bound, holds)


def faster(name: str, ours: Rate, baseline: Rate, factor: float) -> Figure:
    """Requests a second that must be a multiple of others, none failed."""
    ratio = ours.per_second / baseline.per_second
    return Figure(
        name,
        f"{ours.per_second:,.0f}/s, {ours.failed} failed",
        f"{baseline.per_second:,.1f}/s",
        f"{ratio:,.0f} ×",
        f"≥ {factor:g} ×",
        ratio >= factor and ours.failed == 0,
    )


def help_figure() -> Iterator[Figure]:
    """Start-up: nothing but Typer and our own modules is loaded."""
    baseline = seconds_of(lambda: run(PYTHON, "-c", "import typer"), 7)
    ours = seconds_of(lambda: run(PYTHON, "-m", "instancectl", "--help"), 7)
    yield at_most("`instancectl --help` : `import typer`", ours, baseline, 2)


def first_deploy(made: Instance) -> Iterator[Figure]:
    """From nothing, against the same file by hand; ends with a deployed instance."""
    hand = by_hand.measure(made)
    ours = seconds_of(made.deploy)
    yield at_most("`deploy` from nothing : `docker stack deploy` and jobs by hand", ours, hand, 1.25)


def looks(made: Instance) -> Iterator[Figure]:
    """Commands that find nothing to do, or only look."""
    services = seconds_of(lambda: docker("stack", "services", STACK), 5)
    ours = seconds_of(made.deploy, 5)
    yield at_most("no-op `deploy` : `docker stack services`", ours, services, 4, 2)
    status = seconds_of(lambda: made.ctl("status", "--json"), 5)
    yield Figure("`status --json`", f"{status:.2f} s", "–", "–", "≤ 1 s", status <= 1)


def idle(made: Instance) -> Iterator[Figure]:
    """Processes of the appliance on this machine while nobody types."""
    assert made.converged()
    found = residents()
    for _ in range(3):  # a command that somebody types meanwhile is no resident
        time.sleep(2)
        found &= residents()
    yield Figure("idle cost", f"{len(found)} processes", "–", "–", "0", not found)


def residents() -> set[str]:
    """Process ids of everything that is called instancectl."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word == b"instancectl" or word.endswith(b"/instancectl") for word in words[:4]):
            found.add(entry.parent.name)
    return found


def replacements(made: Instance) -> Iterator[Figure]:
    """Every answer while web, and then the cache tier, is replaced."""
    changes = (
        (
            "rolling `deploy` of everything that runs Mastodon, 8 clients, half POST",
            ("mastodon.env", "BENCHMARK", '"1"'),
            "web",
        ),
        ("update of `cache`, 8 clients, half POST", ("proxy", "cache_mib", 400), "cache"),
    )
    for name, change, service in changes:
        before = made.container(service)
        made.set(*change)
        with Watch() as watch:
            took = seconds_of(made.deploy)
        assert made.container(service) != before, f"{service} was not replaced"
        total = sum(watch.answers.values())
        for failure in sorted(set(watch.failures))[:5]:
            print(f"    {failure}", file=sys.stderr)
        yield Figure(
            name, f"{len(watch.failures)} of {total} failed",
            f"{watch.answers['POST']} POST, worst {watch.worst_seconds:.2f} s, deploy {took:.0f} s",
            "–", "0 failed", not watch.failures and total > 500,
        )  # fmt: skip


def cache(made: Instance) -> Iterator[Figure]:
    """Anonymous reading, through the edge and straight to web; then with no web at all."""
    posts = write_posts(OWNER, made.password, 20)
    wait_until(made.converged, "all services serve")
    paths = {
        "a post's page": (f"/@admin/{posts[0]}", "text/html"),
        "public timeline": ("/api/v1/timelines/public?local=true", "application/json"),
        "a post for another server": (f"/@admin/{posts[0]}", ACTIVITY),
    }
    for name, (path, accept) in paths.items():
        web = straight_to_web(made, path, accept, seconds=SECONDS)
        shared = straight_to_cache(made, path, accept, seconds=SECONDS)
        edge = through_the_edge(path, accept, seconds=SECONDS)
        yield faster(f"{name}: cache tier : straight to web", shared, web, 100)
        yield faster(f"{name}: whole edge with TLS : straight to web", edge, web, 10)
    docker("service", "scale", "--detach", f"{STACK}_web=0")
    wait_until(lambda: not docker("ps", "-q", "--filter", f"name={STACK}_web"), "web is gone")
    try:
        for name, (path, accept) in paths.items():
            found = through_the_edge(path, accept, seconds=2)
            yield Figure(
                f"{name}, no replica of web", f"{found.failed} of {found.requests} failed", "–", "–",
                "readable", found.failed == 0 and found.requests > 0,
            )  # fmt: skip
    finally:
        made.deploy()


FIGURES: dict[str, Callable[[Instance], Iterator[Figure]]] = {
    "help": lambda _made: help_figure(),
    "first-deploy": first_deploy,
    "looks": looks,
    "idle": idle,
    "replacements": replacements,
    "cache": cache,
}


def main() -> int:
    """Measure what was asked for; 1 when a bound is missed."""
    chosen = sys.argv[1:] or list(FIGURES)
    if unknown := set(chosen) - set(FIGURES):
        sys.exit(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    print("| Figure | Measured | Baseline | Ratio | Bound | |\n|---|---|---|---|---|---|", flush=True)
    held = True
    # What is installed has its bytecode: a shell that forbids to write it would be measured instead.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with instance() as made:
        if "first-deploy" not in chosen and set(chosen) != {"help"}:
            made.deploy()
        for name, measure in FIGURES.items():
            if name in chosen:
                for figure in measure(made):
                    print(figure.row(), flush=True)
                    held = held and figure.holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
