"""What reaching a host needs: another one over SSH, or this machine.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from instancectl.core.host.address import HostAddress
from instancectl.core.invocation import Globals

if TYPE_CHECKING:
    from instancectl.adapters.code_bundle import Bundle
    from instancectl.adapters.ssh import SshHost
    from instancectl.core.host.facts import HostFacts
    from instancectl.operations.host.trust import Ask
    from instancectl.ports.remote import Remote


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


def look(remote: Remote) -> HostFacts:
    """What one look at a host tells; see `operations.host.look`."""
    from instancectl.adapters import assets, host_look
    from instancectl.operations.host import look as operation

    program = host_look.program(assets.assets_directory("templates"))
    return operation.look(remote, host_look.STARTER, program)


def code_bundle() -> Bundle:
    """The code that runs here, packed for a host."""
    from instancectl.adapters import code_bundle as adapter

    return adapter.build()
