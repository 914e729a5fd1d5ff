"""What the dashboard and the status page need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import InstanceError
from instancectl.wiring.instance import OpenInstance, clock, open_instance

if TYPE_CHECKING:
    from instancectl.adapters.ssh import Tunnel
    from instancectl.adapters.terminal_screen import TerminalScreen
    from instancectl.adapters.uptime_ledger import SqliteLedger
    from instancectl.core.host.address import HostAddress
    from instancectl.core.monitoring.overview import Decision, Firing
    from instancectl.operations.monitoring.agent import Agent, Server
    from instancectl.operations.monitoring.dashboard import Dashboard
    from instancectl.ports.overview_source import OverviewSource
    from instancectl.ports.reporter import Reporter


def ledger(opened: OpenInstance) -> SqliteLedger:
    """The uptime ledger of the instance."""
    from instancectl.adapters.uptime_ledger import SqliteLedger

    return SqliteLedger(opened.paths.state_directory / "uptime.sqlite3")


def served(opened: OpenInstance, agent: Agent, reporter: Reporter) -> tuple[Server, ...]:
    """What the agent serves besides its metrics; when it cannot, it says so and goes on probing."""
    if not opened.config.dashboard.enabled:
        return ()
    from instancectl.adapters.assets import assets_directory
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.adapters.web_dashboard import DashboardServer
    from instancectl.operations.monitoring.dashboard import Served

    made = dashboard(opened, agent, reporter)
    host, _, port = opened.config.dashboard.listen.rpartition(":")
    static = assets_directory("monitoring") / "dashboard"
    try:
        server = DashboardServer((host.strip("[]"), int(port)), made, static)
    except InstanceError as error:  # probing matters more than being looked at
        reporter.note(f"{error.message}; {error.hint}")
        return ()
    return (Served(made, server, in_background),)


def dashboard(opened: OpenInstance, agent: Agent, reporter: Reporter) -> Dashboard:
    """The dashboard of an agent."""
    from instancectl.adapters.reading_ring import SqliteRing
    from instancectl.operations.monitoring.dashboard import Dashboard, Sources

    return Dashboard(
        opened.config,
        Sources(
            samples=agent.samples,
            verdict=agent.watch.verdict,
            ledger=ledger(opened),
            ring=SqliteRing(opened.paths.state_directory / "readings.sqlite3"),
            clock=clock(),
            reporter=reporter,
            alerts=lambda: _alerts(opened),
            decisions=_decisions,
            runbook=runbook,
        ),
    )


def runbook(slug: str) -> str | None:
    """The text of a runbook; None when there is none."""
    from instancectl.adapters.assets import assets_directory

    path = assets_directory("monitoring") / "runbooks" / f"{Path(slug).name}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def runbooks() -> Mapping[str, str]:
    """Slug → text of every runbook."""
    from instancectl.adapters.assets import assets_directory

    folder = assets_directory("monitoring") / "runbooks"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}


def overview(options: Globals) -> OverviewSource:
    """The pages of the agent on this host."""
    from instancectl.adapters.overview_client import OverviewClient

    return OverviewClient(open_instance(options).config.dashboard.listen)


def screen(options: Globals) -> TerminalScreen:
    """This terminal, drawn on as a whole."""
    from instancectl.adapters.terminal_screen import TerminalScreen

    return TerminalScreen(color=options.color)


def tunnel(address: HostAddress, target: str, port: int) -> Tunnel:
    """A way to ADDRESS:PORT as a host reaches it."""
    from instancectl.adapters.ssh import Ssh, Tunnel

    return Tunnel(address, Ssh.of(os.environ, interactive=sys.stdin.isatty()), target, port)


def open_in_browser(url: str) -> None:
    """Show a page to the person, where there is a browser."""
    import webbrowser

    webbrowser.open(url)


def _alerts(opened: OpenInstance) -> Known[tuple[Firing, ...]]:
    return Unknown("nothing evaluates alerts here", opened.config.stack)


def _decisions() -> Known[tuple[Decision, ...]]:
    return Unknown("nothing decides about scaling yet: services keep the size that the layout gave them")
