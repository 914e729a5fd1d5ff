"""Prometheus' own linter has nothing to say about a whole reading."""

from __future__ import annotations

import subprocess

import pytest

from instancectl.adapters.exposition import render
from instancectl.operations import monitoring
from tests.contract.standin_harness import built_images
from tests.operations.watched import CONFIG, Watched

pytestmark = pytest.mark.contract


def promtool(text: bytes) -> tuple[int, str]:
    tag = built_images("prometheus")["prometheus"]
    done = subprocess.run(
        ["docker", "run", "--rm", "--interactive", "--network", "none", "--entrypoint", "promtool", tag,
         "check", "metrics"],
        input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


def test_a_whole_reading_passes() -> None:
    world = Watched().deployed(web=2)
    world.silence("/nodeinfo")
    assert promtool(render(lambda: monitoring.metrics(CONFIG, world.senses), process=True)) == (0, "")


def test_the_linter_would_have_said_something() -> None:
    code, said = promtool(b"# HELP a_minutes A.\n# TYPE a_minutes counter\na_minutes 1\n")
    assert code == 3
    assert "_total" in said
