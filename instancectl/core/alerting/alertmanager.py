"""Alertmanager's interface (API v2): alerts, silences, and an alert of our own for a test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from instancectl.core.alerting.message import TEST_NAME, moment
from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.core.unknown import Known, Unknown

LIMIT_BYTES: Final = 4 << 20
LONGEST_SECONDS: Final = 30 * 86_400.0
"""Of a silence: what is silent for longer should be mended, or have another threshold."""

_JSON: Final = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Active:
    """One alert that fires.

    Attributes:
        silenced: a silence covers it.
        inhibited: something that explains it fires, too.
    """

    name: str
    severity: str
    summary: str
    runbook: str
    since: float
    silenced: bool
    inhibited: bool
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Silence:
    """Names that nobody is told about until `until`."""

    id: str
    names: tuple[str, ...]
    since: float
    until: float
    who: str
    why: str


def list_alerts(base: str) -> Request:
    """Asks for all alerts that fire."""
    return Request(f"{base}/api/v2/alerts", limit_bytes=LIMIT_BYTES)


def list_silences(base: str) -> Request:
    """Asks for all silences, ended ones included."""
    return Request(f"{base}/api/v2/silences", limit_bytes=LIMIT_BYTES)


def make_silence(base: str, silence: Silence) -> Request:
    """Makes a silence, or changes the one whose identifier it has."""
    content: dict[str, Any] = {
        "matchers": [
            {"name": "alertname", "value": "|".join(silence.names), "isRegex": True, "isEqual": True}
        ],
        "startsAt": _time(silence.since),
        "endsAt": _time(silence.until),
        "createdBy": silence.who,
        "comment": silence.why,
    }
    if silence.id:
        content["id"] = silence.id
    return _post(f"{base}/api/v2/silences", content)


def end_silence(base: str, identifier: str) -> Request:
    """Ends a silence."""
    return Request(f"{base}/api/v2/silence/{identifier}", method="DELETE")


def raise_test(base: str, mark: str, receiver: str, now: float, until: float) -> Request:
    """Raises the alert of a test, for one receiver or for all."""
    labels = {"alertname": TEST_NAME, "severity": "page", "test": mark}
    if receiver:
        labels["receiver"] = receiver
    told = {
        "summary": f"this is test {mark}: alerts reach you",
        "impact": "None; nothing is wrong.",
        "command": "instancectl alert list",
    }
    alert = {"labels": labels, "annotations": told, "startsAt": _time(now), "endsAt": _time(until)}
    return _post(f"{base}/api/v2/alerts", [alert])


def test_body(mark: str, receiver: str, now: float) -> bytes:
    """The message of a test that goes past Alertmanager, as that would post it."""
    alert = json.loads(raise_test("", mark, receiver, now, now + 60).body)[0]
    alert |= {"status": "firing", "fingerprint": mark}
    content = {"version": "4", "groupKey": f"test {mark}", "status": "firing", "alerts": [alert]}
    return json.dumps(content).encode()


def alerts_of(answer: Answer | NoAnswer) -> Known[tuple[Active, ...]]:
    """What fires, the newest last; without the heartbeat."""
    found = _read(answer)
    if isinstance(found, Unknown):
        return found
    active = [_active(one) for one in found]
    return tuple(sorted((one for one in active if one.severity != "heartbeat"), key=lambda one: one.since))


def silences_of(answer: Answer | NoAnswer) -> Known[tuple[Silence, ...]]:
    """What is silenced now, the first to end first; those made elsewhere in other ways have no names."""
    found = _read(answer)
    if isinstance(found, Unknown):
        return found
    active = (_silence(one) for one in found if (one.get("status") or {}).get("state") == "active")
    return tuple(sorted(active, key=lambda one: one.until))


def made(answer: Answer | NoAnswer) -> Known[str]:
    """Identifier of a silence that was made."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return _refused(answer)
    return str(json.loads(answer.body)["silenceID"])


def accepted(answer: Answer | NoAnswer) -> Known[bool]:
    """Whether something was taken."""
    return True if isinstance(answer, Answer) and answer.status == 200 else _refused(answer)


def _post(url: str, content: object) -> Request:
    return Request(url, headers=_JSON, method="POST", body=json.dumps(content).encode())


def _refused(answer: Answer | NoAnswer) -> Unknown:
    hint = "`instancectl status` shows whether `alertmanager` runs"
    if isinstance(answer, NoAnswer):
        return Unknown(f"Alertmanager does not answer: {answer.reason}", hint)
    said = " ".join(answer.body[:200].decode(errors="replace").split())
    return Unknown(f"Alertmanager answered {answer.status}: {said}", hint)


def _read(answer: Answer | NoAnswer) -> Known[list[dict[str, Any]]]:
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return _refused(answer)
    try:
        return list(json.loads(answer.body))
    except ValueError:
        return Unknown("Alertmanager's answer is no JSON")


def _active(found: Mapping[str, Any]) -> Active:
    labels = {str(name): str(value) for name, value in found["labels"].items()}
    told, status = found.get("annotations") or {}, found.get("status") or {}
    name = labels.get("alertname", "alert")
    return Active(
        name=name,
        severity=labels.get("severity", "ticket"),
        summary=str(told.get("summary") or name),
        runbook=str(told.get("runbook", "")),
        since=moment(found["startsAt"]),
        silenced=bool(status.get("silencedBy")),
        inhibited=bool(status.get("inhibitedBy")),
        labels=labels,
    )


def _silence(found: Mapping[str, Any]) -> Silence:
    matchers = found.get("matchers") or []
    names = [one["value"] for one in matchers if one.get("name") == "alertname" and len(matchers) == 1]
    return Silence(
        id=str(found["id"]),
        names=tuple(name for value in names for name in str(value).split("|")),
        since=moment(found["startsAt"]),
        until=moment(found["endsAt"]),
        who=str(found.get("createdBy", "")),
        why=str(found.get("comment", "")),
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def covering(silences: Iterable[Silence], name: str) -> tuple[Silence, ...]:
    """The silences of exactly this alert."""
    return tuple(one for one in silences if one.names == (name,))
