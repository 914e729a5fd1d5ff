"""`[monitoring]` of `instance.toml`: what the agent watches with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from instancectl.core.config_base import Section
from instancectl.core.monitoring.sli import OBJECTIVES

LISTEN = r"^(\[[0-9a-fA-F:]+\]|[0-9.]+):\d{1,5}$"


def _objective(sli: str, what: str) -> Any:
    text = f"{what}: percent of the measured time."
    return Field(round(OBJECTIVES[sli] * 100, 3), ge=50, le=99.999, description=text)


class Objectives(Section):
    """How much of the time something should be good. Error budgets and their alerts follow from it."""

    availability: float = _objective("availability", "Pages, login and federation together")
    web: float = _objective("web", "Every replica of `web`, and the way in")
    login: float = _objective("login", "The sign-in form")
    federation: float = _objective("federation", "Webfinger, nodeinfo and the inbox")
    streaming: float = _objective("streaming", "Live timelines")
    media: float = _objective("media", "Uploads through the edge")
    mail: float = _objective("mail", "The mail server takes our login")
    sidekiq: float = _objective("sidekiq", "Every queue has a process")
    timeline: float = _objective("timeline", "Posts of the canary arrive within 10 s")
    queue_default: float = _objective("queue_default", "Jobs of `default` wait no longer than they may")
    queue_mailers: float = _objective("queue_mailers", "Likewise of `mailers`")
    queue_ingress: float = _objective("queue_ingress", "Likewise of `ingress`")
    queue_push: float = _objective("queue_push", "Likewise of `push`")
    queue_pull: float = _objective("queue_pull", "Likewise of `pull`")

    @property
    def shares(self) -> Mapping[str, float]:
        """Service level indicator → share of the measured slices that should be good."""
        return {name: round(float(percent) / 100, 6) for name, percent in self}


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
    objectives: Objectives = Objectives()
