"""The plan: which steps lead from what is to what should be.

The plan is every step of the full sequence that is not satisfied yet; so a killed run is continued by
planning again, and a second run plans nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from instancectl.core.desired import Desired
from instancectl.core.observed import Observed, ServiceState
from instancectl.core.scaling.chosen import unsized
from instancectl.core.secrets import fingerprint
from instancectl.core.service import ServiceSpec
from instancectl.core.steps import (
    CreateConfig,
    CreateNetwork,
    CreateOwner,
    CreateSecret,
    CreateSwarm,
    CreateVolume,
    EnsureService,
    FetchImage,
    FirstRunSettings,
    LabelNode,
    PrepareSchema,
    Remove,
    ShipImage,
    Step,
    Verify,
    WaitServices,
    World,
)


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What the first deploy sets inside Mastodon."""

    settings: FirstRunSettings
    owner: CreateOwner
    advertise_address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps with the world they were planned for."""

    steps: tuple[Step, ...]
    world: World = field(repr=False)

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.steps)

    def as_json(self) -> list[dict[str, str]]:
        """Plain values: kind and summary of each step."""
        return [{"step": step.kind, "summary": step.summary()} for step in self.steps]


def plan(
    desired: Desired,
    first_run: FirstRun,
    web_image: str,
    world: World,
    deliveries: tuple[ShipImage, ...] = (),
) -> Plan:
    """The steps that are not yet satisfied, in order; `deliveries` are images that other hosts need."""
    steps = sequence(desired, first_run, web_image, world, deliveries)
    return Plan(tuple(step for step in steps if not step.satisfied_by(world)), world)


def sequence(
    desired: Desired,
    first_run: FirstRun,
    web_image: str,
    world: World,
    deliveries: tuple[ShipImage, ...] = (),
) -> Iterator[Step]:
    """The full sequence of steps, satisfied or not."""
    yield CreateSwarm(first_run.advertise_address)
    for reference in desired.images:
        yield FetchImage(reference)
    yield from deliveries
    if desired.node_label:
        yield LabelNode(desired.node_label)
    yield from (LabelNode(label, role=True) for label in desired.role_labels)
    yield from (CreateNetwork(network) for network in desired.networks)
    yield from (CreateVolume(name) for name in desired.volumes)
    yield from (CreateSecret(name) for name in desired.secrets)
    yield from (CreateConfig(name) for name in desired.configs)
    fresh = not world.applied.schema_before
    for stage in _stages(desired, world.observed):
        if "web" not in stage:
            yield from _bring_up(desired, stage, world)
        elif fresh:
            yield PrepareSchema("fresh", web_image)
            yield from _bring_up(desired, stage, world, meanwhile=first_run.settings)
        else:
            yield PrepareSchema("before", web_image)
            yield from _bring_up(desired, stage, world)
            yield PrepareSchema("after", web_image)
    if not fresh:
        yield first_run.settings
    yield first_run.owner  # whose mail domain may be this instance's own, which answers by now
    yield Verify(signature(desired))
    yield from _obsolete(desired, world.observed)


def _stages(desired: Desired, observed: Observed) -> list[tuple[str, ...]]:
    """Names of services that are brought up together.

    Where nothing runs yet, what starts behind `web` is waited for with it; only the door opens last.
    """
    found: list[tuple[str, ...]] = []
    before_is_new = False
    for stage in desired.stages:
        is_new = not any(name in observed.services for name in stage)
        if is_new and before_is_new and not {"web", "proxy"} & set(stage):
            found[-1] += stage
        else:
            found.append(stage)
        before_is_new = is_new
    return found


def _bring_up(
    desired: Desired, stage: tuple[str, ...], world: World, meanwhile: Step | None = None
) -> Iterator[Step]:
    """The steps of one stage; `meanwhile` is done while new services start.

    New services start together. Changed ones that have no gap go one by one, each proven before the next;
    those that stop first go together at the end, so that their gap comes once.
    """
    present = world.observed.services
    specs = [desired.service(name) for name in stage]
    new = [spec for spec in specs if spec.name not in present]
    gapless = [spec for spec in specs if spec not in new and spec.update.order == "start-first"]
    others = [spec for spec in specs if spec not in new and spec.update.order == "stop-first"]
    for group in (new, *([spec] for spec in gapless), others):
        yield from (EnsureService(spec, _spec(present.get(spec.name))) for spec in group)
        if group is new and meanwhile:
            yield meanwhile
        unproven = tuple(spec for spec in group if not WaitServices((spec,)).satisfied_by(world))
        if unproven:
            yield WaitServices(unproven)


def _spec(state: ServiceState | None) -> ServiceSpec | None:
    return None if state is None else state.spec


def _obsolete(desired: Desired, observed: Observed) -> Iterator[Remove]:
    wanted = {spec.name for spec in desired.services}
    yield from (Remove("service", name) for name in sorted(set(observed.services) - wanted))
    yield from (Remove("secret", name) for name in sorted(observed.secrets - set(desired.secrets)))
    yield from (Remove("config", name) for name in sorted(observed.configs - set(desired.configs)))
    yield from (
        Remove("network", name) for name in sorted(observed.networks - {n.name for n in desired.networks})
    )


def signature(desired: Desired) -> str:
    """Fingerprint of everything deployed, to know what was verified.

    How many processes there are does not count: one more of what works is proven by its own health check.
    """
    return fingerprint(repr((desired.stack, tuple(unsized(spec) for spec in desired.services))))
