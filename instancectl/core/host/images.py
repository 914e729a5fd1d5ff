"""Which images a host needs, and which of them somebody must bring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from instancectl.core.applied import Applied
from instancectl.core.config import InstanceConfig

REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
"""What may name an image; nothing that another program could take for an option."""


def wanted(config: InstanceConfig, roles: Iterable[str]) -> tuple[str, ...]:
    """Images of the services that hosts with these roles run."""
    found = set(roles)
    images = [config.web_image] if found & {"web", "workers"} else []
    if "web" in found:
        images.append(config.streaming_image)
    if "monitoring" in found and config.monitoring.enabled:
        images += [config.images.prometheus, config.images.alertmanager]
    return tuple(dict.fromkeys(images))


def from_registry(resolved: str) -> bool:
    """Whether a deployed reference names what a registry has: then every host can ask for exactly that."""
    return "@sha256:" in resolved


def lacking(ours: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[str, ...]:
    """References whose content is not the same there."""
    return tuple(reference for reference, identifier in ours.items() if theirs.get(reference) != identifier)


def recorded(applied: Applied, node_id: str, how: Mapping[str, str]) -> Applied:
    """The record once a host has images; `how` says for each reference: `there`, `pulled` or `sent`.

    A host that had to be sent what a registry has is cut off from it. An archive carries no digest, so such
    images are deployed by their names from then on.
    """
    cut_off = [one for one, came in how.items() if came == "sent" and from_registry(applied.images[one])]
    known = {**applied.images, **{reference: reference for reference in cut_off}}
    there = set(applied.shipped.get(node_id, ())) | {
        known[one] for one in how if not from_registry(known[one])
    }
    shipped = {**applied.shipped, node_id: tuple(sorted(there))} if there else applied.shipped
    nodes = tuple(sorted({*applied.cut_off, node_id})) if cut_off else applied.cut_off
    return replace(applied, images=known, shipped=shipped, cut_off=nodes)


def forgotten(applied: Applied, node_id: str) -> Applied:
    """The record once a host is gone."""
    return replace(
        applied,
        shipped={node: there for node, there in applied.shipped.items() if node != node_id},
        cut_off=tuple(node for node in applied.cut_off if node != node_id),
    )
