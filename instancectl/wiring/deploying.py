"""What `plan`, `deploy`, `destroy` and one-shot commands need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.alerting import silences_of
from instancectl.wiring.instance import (
    OpenInstance,
    clock,
    journal,
    lock,
    open_instance,
    own_mesh_address,
    reporter,
    secrets,
    state,
    swarm,
)
from instancectl.wiring.looking import senses, subject
from instancectl.wiring.members import ship_image
from instancectl.wiring.moving import record_of_handover, refuse_handed_over

if TYPE_CHECKING:
    from instancectl.core.applied import Applied
    from instancectl.core.check import Finding
    from instancectl.core.config import InstanceConfig
    from instancectl.core.layout import Layout
    from instancectl.core.observed import Observed
    from instancectl.core.rendering import TlsFiles
    from instancectl.core.secret_set import SecretSet
    from instancectl.core.topology import Rendered
    from instancectl.operations import destroy
    from instancectl.operations.deploy import Deployment

PLAN = "plan"
"""It changes nothing."""


def layout(config: InstanceConfig, observed: Observed, *, drained: bool = False) -> Layout:
    """Sizes for the hosts that were observed; `drained` ones count for what only needs to know the sizes."""
    from instancectl.core.host.placement import rooms
    from instancectl.core.layout import Machine, derive

    others = rooms(config.stack, observed.nodes, drained=drained)
    return derive(config, Machine(observed.engine.memory_bytes, observed.engine.cores), others)


def render(opened: OpenInstance, found: SecretSet, sizes: Layout, maintenance: str | None) -> Rendered:
    """All files of the instance."""
    from instancectl.adapters import assets
    from instancectl.adapters.jinja_templates import JinjaTemplates
    from instancectl.core import rendering

    templates = JinjaTemplates(assets.assets_directory("templates"))
    tls = _tls_files(opened)
    return rendering.render(
        opened.config,
        found,
        sizes,
        templates.render,
        tls=tls,
        maintenance=maintenance,
        given_up=state(opened).load().given_up,
    )


def _tls_files(opened: OpenInstance) -> TlsFiles:
    from instancectl.adapters import pem_file
    from instancectl.core.rendering import TlsFiles
    from instancectl.core.secrets import Secret

    tls, base = opened.config.tls, opened.paths.directory
    return TlsFiles(
        certificate=pem_file.read(base, tls.certificate, "tls.certificate"),
        key=Secret(pem_file.read(base, tls.key, "tls.key")),
        acme_ca_root=pem_file.read(base, tls.acme_ca_root, "tls.acme_ca_root"),
    )


def deployment(options: Globals, command: str, accepted: tuple[str, ...] = ()) -> Deployment:
    """Everything a deploy needs; `accepted` names checks whose `fail` does not stop it.

    Raises:
        Refused: something would be started, and this host handed the instance over.
    """
    from instancectl.operations.deploy import Deployment, Surroundings

    opened = open_instance(options)
    if command != PLAN:
        refuse_handed_over(opened, command)
    found = secrets(opened)
    record = state(opened)
    silences = silences_of(opened, options, command)
    around = Surroundings(
        swarm=swarm(),
        state=record,
        journal=journal(opened, command),
        lock=lock(opened),
        reporter=reporter(options),
        clock=clock(),
        gate=lambda observed, applied: (
            *_half_restored(opened, command),
            *_preflight(opened.config, found, applied, observed, accepted),
        ),
        probe=lambda: _seen_from_outside(opened.config, found, record.load()),
        exposure=lambda: _exposure(opened.config),
        layout=lambda observed: layout(opened.config, observed),
        render=lambda sizes, maintenance: render(opened, found, sizes, maintenance),
        write_stack=_write_stack,
        silenced=silences.planned,
        maintained=lambda on: silences.maintenance(on=on),
        own_address=own_mesh_address(),
        ship=lambda node, reference: ship_image(opened, options, node, reference),
    )
    return Deployment(opened.config, around)


def _half_restored(opened: OpenInstance, command: str) -> tuple[Finding, ...]:
    """Nobody but the restore itself may start services on data that is half there."""
    from instancectl.adapters.restore_files import RecordFile
    from instancectl.core.check import Finding, Severity

    record = RecordFile(opened.paths.state_directory / "restore.json").load()
    if command == "restore" or record is None or not record.running:
        return ()
    seen = f"a restore of `{record.set}` has begun and not ended"
    hint = "type the same `instancectl restore …` again; or give it up with `instancectl restore undo`"
    return (Finding("restore", Severity.FAIL, seen, "a restore that has ended", hint),)


def _preflight(
    config: InstanceConfig,
    found: SecretSet,
    applied: Applied,
    observed: Observed,
    accepted: tuple[str, ...],
) -> tuple[Finding, ...]:
    """The findings that decide whether a deploy may begin; a deploy with nothing to do never gets here."""
    from instancectl.operations import check

    return check.preflight(senses(config, found), subject(config, found, applied), observed, accepted)


def _seen_from_outside(config: InstanceConfig, found: SecretSet, applied: Applied) -> tuple[Finding, ...]:
    """The findings that a deploy is verified by."""
    from instancectl.operations import check

    return check.health(senses(config, found), subject(config, found, applied))


def _exposure(config: InstanceConfig) -> tuple[Finding, ...]:
    """Whether only intended ports of this host answer."""
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.operations import check
    from instancectl.wiring.looking import own_host

    return check.exposure_of(own_host(), PsutilHost(), config)


def _write_stack(tree: Mapping[str, object], header: str) -> str:
    from instancectl.adapters import yaml_writer

    return yaml_writer.dump(tree, header)


def destruction(options: Globals) -> tuple[OpenInstance, destroy.Surroundings]:
    """Everything a removal needs."""
    from instancectl.operations import destroy

    opened = open_instance(options)
    around = destroy.Surroundings(
        swarm=swarm(),
        state=state(opened),
        journal=journal(opened, "destroy"),
        lock=lock(opened),
        reporter=reporter(options),
        clock=clock(),
        forget=record_of_handover(opened).remove,
    )
    return opened, around


def run_in_one_shot(options: Globals, name: str, argv: tuple[str, ...]) -> int:
    """Run a command of the web image with the person's terminal; returns its exit code."""
    from instancectl.adapters.docker_engine import InteractiveContainers
    from instancectl.core import topology
    from instancectl.operations import tootctl

    opened = open_instance(options)
    refuse_handed_over(opened, name)
    config, engine, found = opened.config, swarm(), secrets(opened)
    sizes = layout(config, engine.observe(config.stack), drained=True)
    rendered = render(opened, found, sizes, None)
    job = topology.one_shot(config, rendered, state(opened).load().images, name, argv)
    return tootctl.run(config.stack, job, engine, InteractiveContainers(engine), journal(opened, name))
