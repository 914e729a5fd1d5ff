"""`host provision`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.cli.relay import asking
from instancectl.core.result import Result


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(provision)
    group.callback()(lambda: None)


def provision(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; say what would be changed.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show how files differ.")] = False,
    admin_user: Annotated[
        str | None, typer.Option(help="Login that replaces root's; `host.admin_user`.")
    ] = None,
    admin_key: Annotated[
        list[str] | None,
        typer.Option(help="Further public key that may log in: a line or a file; repeatable."),
    ] = None,
    reboot_window: Annotated[
        str | None, typer.Option(help="HH:MM for reboots after updates; empty: never.")
    ] = None,
    swap_mib: Annotated[int | None, typer.Option(min=-1, help="Swap file, MiB; -1 sizes it.")] = None,
    open_port: Annotated[
        list[str] | None, typer.Option(help="Further port to open, e.g. 25/tcp; repeatable.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone, e.g. Europe/Berlin.")] = None,
    firewall: Annotated[
        bool | None, typer.Option("--firewall/--no-firewall", help="Whether to load the firewall.")
    ] = None,
) -> Result:
    """Turn a bare server into a hardened host; what already is one is left alone.

    Without `--host` it works on this machine. Repeat `--host` for several at once.
    """
    flags = {
        "admin_user": admin_user,
        "admin_keys": tuple(admin_key) if admin_key else None,
        "reboot_window": reboot_window,
        "swap_mib": swap_mib,
        "open_ports": tuple(open_port) if open_port else None,
        "timezone": timezone,
        "firewall": firewall,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    options = globals_of(ctx)
    return wiring.provision(options, given, check=check, diff=diff, ask=asking(options))
