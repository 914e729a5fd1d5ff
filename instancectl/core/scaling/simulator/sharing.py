"""Who gets the processor when all want more than there is: shares by weight, as the kernel gives them."""

from __future__ import annotations

from collections.abc import Mapping

_ENOUGH = 1e-9


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
