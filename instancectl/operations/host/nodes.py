"""Shows the hosts of an instance."""

from __future__ import annotations

from instancectl.core.host import nodes as hosts
from instancectl.core.result import Result, Status
from instancectl.errors import Refused
from instancectl.ports.swarm_nodes import SwarmNodes


def show(stack: str, nodes: SwarmNodes) -> Result:
    """Every host with its roles, its state, its size, and what runs there.

    Raises:
        Refused: there is no Swarm on this host, or it does not manage one.
    """
    engine = nodes.engine()
    if engine.swarm != "active" or not engine.is_manager:
        raise Refused(
            "cannot list hosts: this host does not manage a Swarm",
            hint="run it on the host with the data, or with `--host`; before that `instancectl deploy`",
        )
    found = hosts.views(stack, nodes.nodes(), nodes.placed())
    rows = [hosts.HEADINGS, *(view.cells() for view in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(hosts.HEADINGS))]
    lines = tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return Result(Status.OK, {"hosts": [view.as_json() for view in found]}, lines)
