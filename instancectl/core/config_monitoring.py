"""`[monitoring]` of `instance.toml`: what the agent watches with."""

from __future__ import annotations

from pydantic import Field

from instancectl.core.config_base import Section


class Monitoring(Section):
    """The agent that probes the instance and exports metrics."""

    listen: str = Field(
        "127.0.0.1:9394",
        pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9.]+):\d{1,5}$",
        description="Address and port of `/metrics`. Nobody is asked for a password there: keep it private.",
    )
