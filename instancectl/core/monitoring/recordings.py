"""Recording rules: error ratios over windows, objectives, budgets and coverage.

Windows and factors are those of the SRE workbook for 30 days: a page when 2 % of the budget burns in an
hour or 5 % in six, a ticket when 10 % burns in one day or in three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from instancectl.core.monitoring.sli import OBJECTIVES

WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")

BURN_PAGES: Final = (("1h", "5m", 14.4), ("6h", "30m", 6.0))
"""Long window, short window, factor; the short one ends the alert soon after the errors end."""

BURN_TICKETS: Final = (("1d", "2h", 3.0), ("3d", "6h", 1.0))


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule; `labels` are added to what the expression returns."""

    record: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


def error_ratio(window: str) -> str:
    """Name of the share of bad slices among the measured ones."""
    return f"instancectl:sli_error:ratio_rate{window}"


def budget(factor: float) -> str:
    """What to compare an error ratio of the same indicator with: so many times what may go wrong."""
    return f"on (sli) group_left () {factor:g} * (1 - instancectl:slo_objective:ratio)"


def left() -> str:
    """Name of the share of the error budget that is left."""
    return "instancectl:slo_error_budget_remaining:ratio"


def recordings(slis: Iterable[str], objectives: Mapping[str, float] = OBJECTIVES) -> tuple[Recording, ...]:
    """Evaluated at every scrape."""
    ratios = tuple(Recording(error_ratio(window), _ratio("rate", window)) for window in WINDOWS)
    return (*(_objective(sli, objectives[sli]) for sli in slis), *ratios)


def slow_recordings() -> tuple[Recording, ...]:
    """Over 30 days, evaluated every five minutes; exact, not an average of averages."""
    measured = "sum by (site, sli) (increase(instancectl_sli_slices_total[30d]))"
    never = "sum by (site, sli) (increase(instancectl_sli_unknown_slices_total[30d]))"
    later = "sum by (site, sli) (increase(instancectl_sli_filled_slices_total[30d]))"
    unknown = f"clamp_min({never} - {later}, 0)"
    return (
        Recording(error_ratio("30d"), _ratio("increase", "30d")),
        Recording(
            left(), f"1 - {error_ratio('30d')} / on (sli) group_left () (1 - instancectl:slo_objective:ratio)"
        ),
        Recording("instancectl:slo_coverage:ratio_30d", f"{measured} / ({measured} + {unknown} > 0)"),
    )


def _ratio(function: str, window: str) -> str:
    bad = f"sum by (site, sli) ({function}(instancectl_sli_bad_slices_total[{window}]))"
    return f"{bad} / (sum by (site, sli) ({function}(instancectl_sli_slices_total[{window}])) > 0)"


def _objective(sli: str, share: float) -> Recording:
    """A constant, so that it is there while the agent is not."""
    return Recording("instancectl:slo_objective:ratio", f"vector({share:g})", (("sli", sli),))
