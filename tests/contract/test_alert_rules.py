"""Every alert fires when it should and stays silent when it should, as Prometheus itself evaluates it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instancectl.core.monitoring.alert import Alert, duration
from instancectl.core.monitoring.alerts import catalogue
from instancectl.core.monitoring.recordings import Recording, recordings, slow_recordings
from instancectl.core.monitoring.rules import Group, prometheus_files, rules_text
from instancectl.core.monitoring.sli import SLIS
from tests.contract import alert_cases, alert_cases_moments
from tests.contract.alert_cases import Case
from tests.contract.standin_harness import built_images
from tests.fakes import instance

pytestmark = pytest.mark.contract

CONFIG = instance.config(monitoring={"enabled": True}, tls={"mode": "acme"})
ALERTS = {alert.name: alert for alert in catalogue(CONFIG)}
CASES = {**alert_cases.CASES, **alert_cases_moments.CASES}
RECORDINGS = (*recordings(SLIS), *slow_recordings())
OPPOSITE = {">": "<", "<": ">", ">=": "<", "==": "!=", "!=": "==", "unless": "and"}
ONE = 'promtool test rules "$1" >"$1.out" 2>&1; echo "$1 $?"'
EACH = f"cd /w && printf '%s\\n' \"$@\" | xargs -P 2 -n 1 sh -c '{ONE}' sh"


def promtool(directory: Path, *words: str) -> str:
    tag = built_images("prometheus")["prometheus"]
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--user", "0", "--volume", f"{directory}:/w",
         "--entrypoint", words[0], tag, *words[1:]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return f"{done.stdout}\nexit {done.returncode}"


def needed(expr: str) -> Iterator[Recording]:
    """The recordings an expression reads, and those that these read."""
    for one in RECORDINGS:
        if one.record in expr:
            yield from needed(one.expr)
            yield one


def write(directory: Path, alert: Alert, expr: str, name: str) -> str:
    """A rule file with one alert, and its test; the test's file name."""
    recorded = tuple(dict.fromkeys(needed(expr)))
    group = Group("g", recordings=recorded, alerts=(replace(alert, expr=expr),))
    rules = instance.TEMPLATES.render("monitoring/rules.yml.j2", {"groups": [group], "duration": duration})
    (directory / f"{name}.rules.yml").write_text(rules)
    for step in {case.step for case in CASES[alert.name]}:
        cases = [case for case in CASES[alert.name] if case.step == step]
        test = {
            "rule_files": [f"{name}.rules.yml"],
            "evaluation_interval": step,
            "tests": [as_test(alert, case) for case in cases],
        }
        (directory / f"{name}.{step}.yml").write_text(json.dumps(test))
    return name


def as_test(alert: Alert, case: Case) -> dict[str, object]:
    firing = f'count(ALERTS{{alertname="{alert.name}", alertstate="firing"}}) or vector(0)'
    return {
        "name": case.what,
        "interval": case.step,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": case.at, "exp_samples": [{"labels": "{}", "value": case.fires}]}
        ],
    }


def mutants(expr: str) -> Iterator[str]:
    """The expression with one comparison turned around; matchers of labels are left alone."""
    for found in re.finditer(r"\{[^}]*\}|\[[^\]]*\]|==|!=|>=|>|<|\bunless\b", expr):
        if found.group() in OPPOSITE:
            yield expr[: found.start()] + OPPOSITE[found.group()] + expr[found.end() :]


def outcomes(directory: Path, names: list[str]) -> dict[str, bool]:
    """Name of a test → whether all of its files passed."""
    files = sorted(
        path.name for name in names for path in directory.glob(f"{name}.*.yml") if "rules" not in path.name
    )
    said = promtool(directory, "sh", "-c", EACH, "sh", *files)
    passed = dict.fromkeys(names, True)
    for line in said.splitlines():
        file, _, code = line.partition(" ")
        if file in files and code != "0":
            # It failed because something else fired, not because it could not be read.
            assert "got:" in (directory / f"{file}.out").read_text()
            passed[file.rpartition(".")[0].rpartition(".")[0]] = False
    assert said.count("\n") > len(files) - 1, said
    return passed


def test_every_alert_has_cases_that_fire_and_cases_that_do_not() -> None:
    assert set(CASES) == set(ALERTS)
    for name, cases in CASES.items():
        assert any(case.fires for case in cases), name
        assert name == "Watchdog" or any(not case.fires for case in cases), name


def test_prometheus_accepts_the_rendered_files(tmp_path: Path) -> None:
    for path, text in prometheus_files(CONFIG, instance.TEMPLATES.render).items():
        (tmp_path / Path(path).name).write_text(text)
    assert promtool(tmp_path, "promtool", "check", "rules", "/w/rules.yml").endswith("exit 0")
    said = promtool(tmp_path, "promtool", "check", "config", "--syntax-only", "/w/prometheus.yml")
    assert said.endswith("exit 0"), said


def test_every_alert_fires_and_stays_silent_when_it_should(tmp_path: Path) -> None:
    names = [write(tmp_path, alert, alert.expr, name) for name, alert in ALERTS.items()]
    failed = [name for name, passed in outcomes(tmp_path, names).items() if not passed]
    assert not failed, "\n".join(
        path.read_text() for name in failed for path in tmp_path.glob(f"{name}.*.out")
    )


def test_a_comparison_turned_around_is_noticed(tmp_path: Path) -> None:
    made = {}
    for name, alert in ALERTS.items():
        for number, expr in enumerate(mutants(alert.expr)):
            made[write(tmp_path, alert, expr, f"{name}-{number}")] = expr
    assert len(made) > len(ALERTS)
    survivors = {name: made[name] for name, passed in outcomes(tmp_path, list(made)).items() if passed}
    assert not survivors


def test_the_whole_rule_file_holds_every_alert_once() -> None:
    text = rules_text(CONFIG, instance.TEMPLATES.render)
    assert re.findall(r"- alert: (\w+)", text) == list(ALERTS)
