"""What the canary on the write path needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instancectl.wiring.alerting import alert_secrets
from instancectl.wiring.instance import OpenInstance

if TYPE_CHECKING:
    from instancectl.operations.monitoring import Senses
    from instancectl.operations.monitoring.agent import Agent
    from instancectl.operations.monitoring.canary import Canary
    from instancectl.ports.reporter import Reporter

POST_SECONDS = 10.0
"""For each step of a request; a post that takes longer is lost to a person, too."""


def canary_beside(opened: OpenInstance, senses: Senses, reporter: Reporter) -> Canary | None:
    """The canary of an agent; None where none is wanted."""
    if not opened.config.monitoring.canary:
        return None
    import secrets

    from instancectl.adapters.container_network import ContainerNetwork
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.adapters.stack_sight import ResidentStack
    from instancectl.adapters.websocket import WebSocketStream
    from instancectl.core.monitoring.canary import TOKEN
    from instancectl.core.monitoring.surfaces import VANTAGES
    from instancectl.operations.monitoring.canary import Canary, Perch

    inside = ContainerNetwork(ResidentStack(opened.config.stack).entrance(*VANTAGES))
    perch = Perch(
        stack=senses.stack,
        http=SocketHttpProbe(timeout_seconds=POST_SECONDS, connect=inside.connect),
        live=WebSocketStream(POST_SECONDS, connect=inside.connect),
        clock=senses.clock,
        reporter=reporter,
        token=alert_secrets(opened).get(TOKEN),
        nonce=lambda: secrets.token_hex(8),
        ever_deployed=senses.ever_deployed,
        background=in_background,
    )
    return Canary(opened.config, perch)


def shown(canary: Canary | None, agent: Agent) -> tuple[Canary, ...]:
    """It, if there is one; its samples are then in every scrape of the agent."""
    if canary is None:
        return ()
    agent.also(canary.samples)
    return (canary,)
