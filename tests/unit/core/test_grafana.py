"""The dashboard for Grafana: a file it imports, made of metrics that exist."""

from __future__ import annotations

import itertools
import re
from typing import Any

from instancectl.core.monitoring import catalogue, panels_grafana
from instancectl.core.monitoring.panels import PANELS

MADE = panels_grafana.dashboard()
CHARTS = [panel for panel in MADE["panels"] if panel["type"] == "timeseries"]
TARGETS = [target for panel in CHARTS for target in panel["targets"]]
KNOWN = {metric.name: metric for metric in catalogue.CATALOGUE}


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"instancectl_\w+", expression))


def base(name: str) -> str:
    """A histogram's own name."""
    return re.sub(r"_(sum|count)$", "", name) if name not in KNOWN else name


def test_every_panel_of_the_specification_is_there_once() -> None:
    assert [panel["title"] for panel in CHARTS] == [panel.title for panel in PANELS.values()]


def test_every_expression_reads_metrics_of_the_catalogue_by_labels_they_have() -> None:
    for target in TARGETS:
        names = metrics_of(target["expr"])
        assert names
        for name in names:
            metric = KNOWN[base(name)]
            assert set(re.findall(r"by \((\w+)\)", target["expr"])) <= set(metric.labels)


def test_counters_are_rated_and_gauges_are_not() -> None:
    for target in TARGETS:
        kinds = {KNOWN[base(name)].kind.value for name in metrics_of(target["expr"])}
        assert ("rate(" in target["expr"]) == (kinds <= {"counter", "histogram"})
        assert "rate(" not in target["expr"] or "[$__rate_interval]" in target["expr"]


def test_every_expression_is_of_the_chosen_instance_and_source() -> None:
    for target in TARGETS:
        assert target["expr"].count('{site=~"$site"}') == len(re.findall(r"instancectl_\w+", target["expr"]))
        assert target["datasource"]["uid"] == "${datasource}"
    assert [one["name"] for one in MADE["templating"]["list"]] == ["datasource", "site"]


def test_panels_have_a_title_a_meaning_a_unit_and_a_legend() -> None:
    for panel in CHARTS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_identifiers_are_unique_and_panels_do_not_overlap() -> None:
    assert len({panel["id"] for panel in MADE["panels"]}) == len(MADE["panels"])
    for one, other in itertools.combinations(MADE["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in MADE["panels"])


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    aside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (aside or above)
