"""`--host`, and the manager that an instance file names: the command runs there instead of here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import typer

from instancectl import wiring
from instancectl.cli.context import own
from instancectl.core.host import address as addresses
from instancectl.core.host import relay
from instancectl.core.host.address import HostAddress
from instancectl.core.invocation import Globals
from instancectl.errors import Refused


def relayed(words: Sequence[str], options: Globals) -> int | None:
    """Run the command on the host it is meant for; its exit code, or None when it runs here.

    Raises:
        InstanceError: the host cannot be reached, or may not be used.
    """
    typed = relay.read(words, len(own(words)))
    target = _target(typed)
    if target is None:
        return None
    return wiring.relayed(target, typed, replace(options, host_key=typed.host_key), asking(options))


def asking(options: Globals) -> wiring.Ask | None:
    """Puts a question to the person; None when there is no terminal to ask on."""
    if options.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: typer.confirm(f"{question}\nIs it the right key?", default=False, err=True)


def _target(typed: relay.Typed) -> HostAddress | None:
    named = bool(typed.hosts)
    if relay.runs_here(typed, named=named) or addresses.HERE in typed.hosts:
        return None
    if not named:
        return wiring.manager(typed.config)
    if len(set(typed.hosts)) > 1:
        raise Refused(
            f"cannot run `{' '.join(typed.command)}` on {' and '.join(typed.hosts)} at once",
            hint="name the host that manages the instance; it works on the others itself",
        )
    return addresses.parse(typed.hosts[-1])
