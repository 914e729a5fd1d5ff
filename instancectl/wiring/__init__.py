"""Composition root: builds the adapters for one invocation, and hands them to an operation.

A room of it is imported when the first of its names is asked for: a command pays for what it uses.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instancectl.wiring.alerting import (
        rules,
        silencing,
        trial,
    )
    from instancectl.wiring.dashboard import (
        ledger,
        open_in_browser,
        overview,
        runbooks,
        screen,
        tunnel,
    )
    from instancectl.wiring.deploying import (
        deployment,
        destruction,
        layout,
        render,
        run_in_one_shot,
    )
    from instancectl.wiring.hosting import (
        host_settings,
        provision,
        provisioning,
    )
    from instancectl.wiring.instance import (
        InstancePaths,
        OpenInstance,
        clock,
        config_if_any,
        journal,
        lock,
        open_instance,
        reporter,
        secrets,
        state,
        stored_secrets,
        swarm,
        write_debug_log,
    )
    from instancectl.wiring.launching import (
        launch_here,
        launch_target,
        launch_there,
    )
    from instancectl.wiring.looking import (
        checking,
        exposure,
        health,
        object_store,
        senses,
        subject,
    )
    from instancectl.wiring.members import (
        adding,
        admitting,
        drain_host,
        join_swarm,
        list_hosts,
        other_rooms,
        serve_courier,
    )
    from instancectl.wiring.monitoring import (
        agent,
        exposition,
        watching,
    )
    from instancectl.wiring.remote import (
        Ask,
        code_bundle,
        here,
        look,
        manager,
        reach,
        relayed,
    )
    from instancectl.wiring.scaling import (
        config_or_defaults,
        exporting,
        picture,
        scaling_by_hand,
        scaling_record,
        scaling_surroundings,
        scaling_watch,
        surge,
        trace_text,
        tuning,
    )
    from instancectl.wiring.status_page import (
        page_desk,
        page_journal,
    )
    from instancectl.wiring.surge_drilling import (
        surge_drill,
    )
    from instancectl.wiring.vantage import (
        vantage_point,
        vantage_post,
    )
    from instancectl.wiring.writing import (
        adoption,
        initialisation,
        local_machine,
        smtp_password,
    )

_ROOMS = {
    "alerting": ("rules", "silencing", "trial"),
    "dashboard": ("ledger", "open_in_browser", "overview", "runbooks", "screen", "tunnel"),
    "deploying": ("deployment", "destruction", "layout", "render", "run_in_one_shot"),
    "hosting": ("host_settings", "provision", "provisioning"),
    "instance": (
        "InstancePaths",
        "OpenInstance",
        "clock",
        "config_if_any",
        "journal",
        "lock",
        "open_instance",
        "reporter",
        "secrets",
        "state",
        "stored_secrets",
        "swarm",
        "write_debug_log",
    ),
    "launching": ("launch_here", "launch_target", "launch_there"),
    "looking": ("checking", "exposure", "health", "object_store", "senses", "subject"),
    "members": (
        "adding",
        "admitting",
        "drain_host",
        "join_swarm",
        "list_hosts",
        "other_rooms",
        "serve_courier",
    ),
    "monitoring": ("agent", "exposition", "watching"),
    "remote": ("Ask", "code_bundle", "here", "look", "manager", "reach", "relayed"),
    "scaling": (
        "config_or_defaults",
        "exporting",
        "picture",
        "scaling_by_hand",
        "scaling_surroundings",
        "scaling_record",
        "scaling_watch",
        "surge",
        "trace_text",
        "tuning",
    ),
    "status_page": ("page_desk", "page_journal"),
    "surge_drilling": ("surge_drill",),
    "vantage": ("vantage_point", "vantage_post"),
    "writing": ("adoption", "initialisation", "local_machine", "smtp_password"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    """A name of one of the rooms (PEP 562); it is looked up once.

    Raises:
        AttributeError: no room has it.
    """
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value
