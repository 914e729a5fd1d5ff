"""Draws rehearsals as one SVG: lateness, processes, processor; a line for each policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from instancectl.core.scaling.simulator.outcome import JUDGED, Outcome, Point
from instancectl.core.units import show_seconds

WIDTH: Final = 960
LEFT, RIGHT = 64, 190
PANEL: Final = 150
GAP: Final = 44
TOP: Final = 56
STEPS: Final = 360  # points of a line; of what lies between the highest is drawn
COLORS: Final = ("#0b6e4f", "#b3261e", "#6750a4", "#8a6100", "#0061a4", "#7d5260", "#455a64")
CAP: Final = 4.0  # lateness beyond this many objectives is drawn at the edge


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram: its title, the value of a point, and a limit to draw."""

    title: str
    value: Callable[[Point], float]
    limit: float | None = None
    most: float | None = None
    unit: str = ""


def drawn(outcomes: Sequence[Outcome], objectives: Mapping[str, float], web_seconds: float) -> str:
    """The SVG document."""

    def lateness(point: Point) -> float:
        shares = [point.latency[queue] / objectives[queue] for queue in JUDGED]
        return min(CAP, max([point.site / web_seconds, *shares]))

    panels = (
        Panel("worst lateness, as a share of its objective", lateness, limit=1.0, most=CAP, unit="×"),
        Panel("processes of Puma and Sidekiq", lambda point: float(sum(point.processes.values()))),
        Panel("processor in use", lambda point: point.used * 100, limit=100.0, most=110.0, unit=" %"),
        Panel("connections to PostgreSQL", lambda point: float(point.connections)),
    )
    height = TOP + len(panels) * (PANEL + GAP) + 10
    first = outcomes[0]
    title = f"{first.trace}, {first.costs} costs, seed {first.seed}"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" font-family="system-ui, sans-serif" font-size="12">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="28" font-size="16" font-weight="600">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, outcomes, TOP + number * (PANEL + GAP))
    parts += _legend(outcomes)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, outcomes: Sequence[Outcome], top: int) -> Iterator[str]:
    lines = [_line(outcome.points, panel.value) for outcome in outcomes]
    most = panel.most or 1.1 * max((value for line in lines for _, value in line), default=1.0) or 1.0
    end = max(outcome.points[-1].at for outcome in outcomes)
    across, bottom = WIDTH - LEFT - RIGHT, top + PANEL

    def place(at: float, value: float) -> str:
        return f"{LEFT + across * at / end:.1f},{bottom - PANEL * min(value, most) / most:.1f}"

    yield f'<text x="{LEFT}" y="{top - 6}" fill="#222">{escape(panel.title)}</text>'
    yield f'<rect x="{LEFT}" y="{top}" width="{across}" height="{PANEL}" fill="none" stroke="#ccc"/>'
    for share in (0.0, 0.5, 1.0):
        height = bottom - PANEL * share
        yield (
            f'<text x="{LEFT - 6}" y="{height + 4:.0f}" text-anchor="end" fill="#555">'
            f"{most * share:.3g}{panel.unit}</text>"
        )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LEFT + across * share
        yield (
            f'<text x="{x:.0f}" y="{bottom + 15}" text-anchor="middle" fill="#555">'
            f"{escape(show_seconds(end * share))}</text>"
        )
    if panel.limit is not None:
        ends = f"{place(0, panel.limit)} {place(end, panel.limit)}"
        yield f'<polyline points="{ends}" fill="none" stroke="#999" stroke-dasharray="4 4"/>'
    for number, line in reversed(list(enumerate(lines))):
        points = " ".join(place(at, value) for at, value in line)
        width = 2 if number == 0 else 1.2
        yield f'<polyline points="{points}" fill="none" stroke="{_color(number)}" stroke-width="{width}"/>'


def _line(points: Sequence[Point], value: Callable[[Point], float]) -> list[tuple[float, float]]:
    """The points, thinned out so that no peak is lost."""
    each = max(1, len(points) // STEPS)
    groups = [points[start : start + each] for start in range(0, len(points), each)]
    return [(float(group[-1].at), max(map(value, group))) for group in groups]


def _legend(outcomes: Sequence[Outcome]) -> Iterator[str]:
    left = WIDTH - RIGHT + 16
    for number, outcome in enumerate(outcomes):
        height = TOP + 12 + number * 34
        yield f'<rect x="{left}" y="{height - 9}" width="12" height="10" fill="{_color(number)}"/>'
        yield f'<text x="{left + 18}" y="{height}">{escape(outcome.policy)}</text>'
        yield (
            f'<text x="{left + 18}" y="{height + 14}" fill="#555">'
            f"{outcome.broken:.1%} late, {outcome.process_minutes:.0f} min</text>"
        )


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]
