"""`[alerts]` of `instance.toml`: from which value on somebody is told, and where."""

from __future__ import annotations

from pydantic import Field

from instancectl.core.config_base import Section

HTTPS = r"^$|^https?://[^\s]+$"


class Thresholds(Section):
    """From which value on an alert fires."""

    disk_free_percent: int = Field(5, ge=1, le=50, description="Page when less of a disk than this is free.")
    disk_full_hours: int = Field(24, ge=1, description="Page when a disk will be full within so many hours.")
    certificate_days: int = Field(
        14, ge=1, description="Ticket when a certificate ends within so many days; page at a fifth of it."
    )
    database_connections_percent: int = Field(
        85, ge=10, le=100, description="Ticket when so much of PostgreSQL's connections is taken."
    )
    redis_memory_percent: int = Field(
        85, ge=10, le=100, description="Ticket when Redis uses so much of its limit."
    )
    transaction_hours: int = Field(
        4, ge=1, description="Ticket when a transaction of PostgreSQL is open for so many hours."
    )
    replication_lag_seconds: int = Field(60, ge=1, description="Ticket when a standby replays so far behind.")
    job_failure_percent: int = Field(
        20, ge=1, le=100, description="Ticket when so many of a queue's attempts fail."
    )
    mail_failure_percent: int = Field(
        25, ge=1, le=100, description="Page when so many attempts to send a mail fail within an hour."
    )
    dead_jobs_per_hour: int = Field(100, ge=1, description="Ticket when more jobs than this are given up.")


class Email(Section):
    """Alerts by mail, through the server of `[mail]` and without Mastodon."""

    to: tuple[str, ...] = Field((), description="Addresses.")


class Ntfy(Section):
    """Alerts by ntfy; the secret NTFY_TOKEN is optional."""

    url: str = Field(
        "", pattern=HTTPS, description="The topic, e.g. `https://ntfy.sh/a-name-nobody-guesses`."
    )


class Matrix(Section):
    """Alerts in a room of Matrix that is not encrypted; needs the secret MATRIX_TOKEN."""

    homeserver: str = Field("", pattern=HTTPS, description="Address of the bot's homeserver.")
    room: str = Field(
        "", pattern=r"^$|^!\S+$", description="The room's id, `!…:server`; the bot has joined it."
    )


class Discord(Section):
    """Alerts in a channel of Discord; needs the secret DISCORD_WEBHOOK_URL."""

    enabled: bool = Field(False, description="Send there.")


class Telegram(Section):
    """Alerts by a bot of Telegram; needs the secret TELEGRAM_TOKEN."""

    chat: str = Field("", description="Number of the chat, or `@name` of a channel.")
    api: str = Field("https://api.telegram.org", pattern=HTTPS, description="Address of the interface.")


class Webhook(Section):
    """Alerts as JSON to any address; the secret WEBHOOK_TOKEN is optional."""

    url: str = Field("", pattern=HTTPS, description="Gets a POST for each message.")


class Fediverse(Section):
    """Alerts as direct messages, from an account on another server; needs the secret MASTODON_TOKEN."""

    server: str = Field(
        "",
        pattern=HTTPS,
        description="Address of the server that sends: not this instance, which may be down.",
    )
    to: tuple[str, ...] = Field((), description="Accounts that get them, `@name@server`.")


class Alerts(Section):
    """Who is told, and the dead man's switch. Secrets of receivers are in `alerts.env`."""

    heartbeat_url: str = Field(
        "",
        pattern=HTTPS,
        description="Asked every minute while alerts work from end to end; whoever is behind it warns when "
        "that stops (healthchecks.io, or a friend's). Period 5 minutes, grace 10 minutes.",
    )
    runbook_url: str = Field(
        "",
        pattern=HTTPS,
        description="Where runbooks can be read, for the links in messages; the dashboard when empty.",
    )
    repeat_hours: int = Field(4, ge=1, le=168, description="Tell again after so many hours while it goes on.")
    thresholds: Thresholds = Thresholds()
    email: Email = Email()
    ntfy: Ntfy = Ntfy()
    matrix: Matrix = Matrix()
    discord: Discord = Discord()
    telegram: Telegram = Telegram()
    webhook: Webhook = Webhook()
    fediverse: Fediverse = Fediverse()

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of the channels that are set up, in the order they are documented."""
        found = {
            "email": bool(self.email.to),
            "ntfy": bool(self.ntfy.url),
            "matrix": bool(self.matrix.homeserver and self.matrix.room),
            "discord": self.discord.enabled,
            "telegram": bool(self.telegram.chat),
            "webhook": bool(self.webhook.url),
            "fediverse": bool(self.fediverse.server and self.fediverse.to),
        }
        return tuple(name for name, wanted in found.items() if wanted)
