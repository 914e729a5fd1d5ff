"""What a second vantage needs, and what the agent needs to listen to some.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.dashboard import ledger
from instancectl.wiring.instance import OpenInstance, clock, reporter

if TYPE_CHECKING:
    from instancectl.operations.monitoring.agent import Agent, Server
    from instancectl.operations.monitoring.vantage import Eyes, Point, Post, Vantage
    from instancectl.ports.reporter import Reporter


def vantage_point(
    name: str, site: str, address: str, controls: tuple[str, ...], roots: str
) -> tuple[Point, Eyes]:
    """Who looks at what, and with what; `roots` is a PEM file, empty takes this machine's."""
    import socket

    from instancectl.adapters.daemon_threads import DaemonThreads
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.core.monitoring.surfaces import TIMEOUT_SECONDS
    from instancectl.operations.monitoring.vantage import Eyes, Point

    web = SocketHttpProbe(roots, TIMEOUT_SECONDS, insist=True)
    return Point(name or socket.gethostname(), site, address, controls), Eyes(web, DaemonThreads(), clock())


def vantage_post(point: Point, options: Globals, listen: str) -> Post:
    """What it needs to stay; its ledger is below $XDG_STATE_HOME, or the person's own state directory."""
    from instancectl.adapters.exposition import MetricsServer
    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.service_manager import ServiceManager
    from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger
    from instancectl.operations.monitoring.vantage import Post

    base = os.environ.get("STATE_DIRECTORY") or os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    directory = Path(base).expanduser() / "instancectl" / "probe" / re.sub(r"[^A-Za-z0-9.-]", "_", point.site)
    host, _, port = listen.rpartition(":")

    def serve(made: Vantage) -> Server:
        def others(path: str) -> tuple[int, str, bytes] | None:
            return (
                (200, "application/json", json.dumps(made.spells()).encode()) if path == "/spells" else None
            )

        return MetricsServer((host.strip("[]"), int(port)), made.samples, made.verdict, others=others)

    return Post(
        ledger=SqliteLedger(directory / "uptime.sqlite3"),
        lock=FileLock(directory / "probe.lock"),
        supervisor=ServiceManager(),
        reporter=reporter(options),
        serve=serve,
    )


def merging(opened: OpenInstance, agent: Agent, reporter: Reporter) -> tuple[Server, ...]:
    """What listens to the second vantages while the agent runs; nothing where none is named."""
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.operations.monitoring.merging import Merger

    addresses = opened.config.monitoring.vantages
    if not addresses:
        return ()
    web = SocketHttpProbe(insist=True)
    made = Merger(addresses, web, ledger(opened), clock(), reporter, in_background)
    agent.also(made.samples)
    return (made,)
