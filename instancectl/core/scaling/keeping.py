"""The state as plain JSON values and back, so that it survives the end of whoever keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from instancectl.core.scaling.state import (
    LadderState,
    MailState,
    MoveState,
    QueueState,
    ServiceState,
    State,
    Step,
)
from instancectl.core.scaling.window import Window

VERSION: Final = 1


def plain(state: State) -> dict[str, Any]:
    """JSON values; `restored` takes them back."""
    values = asdict(state)
    values["said"] = sorted(list(pair) for pair in state.said)
    return {"version": VERSION, **values}


def restored(values: Mapping[str, Any]) -> State:
    """The state that `plain` made the values of; an empty one when they are of another version.

    Raises:
        KeyError, TypeError, ValueError: the values are no state.
    """
    if values.get("version") != VERSION:
        return State()
    rest = {key: value for key, value in values.items() if key != "version"}
    rest["queues"] = {name: _queue(one) for name, one in rest["queues"].items()}
    rest["services"] = {name: _service(one) for name, one in rest["services"].items()}
    rest["mail"] = MailState(**_windows(rest["mail"], "failed", "delivered", "signups"))
    rest["ladder"] = LadderState(**rest["ladder"])
    rest["move"] = _move(rest.get("move") or {})
    rest["used"] = _window(rest["used"])
    rest["said"] = frozenset((subject, rule) for subject, rule in rest["said"])
    return State(**rest)


def _move(values: Mapping[str, Any]) -> MoveState:
    """Empty where an earlier version wrote the state."""
    return MoveState(**{**values, **{name: tuple(values.get(name, ())) for name in ("hosts", "stuck")}})


def _queue(values: Mapping[str, Any]) -> QueueState:
    return QueueState(**_windows(values, "arriving", "done"))


def _service(values: Mapping[str, Any]) -> ServiceState:
    step = Step(**values["step"]) if values["step"] else None
    given = _windows(values, "usage", "needs")
    return ServiceState(**{**given, "ordered": tuple(values["ordered"]), "step": step})


def _windows(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**values, **{name: _window(values[name]) for name in names}}


def _window(values: list[list[float]]) -> Window:
    return tuple((at, value) for at, value in values)
