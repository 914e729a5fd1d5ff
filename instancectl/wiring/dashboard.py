"""What the dashboard and the status page need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import InstanceError
from instancectl.wiring.instance import OpenInstance, clock, open_instance

if TYPE_CHECKING:
    from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger
    from instancectl.adapters.ssh import Tunnel
    from instancectl.adapters.terminal_screen import TerminalScreen
    from instancectl.core.alerting.alertmanager import Silence
    from instancectl.core.host.address import HostAddress
    from instancectl.core.monitoring.metric import Sample
    from instancectl.core.monitoring.overview import Decision, Firing
    from instancectl.operations.monitoring.agent import Agent, Server
    from instancectl.operations.monitoring.dashboard import Dashboard
    from instancectl.operations.monitoring.quieting import Quieting
    from instancectl.ports.overview_source import OverviewSource
    from instancectl.ports.reporter import Reporter


NOT_EVALUATED = Unknown("nothing evaluates alerts here", "set `enabled = true` in `[monitoring]`")
DECISIONS = 50
DECISION_SECONDS = 7 * 86400.0

Samples = Callable[[], Iterable["Sample"]]


def ledger(opened: OpenInstance) -> SqliteLedger:
    """The uptime ledger of the instance."""
    from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger

    return SqliteLedger(opened.paths.state_directory / "uptime.sqlite3")


def served(opened: OpenInstance, agent: Agent, reporter: Reporter, further: Samples) -> tuple[Server, ...]:
    """What the agent serves besides its metrics; when it cannot, it says so and goes on probing.

    Args:
        opened: the instance.
        agent: whose readings are shown.
        reporter: is told what does not work.
        further: samples that are not the agent's own.
    """
    if not opened.config.dashboard.enabled:
        return ()
    from instancectl.adapters.assets import assets_directory
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.adapters.web_dashboard import DashboardServer
    from instancectl.operations.monitoring.dashboard import Served

    made = dashboard(opened, agent, reporter, further)
    desk = _silence_desk(opened, made, reporter)
    host, _, port = opened.config.dashboard.listen.rpartition(":")
    static = assets_directory("monitoring") / "dashboard"
    try:
        server = DashboardServer((host.strip("[]"), int(port)), made, static, desk)
    except InstanceError as error:  # probing matters more than being looked at
        reporter.note(f"{error.message}; {error.hint}")
        return ()
    return (Served(made, server, in_background),)


def dashboard(opened: OpenInstance, agent: Agent, reporter: Reporter, further: Samples) -> Dashboard:
    """The dashboard of an agent."""
    from instancectl.adapters.sqlite.reading_ring import SqliteRing
    from instancectl.operations.monitoring.dashboard import Dashboard, Sources

    return Dashboard(
        opened.config,
        Sources(
            samples=lambda: (*agent.samples(), *further()),
            verdict=agent.watch.verdict,
            ledger=ledger(opened),
            ring=SqliteRing(opened.paths.state_directory / "readings.sqlite3"),
            clock=clock(),
            reporter=reporter,
            alerts=lambda: _alerts(opened, reporter),
            silences=lambda: _silences(opened, reporter),
            decisions=lambda: _decisions(opened),
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


def _silence_desk(opened: OpenInstance, made: Dashboard, reporter: Reporter) -> Quieting:
    import secrets

    from instancectl.operations.monitoring.quieting import Quieting
    from instancectl.wiring.alerting import silences_by

    return Quieting(
        opened.config,
        clock(),
        lambda who: silences_by(opened, reporter, "dashboard", who),
        made.read_alerts,
        secrets.token_urlsafe(24),
    )


def _silences(opened: OpenInstance, reporter: Reporter) -> Known[tuple[Silence, ...]]:
    from instancectl.wiring.alerting import silences_by

    if not opened.config.monitoring.enabled:
        return NOT_EVALUATED
    return silences_by(opened, reporter, "dashboard", "").running()


def _alerts(opened: OpenInstance, reporter: Reporter) -> Known[tuple[Firing, ...]]:
    from instancectl.core.monitoring.overview import Firing
    from instancectl.wiring.alerting import silences_by

    if not opened.config.monitoring.enabled:
        return NOT_EVALUATED
    found = silences_by(opened, reporter, "dashboard", "").active()
    shown = sorted(found, key=lambda one: (one.severity != "page", one.since))
    return tuple(
        Firing(one.name, one.severity, one.summary, one.since, one.runbook, one.silenced)
        for one in shown
        if one.severity in {"page", "ticket"} and not one.inhibited
    )


def _decisions(opened: OpenInstance) -> Known[tuple[Decision, ...]]:
    from instancectl.core.monitoring.overview import Decision
    from instancectl.operations.scaling.loop import explained
    from instancectl.wiring.scaling import scaling_record

    if opened.config.scaling.mode == "off":
        return Unknown("nothing decides about scaling: `scaling.mode` is `off`")
    now = clock().epoch_seconds()
    kept = scaling_record(opened).decisions(now - DECISION_SECONDS, now)
    return tuple(
        Decision(one.at, explained(one.decision, one.outcome)) for one in reversed(kept[-DECISIONS:])
    )
