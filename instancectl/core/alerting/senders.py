"""What each receiver is sent: one HTTP request, or a mail.

Interfaces: ntfy (docs publish/), Matrix client-server r0.6 and later (`m.room.message`, transaction ids),
Discord (Execute Webhook), Telegram (Bot API `sendMessage`), Mastodon (`POST /api/v1/statuses`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from instancectl.core.alerting.message import Message, text, title
from instancectl.core.checks.seen import Letter, Request
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import canary
from instancectl.core.secret_set import SecretSet

LIMITS: Final = {"ntfy": 3500, "matrix": 16000, "discord": 1900, "telegram": 4000, "fediverse": 480}
"""Characters of a text that a receiver takes, with some room."""

SECRETS: Final = {
    "ntfy": "NTFY_TOKEN",
    "matrix": "MATRIX_TOKEN",
    "discord": "DISCORD_WEBHOOK_URL",
    "telegram": "TELEGRAM_TOKEN",
    "webhook": "WEBHOOK_TOKEN",
    "fediverse": "MASTODON_TOKEN",
}
"""Receiver → name of its secret in `alerts.env`."""

OPTIONAL: Final = frozenset({"ntfy", "webhook"})
"""Receivers that work without theirs."""

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

PURPOSES: Final = {
    "NTFY_TOKEN": "access token of ntfy, if the topic needs one",
    "MATRIX_TOKEN": "access token of the bot's account",
    "DISCORD_WEBHOOK_URL": "whole address of the channel's webhook",
    "TELEGRAM_TOKEN": "token of the bot",
    "WEBHOOK_TOKEN": "sent as a bearer token, if there is one",
    "MASTODON_TOKEN": "token of the account that sends, with the scope write:statuses",
    canary.TOKEN: canary.PURPOSE,
}
"""Lines that explain `alerts.env`."""


def missing(config: InstanceConfig, secrets: SecretSet) -> tuple[tuple[str, str], ...]:
    """(receiver, name of its secret) of those that are set up and cannot work."""
    return tuple(
        (name, SECRETS[name])
        for name in config.alerts.receivers
        if name in SECRETS and name not in OPTIONAL and not secrets.get(SECRETS[name])
    )


def link(config: InstanceConfig, message: Message) -> str:
    """Of the runbook: on the web, or on the dashboard of the host."""
    base = config.alerts.runbook_url or f"http://{config.dashboard.listen}/runbooks"
    return f"{base.rstrip('/')}/{message.notices[0].runbook}"


def letters(config: InstanceConfig, message: Message) -> tuple[Letter, ...]:
    """The mails of a message, one for each address."""
    sender = config.mail.from_address or f"notifications@{config.instance.domain}"
    subject = title(message, config.instance.domain)
    body = f"{text(message, link(config, message))}\n"
    return tuple(Letter(sender, address, subject, body) for address in config.alerts.email.to)


def request(receiver: str, config: InstanceConfig, secrets: SecretSet, message: Message) -> Request:
    """The request that tells one receiver; sent again it is recognised where the interface allows that."""
    secret = secrets.reveal(SECRETS[receiver])
    return _MAKERS[receiver](config, secret, message)


def _short(receiver: str, config: InstanceConfig, message: Message) -> str:
    """Title and text, cut where the receiver would refuse them; the link at the end stays."""
    domain, limit = config.instance.domain, LIMITS[receiver]
    whole = f"{title(message, domain)}\n{text(message, link(config, message))}"
    if len(whole) <= limit:
        return whole
    end = f"…\n{link(config, message)}"
    return whole[: limit - len(end)] + end


def _post(
    url: str, content: object, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> Request:
    sent = {"Content-Type": "application/json", **(headers or {})}
    return Request(url, headers=tuple(sent.items()), method=method, body=json.dumps(content).encode())


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def _ntfy(config: InstanceConfig, secret: str, message: Message) -> Request:
    base, _, topic = config.alerts.ntfy.url.rstrip("/").rpartition("/")
    page = message.severity == "page" and message.firing
    content: dict[str, Any] = {
        "topic": topic,
        "title": title(message, config.instance.domain)[:250],
        "message": text(message, link(config, message))[: LIMITS["ntfy"]],
        "priority": 5 if page else 3,
        "tags": ["rotating_light" if page else "white_check_mark" if not message.firing else "ticket"],
    }
    if config.alerts.runbook_url:
        content["click"] = link(config, message)
    return _post(f"{base}/", content, _bearer(secret))


def _matrix(config: InstanceConfig, secret: str, message: Message) -> Request:
    wanted = config.alerts.matrix
    where = f"{wanted.homeserver.rstrip('/')}/_matrix/client/v3/rooms/{_quoted(wanted.room)}"
    content = {"msgtype": "m.text", "body": _short("matrix", config, message)}
    return _post(f"{where}/send/m.room.message/{message.key}", content, _bearer(secret), "PUT")


def _quoted(text: str) -> str:
    """As a part of a path (RFC 3986)."""
    plain = (chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())
    return "".join(plain)


def _discord(config: InstanceConfig, secret: str, message: Message) -> Request:
    content = {"content": _short("discord", config, message), "allowed_mentions": {"parse": []}}
    return _post(secret, content)


def _telegram(config: InstanceConfig, secret: str, message: Message) -> Request:
    wanted = config.alerts.telegram
    content = {
        "chat_id": wanted.chat,
        "text": _short("telegram", config, message),
        "disable_notification": message.severity != "page",
        "link_preview_options": {"is_disabled": True},
    }
    return _post(f"{wanted.api.rstrip('/')}/bot{secret}/sendMessage", content)


def _webhook(config: InstanceConfig, secret: str, message: Message) -> Request:
    content = {
        "key": message.key,
        "site": config.instance.domain,
        "status": "firing" if message.firing else "resolved",
        "severity": message.severity,
        "title": title(message, config.instance.domain),
        "text": text(message, link(config, message)),
        "link": link(config, message),
        "alerts": [
            {
                "name": one.name,
                "summary": one.summary,
                "impact": one.impact,
                "command": one.command,
                "since": one.since,
                "until": one.until,
                "labels": dict(one.labels),
            }
            for one in message.notices
        ],
    }
    return _post(config.alerts.webhook.url, content, _bearer(secret))


def _fediverse(config: InstanceConfig, secret: str, message: Message) -> Request:
    wanted = config.alerts.fediverse
    to = " ".join(wanted.to)
    content = {
        "status": f"{to} {_short('fediverse', config, message)[: LIMITS['fediverse'] - len(to)]}",
        "visibility": "direct",
    }
    headers = {**_bearer(secret), "Idempotency-Key": message.key}
    return _post(f"{wanted.server.rstrip('/')}/api/v1/statuses", content, headers)


_MAKERS: Final[Mapping[str, Callable[[InstanceConfig, str, Message], Request]]] = {
    "ntfy": _ntfy,
    "matrix": _matrix,
    "discord": _discord,
    "telegram": _telegram,
    "webhook": _webhook,
    "fediverse": _fediverse,
}
