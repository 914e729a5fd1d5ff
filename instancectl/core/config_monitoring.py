"""`[monitoring]` of `instance.toml`: what the agent watches with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from instancectl.core.config_base import Section

LISTEN = r"^(\[[0-9a-fA-F:]+\]|[0-9.]+):\d{1,5}$"


class Monitoring(Section):
    """The agent that probes the instance and exports metrics."""

    listen: str = Field(
        "127.0.0.1:9394",
        pattern=LISTEN,
        description="Address and port of `/metrics`. Nobody is asked for a password there: keep it private.",
    )
    vantages: tuple[Annotated[str, Field(pattern=r"^https?://[^\s/]+$")], ...] = Field(
        (),
        description="Where `instancectl probe --watch` runs on other machines, e.g. `http://10.86.0.9:9396`; "
        "what they measured stands for the time in which this host was off.",
    )
    canary: bool = Field(
        False,
        description="Every 5 minutes a post that only its author sees, until it arrives and is deleted: "
        "proves that writing works; needs an account of its own, with its token in `alerts.env`.",
    )
    enabled: bool = Field(
        False,
        description="Prometheus and Alertmanager as services of the stack, for alerts and graphs; "
        "they take 224 MiB, and the agent must run.",
    )
    prometheus_listen: str = Field(
        "127.0.0.1:9090",
        pattern=LISTEN,
        description="Address and port of Prometheus on this host; nobody is asked for a password there.",
    )
    alertmanager_listen: str = Field(
        "127.0.0.1:9093",
        pattern=LISTEN,
        description="Address and port of Alertmanager on this host; nobody is asked for a password there.",
    )
    retention_days: int = Field(
        100, ge=31, description="Days that Prometheus keeps; the 30-day objective needs 31 at least."
    )
    retention_mib: int = Field(
        4096, ge=256, description="Most disk space Prometheus takes, MiB; the oldest days go first."
    )
