"""Provision the host that is named, and die like a crashed laptop as soon as anything was changed.

Ends with 0 when there was nothing left to change.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

from instancectl import wiring
from instancectl.core.host.address import parse
from instancectl.core.invocation import Globals
from instancectl.operations.host.provision import Target, provision
from instancectl.ports.playbooks import Event, PlaybookRun, Playbooks
from instancectl.wiring.remote import reach_either


class Dying:
    """Playbooks that kill this process at the first change."""

    def __init__(self, real: Playbooks) -> None:
        self._real = real

    @property
    def log(self) -> str:
        return self._real.log

    def run(self, run: PlaybookRun, tell: Callable[[Event], None]) -> bool:
        def told(event: Event) -> None:
            tell(event)
            if event.kind == "changed" and event.role != "record":
                os.kill(os.getpid(), signal.SIGKILL)

        return self._real.run(run, told)


def main() -> None:
    options = Globals(hosts=(sys.argv[1],))
    settings = wiring.host_settings(options)
    remote = reach_either(parse(sys.argv[1]), options, settings.admin_user)
    around = wiring.provisioning(options)
    around = replace(around, playbooks=Dying(around.playbooks))
    provision([Target(remote)], settings, around)


main()
