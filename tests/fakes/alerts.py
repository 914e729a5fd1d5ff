"""What Alertmanager posts, and a courier out of fakes."""

from __future__ import annotations

import json
from typing import Any

from instancectl.core.config import InstanceConfig
from instancectl.core.secrets import Secret

TOKEN = Secret("token-of-alertmanager")
BEARER = "Bearer token-of-alertmanager"
ALL: dict[str, Any] = {
    "email": {"to": ["a@other.example", "b@other.example"]},
    "ntfy": {"url": "https://ntfy.example/topic"},
    "matrix": {"homeserver": "https://matrix.example", "room": "!room:matrix.example"},
    "discord": {"enabled": True},
    "telegram": {"chat": "4711"},
    "webhook": {"url": "https://hook.example/in"},
    "fediverse": {"server": "https://other.example", "to": ["@admin@third.example"]},
}
SECRETS = {
    "NTFY_TOKEN": "secret-of-ntfy",
    "MATRIX_TOKEN": "secret-of-matrix",
    "DISCORD_WEBHOOK_URL": "https://discord.example/api/webhooks/1/secret-of-discord",
    "TELEGRAM_TOKEN": "secret-of-telegram",
    "WEBHOOK_TOKEN": "secret-of-webhook",
    "MASTODON_TOKEN": "secret-of-mastodon",
}


def config(monitoring: bool = True, **alerts: Any) -> InstanceConfig:
    """An instance that tells whom `alerts` names; without, everybody."""
    return InstanceConfig.model_validate({
        "instance": {"domain": "social.example"},
        "mail": {"server": "mail.example", "login": "us"},
        "monitoring": {"enabled": monitoring},
        "alerts": alerts or ALL,
    })  # fmt: skip


def alert(
    name: str = "WebDown", severity: str = "page", status: str = "firing", **labels: str
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {
            "summary": "`web` does not answer as it should",
            "impact": "Nobody can log in.",
            "command": "instancectl logs web",
            "runbook": "web-down",
        },
        "startsAt": "2026-11-22T14:03:05.123456789Z",
        "endsAt": "2026-11-22T14:15:05Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": f"{name}{sorted(labels.items())}",
    }


def posted(*alerts: dict[str, Any], key: str = '{}:{alertname="WebDown"}', left_out: int = 0) -> bytes:
    """A message of Alertmanager."""
    found = alerts or (alert(),)
    firing = any(one["status"] == "firing" for one in found)
    return json.dumps({
        "version": "4", "groupKey": key, "truncatedAlerts": left_out,
        "status": "firing" if firing else "resolved", "alerts": list(found),
    }).encode()  # fmt: skip
