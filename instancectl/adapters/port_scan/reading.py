"""What the scanning program is asked, and what it answers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instancectl.core.host.exposure import AddressSeen, Scan
from instancectl.errors import Unreachable


def request(what: Scan, wait_seconds: float, until_seconds: float) -> dict[str, Any]:
    """For `program.look`."""
    return {
        "addresses": list(what.addresses),
        "tcp": [list(ends) for ends in what.tcp],
        "udp": list(what.udp),
        "silent_udp": what.silent_udp,
        "wait_seconds": wait_seconds,
        "until_seconds": until_seconds,
        "network": [],
    }


def answers(document: Mapping[str, Any]) -> tuple[AddressSeen, ...]:
    """From `program.look`; raises `Unreachable` with what went wrong instead."""
    if "seen" not in document:
        raise Unreachable(f"cannot look from outside: {document.get('error') or 'no answer'}")
    return tuple(
        AddressSeen(
            one["address"],
            tuple(sorted(one["tcp"])),
            one["refused"],
            one["silent"],
            tuple(one["udp"]),
            one["udp_judged"],
            one["error"],
        )
        for one in document["seen"]
    )
