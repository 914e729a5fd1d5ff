"""Measures how soon the dashboard is painted with 30 days of history, in a real browser.

    python tests/benchmarks/dashboard.py           about a minute; Chromium, neither root nor Docker

The baseline is a page of the same server without figures or charts, in the same browser and run.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from instancectl.adapters.sqlite.reading_ring import SqliteRing  # noqa: E402 - the path comes first
from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger  # noqa: E402
from instancectl.adapters.web_dashboard import DashboardServer  # noqa: E402
from instancectl.core.monitoring.panels import CHARTED, Feed, Shape  # noqa: E402
from instancectl.core.monitoring.surfaces import slis_of  # noqa: E402
from tests.contract.chromium import Chromium  # noqa: E402
from tests.operations.looked_at import LookedAt, fill, fill_ledger  # noqa: E402
from tests.operations.watched import CONFIG, Watched  # noqa: E402

ROUNDS = 8
BOUND_MS = 1000.0
ADD_BOUND_MS = 20.0
PAINTED = "(performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime"
DRAWN = (
    "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('canvas') || "
    "plot.parentElement.querySelector('.nothing').textContent) && performance.now()"
)


def main() -> int:
    """Print a table; 1 when a bound is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(SqliteRing(folder / "readings.sqlite3")) as ring:
            world = filled(folder, ring)
            server = DashboardServer(("127.0.0.1", 0), world.dashboard, ROOT / "monitoring" / "dashboard")
            server.start()
            try:
                missed = measured(folder, f"http://127.0.0.1:{server.port}")
                return missed or kept_up(ring, world)
            finally:
                server.close()


def filled(folder: Path, ring: SqliteRing) -> LookedAt:
    """An instance with 30 days behind it."""
    watched = Watched().deployed()
    watched.ledger = SqliteLedger(folder / "uptime.sqlite3")
    world = LookedAt(watched, ring)
    fill_ledger(watched.ledger, slis_of(CONFIG), world.now, 30)
    world.look()
    keys = list(Feed().points(world.now, world.dashboard.facts().samples))
    keys += [(name, "push") for name, lines in CHARTED.items() if lines.shape is not Shape.VALUE]
    fill(ring, keys, world.now)
    return world.later().look()


def measured(folder: Path, base: str) -> int:
    """First paint of three pages."""
    with Chromium(folder) as browser:
        page = browser.open(f"{base}/nothing-is-here")
        page.value("localStorage.setItem('window', '30d')")
        rows = {path: painted(browser, base + path) for path in ("/nothing-is-here", "/", "/queues", "/data")}
    print(f"{'page':<20}{'first paint':>14}{'worst':>10}{'charts drawn':>15}")
    for path, (paints, draws) in rows.items():
        drawn = f"{statistics.median(draws):.0f} ms" if draws else "-"
        print(f"{path:<20}{statistics.median(paints):>11.0f} ms{max(paints):>7.0f} ms{drawn:>15}")
    return int(any(statistics.median(paints) >= BOUND_MS for paints, _ in rows.values()))


def painted(browser: Chromium, url: str) -> tuple[list[float], list[float]]:
    paints, draws = [], []
    for _ in range(ROUNDS):
        page = browser.open(url)
        paints.append(float(page.until(PAINTED)))
        if page.value("document.querySelectorAll('.plot').length"):
            draws.append(float(page.until(DRAWN, 30)))
    return paints, draws


def kept_up(ring: SqliteRing, world: LookedAt) -> int:
    """What one reading costs once the ring is full."""
    points = dict.fromkeys(ring.keys(), 1.0)
    adding = timed(lambda at: ring.add(at, points), world.now)
    reading = timed(lambda at: ring.history(list(points)[:7], "30d", at), world.now)
    print(
        f"\none reading kept: {adding:.1f} ms; 7 lines of 30 days read: {reading:.1f} ms; {len(points)} lines"
    )
    return int(adding >= ADD_BOUND_MS)


def timed(work: Callable[[float], object], now: float) -> float:
    """Median of many, in ms."""
    took = []
    for step in range(50):
        started = time.perf_counter()
        work(now + 15 * step)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
