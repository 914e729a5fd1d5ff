"""The part of a plan that brings up some services only: a restore needs PostgreSQL before all else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from instancectl.core.plan import Plan
from instancectl.core.steps import (
    CreateOwner,
    EnsureService,
    FirstRunSettings,
    PrepareSchema,
    Remove,
    Step,
    Verify,
    WaitServices,
)

_LATER = (CreateOwner, FirstRunSettings, Remove, Verify)
"""Steps that are about an instance as a whole."""


def some(plan: Plan, wanted: Callable[[str], bool]) -> Plan:
    """The steps that concern services which `wanted` says yes to, and what every service needs."""
    return Plan(tuple(_narrowed(plan.steps, wanted)), plan.world)


def _narrowed(steps: tuple[Step, ...], wanted: Callable[[str], bool]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, WaitServices):
            specs = tuple(spec for spec in step.specs if wanted(spec.name))
            if specs:
                yield WaitServices(specs)
        elif _concerns(step, wanted):
            yield step


def _concerns(step: Step, wanted: Callable[[str], bool]) -> bool:
    if isinstance(step, EnsureService):
        return wanted(step.spec.name)
    if isinstance(step, PrepareSchema):
        return wanted("web")
    return not isinstance(step, _LATER)
