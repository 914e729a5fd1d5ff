"""Who gets the processor when all want more than there is: shares by weight, as the kernel gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_ENOUGH = 1e-9
_ROUNDS = 3


class Task(NamedTuple):
    """What a service asks of the host this second: its weight, its own cores, and PostgreSQL's for it."""

    weight: float
    cores: float
    database: float


def divided(
    cores: float, tasks: Mapping[str, Task], database_weight: float
) -> tuple[dict[str, float], float, float]:
    """How far each gets, `db` among them, as a share; the part of the host in use; PostgreSQL's cores.

    Work that is not done for want of processor asks nothing of PostgreSQL either: so it takes rounds.
    """
    share = dict.fromkeys(tasks, 1.0)
    database, given = 0.0, dict[str, float]()
    for _ in range(_ROUNDS):
        database = sum(task.database * share[name] for name, task in tasks.items())
        wanted = {name: (task.weight, task.cores) for name, task in tasks.items()}
        wanted["db"] = (database_weight, database)
        given = shared(cores, wanted)
        share = {name: given[name] / want if want else 1.0 for name, (_, want) in wanted.items()}
        if sum(want for _, want in wanted.values()) <= cores:
            break
    return share, sum(given.values()) / cores, database


def shared(cores: float, wanted: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Cores that each gets.

    Nobody gets more than it wants; what is left over goes to the others by weight.

    Args:
        cores: what there is.
        wanted: weight and cores wanted, by name.
    """
    if sum(want for _, want in wanted.values()) <= cores:
        return {name: want for name, (_, want) in wanted.items()}
    given = dict.fromkeys(wanted, 0.0)
    hungry = {name: weight for name, (weight, want) in wanted.items() if want > 0}
    left = cores
    while hungry and left > _ENOUGH:
        total = sum(hungry.values())
        full = [name for name, weight in hungry.items() if wanted[name][1] <= left * weight / total]
        if not full:
            for name, weight in hungry.items():
                given[name] = left * weight / total
            break
        for name in full:
            given[name] = wanted[name][1]
            left -= wanted[name][1]
            del hungry[name]
    return given
