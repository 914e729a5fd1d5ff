"""Provision the host that is named, and die like a crashed laptop after a change that is new.

    python -m tests.hosts.provision_and_die USER@ADDRESS FILE [ROLE …]

FILE remembers after which tasks it died; with roles, only changes of these count.
Ends with 0 when there was no other change.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from instancectl import wiring
from instancectl.core.host.address import parse
from instancectl.core.invocation import Globals
from instancectl.operations.host.provision import Target, provision
from instancectl.ports.playbooks import Event, PlaybookRun, Playbooks
from instancectl.wiring.remote import reach_either


class Dying:
    """Playbooks that kill this process at the first change that is new."""

    def __init__(self, real: Playbooks, memory: Path, roles: Sequence[str]) -> None:
        self._real = real
        self._memory = memory
        self._roles = roles

    @property
    def log(self) -> str:
        return self._real.log

    def run(self, run: PlaybookRun, tell: Callable[[Event], None]) -> bool:
        def told(event: Event) -> None:
            tell(event)
            task = f"{event.role}: {event.task}"
            counts = event.kind == "changed" and (not self._roles or event.role in self._roles)
            if counts and task not in self._memory.read_text().splitlines():
                with self._memory.open("a") as memory:
                    memory.write(f"{task}\n")
                os.kill(os.getpid(), signal.SIGKILL)

        return self._real.run(run, told)


def main() -> None:
    options = Globals(hosts=(sys.argv[1],))
    settings = wiring.host_settings(options)
    remote = reach_either(parse(sys.argv[1]), options, settings.admin_user)
    around = wiring.provisioning(options)
    memory = Path(sys.argv[2])
    memory.touch()
    around = replace(around, playbooks=Dying(around.playbooks, memory, sys.argv[3:]))
    provision([Target(remote)], settings, around)


main()
