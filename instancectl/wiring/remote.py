"""What reaching a host needs: another one over SSH, or this machine.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.host.address import HostAddress
from instancectl.core.invocation import Globals

if TYPE_CHECKING:
    from instancectl.adapters.code_bundle import Bundle
    from instancectl.adapters.ssh import SshHost
    from instancectl.core.host.facts import HostFacts
    from instancectl.core.host.relay import Errand, Travelling, Typed
    from instancectl.ports.remote import Remote

Ask = Callable[[str], bool]
"""Puts a question to the person; whether they said yes."""


def here() -> Remote:
    """This machine."""
    from instancectl.adapters.ssh import LocalShell

    return LocalShell()


def reach(address: HostAddress, options: Globals, ask: Ask | None = None) -> SshHost:
    """Log in to a host over a connection that further commands share for a minute.

    `--host-key`, else `ask`, confirms a key that nobody confirmed yet; without either it is refused.

    Raises:
        Unreachable: it cannot be reached, or does not let us in.
        Refused: its key is not confirmed, or has changed.
    """
    from instancectl.adapters.ssh import OfferedKeys, Ssh, SshHost
    from instancectl.operations.host import trust
    from instancectl.wiring.instance import reporter

    ssh = Ssh.of(os.environ, interactive=sys.stdin.isatty() and not options.json)
    host = SshHost(address, ssh)
    said = trust.log_in(host.open, OfferedKeys(ssh), address, named=options.host_key, ask=ask)
    if said:
        reporter(options).note(said)
    return host


def reach_either(address: HostAddress, options: Globals, admin: str, ask: Ask | None = None) -> SshHost:
    """Log in; where root's login was closed by an earlier run, as `admin`, and says so.

    Raises:
        Unreachable: it cannot be reached, or lets neither of them in.
        Refused: its key is not confirmed, or has changed.
    """
    from instancectl.ports.remote import LoginRefused
    from instancectl.wiring.instance import reporter

    try:
        return reach(address, options, ask)
    except LoginRefused as first:
        if address.user != "root":
            raise
        try:
            host = reach(address.as_user(admin), options, ask)
        except LoginRefused:
            raise first from None
    reporter(options).note(f"root's login on `{address.address}` is closed: going on as `{host.address}`")
    return host


def look(remote: Remote) -> HostFacts:
    """What one look at a host tells; see `operations.host.look`."""
    from instancectl.adapters import assets, host_look
    from instancectl.operations.host import look as operation

    program = host_look.program(assets.assets_directory("templates"))
    return operation.look(remote, host_look.STARTER, program)


def code_bundle() -> Bundle:
    """The code that runs here, packed for a host."""
    from instancectl.adapters import assets
    from instancectl.adapters import code_bundle as adapter

    return adapter.build(assets.PACKAGE, assets.asset)


def manager(config: str | None) -> HostAddress | None:
    """The host that `[hosts].manager` of the instance file names; None when there is none, or it is here.

    Raises:
        Refused: it is no address.
    """
    from instancectl.adapters import instance_place, own_addresses
    from instancectl.core.host import address

    said = instance_place.manager(config, os.environ)
    if said in {"", address.HERE}:
        return None
    found = address.parse(said)
    return None if own_addresses.is_own(found.address) else found


def errand(typed: Typed, *, named: bool) -> tuple[Errand, tuple[bytes, ...]]:
    """What goes to the host, and the contents of the files that go first.

    Raises:
        ConfigError: a file cannot be read.
    """
    from instancectl.core.host import relay

    password = os.environ.get(relay.PASSWORD_VARIABLE, "")
    found = relay.errand(typed, named=named, password=password, plain=bool(os.environ.get("NO_COLOR")))
    return found, tuple(_content(file) for file in found.files)


def _content(file: Travelling) -> bytes:
    if not file.path:
        return file.content.encode()
    from instancectl.adapters import secret_file

    return secret_file.content(Path(file.path).expanduser())


def relayed(address: HostAddress, typed: Typed, options: Globals, ask: Ask | None = None) -> int:
    """Run a command on another host with the person's terminal; returns its exit code.

    Raises:
        Unreachable: the host cannot be reached, or the connection was lost.
        Refused: its key is not confirmed, instancectl is not installed there, or `sudo` wants a password.
    """
    from instancectl.core.host import relay

    going, files = errand(typed, named=bool(typed.hosts))
    host = reach(address, options, ask)
    if not typed.hosts:
        _refuse_other_file(host, typed)
    return carried_out(host, going, files, options, secrets=relay.secret_variables(typed, os.environ))


def _refuse_other_file(host: SshHost, typed: Typed) -> None:
    """The file that named the manager is not the one that holds; edits in it must not be lost silently."""
    from instancectl.adapters import instance_place
    from instancectl.core.host import carrying, relay
    from instancectl.operations.host import carry

    if typed.command in relay.FROM_THE_FILE:
        content = instance_place.find(typed.config, os.environ).read_bytes()
        carry.refuse_different(host, {carrying.INSTANCE_FILE: content})


def carried_out(
    remote: SshHost,
    going: Errand,
    files: tuple[bytes, ...],
    options: Globals,
    *,
    secrets: Mapping[str, str] | None = None,
) -> int:
    """Run an errand on a host that was reached; returns its exit code."""
    from instancectl.operations.host import relay as operation

    terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    progress = os.environ.get("INSTANCECTL_NO_PROGRESS", "")
    manner = operation.Manner(
        tty=terminal and not options.json,
        stdin=b"" if sys.stdin.isatty() and not terminal else None,
        # Told once per connection: reading all of our code takes longer than the way there and back.
        expected=_fingerprint() if remote.fresh and not options.quiet else "",
        environment=(f"INSTANCECTL_NO_PROGRESS={progress}",) if progress else (),
        secrets=secrets or {},
    )
    return operation.relay(remote, going, files, manner)


def _fingerprint() -> str:
    from instancectl.adapters import assets
    from instancectl.adapters import code_bundle as adapter

    return adapter.fingerprint(assets.PACKAGE, assets.asset)
