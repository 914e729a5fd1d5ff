"""`dashboard`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of, own
from instancectl.cli.relay import asking
from instancectl.cli.render import render_line
from instancectl.core.host import address as addresses
from instancectl.core.host import relay
from instancectl.core.host.address import HostAddress
from instancectl.core.invocation import Globals
from instancectl.core.result import Result, Status


class What(StrEnum):
    """What is wanted of the dashboard."""

    ADDRESS = ""
    GRAFANA = "grafana"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dashboard)


def dashboard(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="[grafana]", help="`grafana` prints the charts as a dashboard for Grafana."),
    ] = "",
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="With --host: port on this machine; 0 takes the same or a free one."
        ),
    ] = 0,
    browser: Annotated[bool, typer.Option("--open", help="Open it in this machine's browser.")] = False,
) -> Result | int:
    """Say where the dashboard is; with --host open a way to it over SSH, until Ctrl-C."""
    from instancectl.operations.monitoring import dashboard_link as operation

    if what not in set(What):
        raise typer.BadParameter(f"`{what}` is neither `grafana` nor nothing", param_hint="[grafana]")
    if what == What.GRAFANA:
        return operation.grafana()
    options = globals_of(ctx)
    there = _host(options)
    if there is not None:
        return _through(there, options, port, browser=browser)
    source = wiring.overview(options)
    shown = operation.show(source)
    if browser:
        wiring.open_in_browser(source.address)
    return shown


def _host(options: Globals) -> HostAddress | None:
    """Which other host is meant: the one that was named, or the manager of the file; None for this one."""
    typed = relay.read(options.words, len(own(options.words)))
    if addresses.HERE in typed.hosts:
        return None
    return addresses.parse(options.host) if options.host else wiring.manager(options.config)


def _through(there: HostAddress, options: Globals, port: int, *, browser: bool) -> Result:
    from instancectl.operations.monitoring import dashboard_link as operation

    remote = wiring.reach(there, options, asking(options))
    far = operation.ask_there(remote)
    tunnel = wiring.tunnel(there, far.address, port)
    render_line(f"{far.domain}: {far.sentence}", to_stderr=True)
    render_line(f"http://127.0.0.1:{tunnel.port}/ leads there until Ctrl-C")
    if browser:
        wiring.open_in_browser(f"http://127.0.0.1:{tunnel.port}/")
    tunnel.hold()
    return Result(Status.OK, {"domain": far.domain}, ("the way is closed",))
