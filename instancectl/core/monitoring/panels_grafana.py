"""The panels as a dashboard for Grafana, for people who have one: classic schema, imported as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from instancectl.core.monitoring.panels import PAGES, Lines, Page, Panel, Shape, Unit

SCHEMA: Final = 39
"""Of Grafana 10.4; newer ones read it."""

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
UNITS: Final = {Unit.COUNT: "short", Unit.SECONDS: "s", Unit.BYTES: "bytes", Unit.PER_SECOND: "ops"}
WIDTH, HEIGHT, COLUMNS = 12, 8, 24
SITE: Final = '{site=~"$site"}'
EVERY: Final = "[$__rate_interval]"


def dashboard() -> dict[str, Any]:
    """One dashboard with a row for each page that has charts."""
    panels = list(_placed())
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return {
        "uid": "instancectl",
        "title": "instancectl",
        "description": "Made by `instancectl dashboard grafana`.",
        "tags": ["instancectl", "mastodon"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source_variable(), _site_variable()]},
        "panels": panels,
    }


def expression(lines: Lines) -> str:
    """PromQL of one metric's lines, with Grafana's variables."""
    name = lines.metric.name
    if lines.shape is Shape.VALUE:
        return _sum(lines, f"{name}{SITE}")
    if lines.shape is Shape.RATE:
        return _sum(lines, f"rate({name}{SITE}{EVERY})")
    total, count = (_sum(lines, f"rate({name}_{part}{SITE}{EVERY})") for part in ("sum", "count"))
    return f"{total} / {count}"


def _sum(lines: Lines, inner: str) -> str:
    by = f" by ({lines.by})" if lines.by else ""
    return f"sum{by} ({inner})"


def _placed() -> Iterator[dict[str, Any]]:
    top = 0
    for page in PAGES:
        if not page.panels:
            continue
        yield _row(page, top)
        top += 1
        for place, panel in enumerate(page.panels):
            column, line = place % (COLUMNS // WIDTH), place // (COLUMNS // WIDTH)
            yield _panel(panel, column * WIDTH, top + line * HEIGHT)
        top += -(-len(page.panels) // (COLUMNS // WIDTH)) * HEIGHT


def _row(page: Page, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
    return {"type": "row", "title": page.title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, left: int, top: int) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.meaning,
        "datasource": SOURCE,
        "gridPos": {"x": left, "y": top, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": UNITS[panel.unit],
                "min": 0,
                "custom": {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "spanNulls": False},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [_target(lines, number) for number, lines in enumerate(panel.lines)],
    }


def _target(lines: Lines, number: int) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": expression(lines),
        "legendFormat": f"{{{{{lines.by}}}}}" if lines.by else lines.name,
        "range": True,
    }


def _source_variable() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
    }


def _site_variable() -> dict[str, Any]:
    return {
        "name": "site",
        "label": "Instance",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": "label_values(instancectl_build_info, site)", "refId": "site"},
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "hide": 0,
    }
