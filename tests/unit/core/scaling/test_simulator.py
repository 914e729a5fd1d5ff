"""The simulator: repeatable, true to its costs, and able to tell good from bad."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.scaling.simulator import plot, trace
from instancectl.core.scaling.simulator.chance import Chance
from instancectl.core.scaling.simulator.costs import HEAVY, MEASURED
from instancectl.core.scaling.simulator.engine import Engine, Host
from instancectl.core.scaling.simulator.lines import Cohort, Line
from instancectl.core.scaling.simulator.rehearse import Rehearsal, rehearse
from instancectl.core.scaling.simulator.sharing import Task, divided, shared
from instancectl.core.scaling.simulator.shipped import MAKERS, Stage, cores_of
from instancectl.core.scaling.simulator.shipped import trace as shipped
from instancectl.core.scaling.simulator.trace import QUEUES, Row, Trace, parsed, written
from instancectl.errors import ConfigError
from tests.unit.core.scaling.situations import reference_layout, reference_policy

RECORDED = [29, 31, 36, 50, 45, 37]
HOST = Host(6, 12.0, 4.0)
STAGE = Stage(MEASURED, 6, 1)


def short(seconds: int = 900, **rates: float) -> Trace:
    """A quarter of an hour of the same."""
    jobs = {queue: rates.get(queue, 0.0) for queue in QUEUES}
    row = Row(0, jobs, rates.get("signups", 0.0), rates.get("requests", 0.0))
    return Trace("short", (row, Row(seconds, dict.fromkeys(QUEUES, 0.0))))


def rehearsal(one: Trace, seed: int = 1) -> Rehearsal:
    return Rehearsal(one, reference_policy(), HOST, MEASURED, seed)


def even(service: str, containers: int) -> float:
    return 1024.0 * containers


def test_the_same_seed_gives_the_same_outcome_and_another_one_does_not() -> None:
    one = rehearsal(short(default=60, push=40, requests=30))
    assert rehearse(one, "instancectl") == rehearse(one, "instancectl")
    assert rehearse(one, "fixed") != rehearse(replace(one, seed=2), "fixed")


def test_chance_is_the_same_on_every_machine() -> None:
    chance = Chance(7, "push")
    assert [chance.count(40.0) for _ in range(6)] == RECORDED


@given(st.integers(0, 2**32), st.floats(0.1, 400))
def test_counts_have_their_mean(seed: int, mean: float) -> None:
    chance = Chance(seed, "mean")
    counts = [chance.count(mean) for _ in range(400)]
    assert sum(counts) / 400 == pytest.approx(mean, abs=6 * (mean / 400) ** 0.5 + 0.05)


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.tuples(st.integers(1, 20_000), st.floats(0, 8)), min_size=1
    ),
    st.floats(0.5, 16),
)
def test_the_processor_is_shared_without_waste_and_without_giving_more_than_wanted(
    wanted: dict[str, tuple[float, float]], cores: float
) -> None:
    given_ = shared(cores, wanted)
    assert all(given_[name] <= want + 1e-6 for name, (_, want) in wanted.items())
    assert sum(given_.values()) == pytest.approx(
        min(cores, sum(want for _, want in wanted.values())), abs=1e-6
    )


def test_weights_protect_the_site_from_waiting_jobs() -> None:
    tasks = {"web": Task(16384, 3.0, 0.3), "sidekiq-default": Task(64, 9.0, 1.0)}
    share, used, _ = divided(6, tasks, 16384)
    assert share["web"] > 0.99
    assert share["sidekiq-default"] < 0.4
    assert used == pytest.approx(1.0)


def test_a_line_is_first_in_first_out_and_knows_what_came_lately() -> None:
    line = Line()
    for at in (10.0, 20.0, 30.0):
        line.push(Cohort(at, 5, 0, at))
    assert [(one.at, one.jobs) for one in line.pop(7)] == [(10.0, 5), (20.0, 2)]
    assert (line.size, line.latency(50.0), line.since(20.0)) == (8, 30.0, 5)


@pytest.mark.parametrize(
    ("queue", "threads", "expected"),
    [("default", 5, 83), ("push", 25, 83), ("push", 5, 16.7), ("ingress", 5, 27.8), ("mailers", 10, 25)],
)
def test_one_process_works_as_fast_as_was_measured(queue: str, threads: int, expected: float) -> None:
    layout = reference_layout(threads={queue: threads})
    engine = Engine(short(400, **{queue: 500.0}), layout, HOST, MEASURED, 1, even)
    for _ in range(400):
        engine.tick()
    assert engine.counts.processed / 400 == pytest.approx(expected, rel=0.1)


def test_jobs_that_came_are_done_or_wait() -> None:
    engine = Engine(short(600, default=70, ingress=20), reference_layout(), HOST, MEASURED, 1, even)
    for _ in range(600):
        engine.tick()
    waiting = sum(line.size for line in engine.lines.values())
    assert engine.counts.processed + waiting == pytest.approx(600 * 90, rel=0.05)


def test_too_many_connections_are_refused_and_too_much_memory_is_killed() -> None:
    engine = Engine(short(200, push=300), reference_layout(100), Host(6, 6.0, 4.0), MEASURED, 1, even)
    engine.scale("sidekiq-push", 6)
    for _ in range(200):
        engine.tick()
    assert engine.counts.refused > 0
    assert engine.counts.killed > 0
    assert engine.counts.lost > 0


def test_a_sign_up_brings_its_mails_one_of_them_an_hour_later() -> None:
    engine = Engine(short(4500, signups=0.2), reference_layout(), HOST, MEASURED, 1, even)
    for _ in range(3590):
        engine.tick()
    before = engine.counts.mails
    for _ in range(900):
        engine.tick()
    assert before == pytest.approx(3590 * 0.2 * 1.2, rel=0.15)
    assert engine.counts.mails - before > 900 * 0.2 * 1.7


def test_the_policy_beats_no_autoscaler_on_a_short_surge() -> None:
    surge = short(1200, default=150, push=120, requests=80)
    ours, nobody = (rehearse(rehearsal(surge), who) for who in ("instancectl", "fixed"))
    assert ours.broken < 0.1 < nobody.broken
    assert ours.lost == 0
    assert ours.decisions


@pytest.mark.parametrize("name", MAKERS)
def test_every_shipped_trace_survives_being_written_and_read(name: str) -> None:
    made = shipped(name, STAGE)
    again = parsed(written(made), name)
    assert again.seconds == made.seconds
    assert [row.at for row in again.rows] == [row.at for row in made.rows]
    assert again.rows[1].jobs["push"] == pytest.approx(made.rows[1].jobs["push"], rel=1e-4)


@pytest.mark.parametrize("costs", [MEASURED, HEAVY])
def test_overload_asks_for_more_than_the_host_has(costs: object) -> None:
    made = shipped("overload", Stage(costs, 6, 1))  # type: ignore[arg-type]
    peak = max(made.rows, key=lambda row: row.requests)
    assert cores_of(costs, peak.requests / 10.0, peak.signups) == pytest.approx(1.35 * 6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "first line"),
        (f"{trace.HEAD}\nseconds,pushes\n0,1\n10,1\n", "columns are"),
        (f"{trace.HEAD}\nseconds,push\n0,1\n", "two rows"),
        (f"{trace.HEAD}\nseconds,push\n0,1\n0,2\n", "in order of time"),
        (f"{trace.HEAD}\nseconds,push\n0,many\n10,2\n", "line 3"),
        (f"{trace.HEAD}\nseconds,push\n0,-1\n10,2\n", "`push`"),
        (f"{trace.HEAD}\nseconds,faults\n0,fire\n10,\n", "`fire` is no fault"),
        (f"{trace.HEAD}\nseconds,faults\n0,remote-dead=2\n10,\n", "`remote-dead=2`"),
    ],
)
def test_a_wrong_trace_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text, "mine.csv")
    assert why in caught.value.message


def test_the_example_of_the_reference_page_can_be_read() -> None:
    page = trace.reference_markdown()
    example = page.split("```text\n")[1].split("```")[0]
    assert parsed(example, "example").seconds == 9000


def test_a_plot_is_well_formed_and_names_everybody() -> None:
    one = rehearsal(short(300, default=20))
    outcomes = [rehearse(one, who) for who in ("instancectl", "hpa+weights")]
    drawing = plot.drawn(outcomes, one.policy.objectives, one.policy.web_seconds)
    words = [element.text for element in ET.fromstring(drawing).iter() if element.text]  # noqa: S314
    assert {"instancectl", "hpa+weights", "processor in use"} <= set(words)
