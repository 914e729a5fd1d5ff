"""Brings images to hosts that have no registry to pull them from; and what such a host answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from instancectl.core.host.images import REFERENCE, from_registry, lacking
from instancectl.core.observed import Node
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes
from instancectl.errors import OperationFailed, Refused
from instancectl.ports.image_courier import ImageCourier
from instancectl.ports.image_store import ImageStore
from instancectl.ports.reporter import Reporter
from instancectl.ports.swarm_nodes import SwarmNodes

TELL_BYTES = 64 * 1024 * 1024
"""After so many bytes the person hears how far it is."""


@dataclass(frozen=True, slots=True)
class Brought:
    """How an image got to a host: `there`, `pulled` or `sent`."""

    reference: str
    how: str
    size_bytes: int = 0

    @property
    def said(self) -> str:
        """For people."""
        return f"sent, {show_bytes(self.size_bytes)}" if self.how == "sent" else self.how


def ship(
    node: Node,
    images: Mapping[str, str],
    store: ImageStore,
    courier: ImageCourier,
    reporter: Reporter,
) -> tuple[Brought, ...]:
    """See to it that a host has images.

    Args:
        node: the host.
        images: reference → as deployed, with its digest where it came from a registry.
        store: this host's images.
        courier: reaches the other host.
        reporter: hears how far a transfer is.

    Raises:
        Unreachable: the host cannot be reached.
        OperationFailed: an image is not on this host, or did not arrive.
    """
    ours = {reference: store.image_id(reference) for reference in images}
    absent = next((reference for reference, identifier in ours.items() if not identifier), None)
    if absent:
        raise OperationFailed(
            f"cannot bring the image `{absent}` to `{node.name}`: it is not on this host",
            hint=f"`docker pull {absent}`, or load it, then run the same command again",
            subject=absent,
        )
    missing = lacking(ours, courier.have(node.address, tuple(ours)))
    brought = [Brought(reference, "there") for reference in ours if reference not in missing]
    for reference in missing:
        if from_registry(images[reference]) and courier.pull(node.address, images[reference]):
            brought.append(Brought(reference, "pulled"))
            continue
        brought.append(_send(node, reference, store, courier, reporter))
    still = lacking(ours, courier.have(node.address, tuple(ours))) if missing else ()
    sent = {one.reference for one in brought if one.how == "sent"}
    lost = [reference for reference in still if reference in sent]
    if lost:
        raise OperationFailed(
            f"the image `{lost[0]}` was sent to `{node.name}`, but it is not there",
            hint="is its disk full? run the same command again",
            subject=lost[0],
        )
    return tuple(brought)


def _send(
    node: Node, reference: str, store: ImageStore, courier: ImageCourier, reporter: Reporter
) -> Brought:
    size = store.image_bytes(reference)
    told = 0

    def tell(count: int) -> None:
        nonlocal told
        if count - told >= TELL_BYTES:
            told = count
            reporter.note(f"{reference} to {node.name}: {show_bytes(count)} of about {show_bytes(size)}")

    reporter.note(f"sending {reference} to {node.name}, about {show_bytes(size)}")
    courier.send(node.address, store.export(reference), tell)
    return Brought(reference, "sent", size)


def serve(words: Sequence[str], chunks: Iterator[bytes], store: ImageStore, nodes: SwarmNodes) -> Result:
    """Answer the manager, on the host that receives; everything else it might ask for is refused.

    Raises:
        Refused: it asks for anything but these four things.
    """
    verb, *references = words or ("",)
    plain = all(REFERENCE.fullmatch(reference) for reference in references)
    if verb == "have" and plain:
        return Result(
            Status.OK, {"images": {reference: store.image_id(reference) for reference in references}}
        )
    if verb == "pull" and plain and len(references) == 1:
        return Result(Status.OK, {"pulled": store.pull(references[0])})
    if verb == "load" and not references:
        store.load(chunks)
        return Result(Status.CHANGED, {})
    if verb == "leave" and not references:
        nodes.leave()
        return Result(Status.CHANGED, {})
    raise Refused(
        "cannot do that here: this key is for the manager to bring images, and to let this host go",
        hint="log in as the admin user with a key of your own",
    )
