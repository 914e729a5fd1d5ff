"""What `backup handover` needs, and the fence around a host that handed its instance over.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import OpenInstance, open_instance

if TYPE_CHECKING:
    from instancectl.operations.backup.ready import Giving
    from instancectl.ports.handover_record import HandoverRecord

HANDOVER = "backup handover"


def giving(options: Globals) -> Giving:
    """The host that hands over.

    Raises:
        Refused: backups are not set up.
    """
    from instancectl.operations.backup.ready import Giving
    from instancectl.wiring import backing_up, restoring, sending

    opened = open_instance(options)
    return Giving(
        here=restoring.kept(options, command=HANDOVER),
        outlet=sending.outlet(options, HANDOVER),
        subject=backing_up.subject(options),
        record=record_of_handover(opened),
    )


def record_of_handover(opened: OpenInstance) -> HandoverRecord:
    """What this host remembers of having handed over."""
    from instancectl.adapters.restore_files import HandoverFile

    return HandoverFile(opened.paths.state_directory / "handover.json")


def refuse_handed_over(opened: OpenInstance, command: str) -> None:
    """Two hosts must never be the same instance.

    Raises:
        Refused: this one handed it over; nothing was changed.
    """
    from instancectl.core.backup.moment import Moment
    from instancectl.errors import Refused

    if command == HANDOVER or (given := record_of_handover(opened).load()) is None:
        return
    domain = opened.config.instance.domain
    raise Refused(
        f"cannot `{command}`: {domain} was handed over by this host at {Moment(given.began).text}, and "
        "another one may run it; nothing was changed",
        hint="`instancectl backup handover --undo` starts it here again, as long as nobody took over; "
        "`instancectl destroy` clears this host",
        subject=domain,
    )
