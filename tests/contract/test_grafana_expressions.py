"""Prometheus itself understands every expression of the dashboard for Grafana."""

from __future__ import annotations

import json
import subprocess

import pytest

from instancectl.core.monitoring import panels_grafana
from tests.contract.standin_harness import built_images

pytestmark = pytest.mark.contract


def checked(expressions: list[str]) -> tuple[int, str]:
    tag = built_images("prometheus")["prometheus"]
    rules = [{"record": f"check:{number}", "expr": one} for number, one in enumerate(expressions)]
    text = json.dumps({"groups": [{"name": "grafana", "rules": rules}]})
    done = subprocess.run(
        ["docker", "run", "--rm", "--interactive", "--network", "none", "--entrypoint", "sh", tag,
         "-c", "cat > /tmp/rules.yml && promtool check rules /tmp/rules.yml"],
        input=text, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def filled(expression: str) -> str:
    return expression.replace("$__rate_interval", "1m").replace("$site", "social.example")


def test_every_expression_is_one() -> None:
    panels = panels_grafana.dashboard()["panels"]
    expressions = [filled(target["expr"]) for panel in panels for target in panel.get("targets", ())]
    code, said = checked(expressions)
    assert code == 0, said
    assert f"{len(expressions)} rules found" in said


def test_a_broken_one_would_be_noticed() -> None:
    code, said = checked(["sum by (queue) (rate(x[1m])"])
    assert code != 0
    assert "parse error" in said
