"""One message to people, read from what Alertmanager posts (its webhook format, version 4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from instancectl.core.units import show_seconds

MOST_NOTICES: Final = 8
"""Further ones of the same alert are counted, not told one by one."""

RECEIVER_LABEL: Final = "receiver"
"""A test names the one receiver that should get it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert within a message.

    Attributes:
        since: when it began, seconds since 1970.
        until: when it ended; None while it fires.
        runbook: slug of its runbook.
    """

    name: str
    severity: str
    summary: str
    impact: str
    command: str
    runbook: str
    since: float
    until: float | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """What is told at once; all of one alert's name.

    Attributes:
        key: equal for the same news.
        left_out: alerts that Alertmanager did not even list.
        only: the one receiver it is for; empty for all.
    """

    key: str
    notices: tuple[Notice, ...]
    left_out: int = 0
    only: str = ""

    @property
    def firing(self) -> bool:
        """Whether any of it still goes on."""
        return any(one.until is None for one in self.notices)

    @property
    def severity(self) -> str:
        """Of all of it."""
        return self.notices[0].severity


def read(body: bytes) -> Message:
    """What Alertmanager posted.

    Raises:
        ValueError: it is something else.
    """
    try:
        found = json.loads(body)
        alerts = [_notice(one) for one in found["alerts"]]
        marks = sorted(f"{one['fingerprint']} {one['status']} {one['startsAt']}" for one in found["alerts"])
        key = hashlib.sha256("\n".join((found["groupKey"], *marks)).encode()).hexdigest()[:16]
        if alerts and alerts[0].name == TEST_NAME:
            key = test_key(alerts[0].labels.get("test", ""))
        left_out = int(found.get("truncatedAlerts", 0))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no message of Alertmanager: {type(error).__name__} {error}") from error
    if not alerts:
        raise ValueError("a message without an alert")
    # What still fires is told before what has ended.
    ordered = sorted(alerts, key=lambda one: (one.until is not None, one.since))
    only = alerts[0].labels.get(RECEIVER_LABEL, "") if alerts[0].name == TEST_NAME else ""
    return Message(key, tuple(ordered), left_out, only)


TEST_NAME: Final = "AlertTest"
"""Of the alert that `alert test` raises."""


def test_key(mark: str) -> str:
    """Key of the message of a test."""
    return f"test-{mark}"


def _notice(found: Mapping[str, Any]) -> Notice:
    labels = {str(name): str(value) for name, value in found["labels"].items()}
    told = {str(name): str(value) for name, value in (found.get("annotations") or {}).items()}
    name = labels.get("alertname", "alert")
    return Notice(
        name=name,
        severity=labels.get("severity", "ticket"),
        summary=told.get("summary") or name,
        impact=told.get("impact", ""),
        command=told.get("command", ""),
        runbook=told.get("runbook", ""),
        since=moment(found["startsAt"]),
        until=moment(found["endsAt"]) if found["status"] == "resolved" else None,
        labels=labels,
    )


def moment(text: str) -> float:
    """Seconds since 1970 of a time as Alertmanager writes it; nanoseconds are cut off.

    Raises:
        ValueError: it is none.
    """
    whole, dot, rest = text.partition(".")
    zone = rest.lstrip("0123456789") if dot else ""
    digits = rest[: len(rest) - len(zone)][:6]
    return datetime.fromisoformat(f"{whole}.{digits}{zone}" if dot else text).timestamp()


def title(message: Message, site: str) -> str:
    """One line."""
    first, more = message.notices[0], len(message.notices) + message.left_out - 1
    others = f" and {more} more" if more else ""
    word = message.severity if message.firing else "resolved"
    return f"[{word}] {site}: {first.summary}{others}"


def text(message: Message, link: str) -> str:
    """What is wrong, since when, what people notice, the first command, and where to read on.

    Args:
        message: what is told.
        link: of the runbook's page.
    """
    told = [_told(one) for one in message.notices[:MOST_NOTICES]]
    hidden = len(message.notices) - len(told) + message.left_out
    lines = [*told, *([f"… and {hidden} more"] if hidden else [])]
    first = message.notices[0]
    if message.firing:
        lines += [first.impact, f"First: {_typed(first.command)}" if first.command else ""]
        lines.append(f"Runbook: {link}" if first.runbook else "")
    return "\n".join(line for line in lines if line)


def _told(one: Notice) -> str:
    began = datetime.fromtimestamp(one.since, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if one.until is None:
        return f"{one.name}: {one.summary}; since {began}"
    return f"{one.name} is over; it lasted {show_seconds(one.until - one.since)}, from {began}"


def _typed(command: str) -> str:
    return f"sudo {command}" if command.startswith("instancectl") else command
