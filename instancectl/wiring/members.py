"""What adding hosts, listing and removing them needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.hosting import provisioning
from instancectl.wiring.instance import (
    clock,
    host_record,
    journal,
    lock,
    open_instance,
    reporter,
    state,
    swarm,
)
from instancectl.wiring.remote import here, look, manager, reach

if TYPE_CHECKING:
    from instancectl.adapters.docker_engine import DockerNodes
    from instancectl.adapters.ssh.courier import SshCourier
    from instancectl.core.host.settings import HostSettings
    from instancectl.core.layout import Room
    from instancectl.core.observed import Node
    from instancectl.core.result import Result
    from instancectl.operations.host import add, admit
    from instancectl.operations.host.join import Invitation
    from instancectl.operations.host.provision import Target
    from instancectl.operations.host.trust import Ask
    from instancectl.wiring.instance import OpenInstance

PROGRAM = "/usr/local/bin/instancectl"


def nodes() -> DockerNodes:
    """The hosts of this host's Swarm."""
    from instancectl.adapters.docker_engine import DockerNodes

    return DockerNodes(swarm())


def courier(opened: OpenInstance) -> SshCourier:
    """Brings images to other hosts."""
    from instancectl.adapters.ssh.courier import SshCourier

    return SshCourier(opened.paths.state_directory / "courier", opened.config.host.admin_user)


def adding(options: Globals, ask: Ask | None) -> add.Surroundings:
    """What adding and removing hosts needs, where the person is."""
    from instancectl.core.host import address as addresses
    from instancectl.operations.host import add, provision

    named = options.host or ""
    found = (
        None if named == addresses.HERE else (addresses.parse(named) if named else manager(options.config))
    )
    around = provisioning(options)

    def provision_hosts(targets: Sequence[Target], settings: HostSettings, tags: tuple[str, ...]) -> Result:
        return provision.provision(
            targets, settings, around, provision.Ways(verbose=options.verbose, tags=tags)
        )

    return add.Surroundings(
        manager=reach(found, options, ask) if found else here(),
        program=PROGRAM,
        manager_words=() if found or not options.config else ("--config", options.config),
        reach=lambda address: reach(address, options, ask),
        look=look,
        provision=provision_hosts,
        reporter=reporter(options),
        attended=not options.json,
    )


def admitting(options: Globals, command: str) -> admit.Surroundings:
    """What the manager needs to take in hosts and to let them go."""
    from instancectl.adapters.docker_engine import DockerImages
    from instancectl.operations.host import admit

    opened = open_instance(options)
    messenger = courier(opened)
    return admit.Surroundings(
        config=opened.config,
        nodes=nodes(),
        store=DockerImages(swarm()),
        courier=messenger,
        state=state(opened),
        journal=journal(opened, command),
        lock=lock(opened),
        reporter=reporter(options),
        clock=clock(),
        record=host_record(),
        courier_key=messenger.public_key,
        trust=messenger.trust,
    )


def ship_image(opened: OpenInstance, options: Globals, node: Node, reference: str) -> str:
    """Bring an image to another host; what to say about it."""
    from instancectl.adapters.docker_engine import DockerImages
    from instancectl.operations.host import ship_images

    deployed = state(opened).load().images
    images = {reference: deployed[reference]}
    store = DockerImages(swarm())
    return ship_images.ship(node, images, store, courier(opened), reporter(options))[0].said


def list_hosts(options: Globals) -> Result:
    """Every host of the instance."""
    from instancectl.operations.host import nodes as operation

    return operation.show(open_instance(options).config.stack, nodes())


def drain_host(options: Globals, name: str, *, undo: bool) -> Result:
    """Empty a host, or fill it again."""
    from instancectl.operations.host import drain as operation

    opened = open_instance(options)
    record, held = journal(opened, "host drain"), lock(opened)
    if undo:
        return operation.undo(name, nodes(), record, held)
    return operation.drain(opened.config.stack, name, nodes(), record, held, clock())


def join_swarm(invitation: Invitation) -> Result:
    """On the host that joins."""
    from instancectl.adapters import authorized_keys
    from instancectl.operations.host import join as operation

    return operation.join(invitation, nodes(), authorized_keys.authorise, authorized_keys.host_keys)


def serve_courier(words: Sequence[str], chunks: Iterator[bytes]) -> Result:
    """On the host that receives images."""
    from instancectl.adapters.docker_engine import DockerImages
    from instancectl.operations.host import ship_images as operation

    return operation.serve(words, chunks, DockerImages(swarm()), nodes())


def other_rooms(options: Globals) -> tuple[Room, ...]:
    """What the other hosts of the instance offer; nothing when no Swarm can be asked."""
    from instancectl.core.host.placement import rooms
    from instancectl.errors import InstanceError

    opened = open_instance(options)
    try:
        return rooms(opened.config.stack, nodes().nodes())
    except InstanceError:
        return ()
