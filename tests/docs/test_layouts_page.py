"""The table of docs/explanation/layouts.md says what the code derives."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancectl.core.budget import connections
from instancectl.core.config import InstanceConfig
from instancectl.core.layout import Layout, Machine, derive
from instancectl.core.units import GIB, MIB

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "layouts.md"
MACHINES = ((2, 1), (4, 2), (8, 4), (16, 8), (64, 16))


def row(gib: int, cores: int) -> str:
    config = InstanceConfig.model_validate({"instance": {"domain": "social.example"}})
    layout = derive(config, Machine(gib * GIB, cores))
    web = f"{layout.web.replicas} × {layout.web.processes} × {layout.web.threads}"
    cells = (
        f"{gib} GiB, {cores} cores".replace("1 cores", "1 core"), f"`{layout.name}`", web, sidekiq(layout),
        f"{layout.db.memory_bytes // MIB} MiB", f"{layout.redis.memory_bytes // MIB} MiB", pooled(layout),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def sidekiq(layout: Layout) -> str:
    sizes = (
        f"{plan.service.removeprefix('sidekiq-')} {plan.replicas} × {plan.threads}" for plan in layout.sidekiq
    )
    return ", ".join(sizes)


def pooled(layout: Layout) -> str:
    total = connections(layout).total
    if layout.pgbouncer is None:
        return str(total)
    return f"{total}, of them {layout.pgbouncer.pool_size} by PgBouncer"


@pytest.mark.parametrize(("gib", "cores"), MACHINES)
def test_the_table_shows_what_is_derived(gib: int, cores: int) -> None:
    assert row(gib, cores) in PAGE.read_text().splitlines()
