"""The closed set of steps: each is data with a summary and a test for being already satisfied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from instancectl.core.applied import Applied
from instancectl.core.desired import Network
from instancectl.core.host.images import from_registry
from instancectl.core.observed import Node, Observed
from instancectl.core.service import ServiceSpec, differences


@dataclass(frozen=True, slots=True)
class World:
    """Everything a step is judged against."""

    observed: Observed
    applied: Applied


@dataclass(frozen=True, slots=True)
class Step:
    """Base of the closed set of steps."""

    kind: ClassVar[str] = ""

    def summary(self) -> str:
        """One line for the plan."""
        raise NotImplementedError

    def satisfied_by(self, world: World) -> bool:
        """Whether there is nothing to do."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class CreateSwarm(Step):
    """Make this host the first manager of a Swarm."""

    kind: ClassVar[str] = "create-swarm"
    advertise_address: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"make this host a Swarm of one, advertised on {self.advertise_address}"

    def satisfied_by(self, world: World) -> bool:
        """Whether a Swarm runs."""
        return world.observed.engine.swarm == "active"


@dataclass(frozen=True, slots=True)
class FetchImage(Step):
    """Have an image on this host and know its digest."""

    kind: ClassVar[str] = "fetch-image"
    reference: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"fetch the image {self.reference}"

    def satisfied_by(self, world: World) -> bool:
        """Whether an earlier run recorded it."""
        return self.reference in world.applied.images


@dataclass(frozen=True, slots=True)
class ShipImage(Step):
    """Bring an image to another host; one that a registry has is fetched there by Swarm itself."""

    kind: ClassVar[str] = "ship-image"
    reference: str
    node: Node

    def summary(self) -> str:
        """One line for the plan."""
        return f"bring the image {self.reference} to {self.node.name}"

    def satisfied_by(self, world: World) -> bool:
        """Whether it was brought there, or any host can ask a registry for it."""
        deployed = world.applied.images.get(self.reference, "")
        return from_registry(deployed) or deployed in world.applied.shipped.get(self.node.id, ())


@dataclass(frozen=True, slots=True)
class LabelNode(Step):
    """Mark this host as the one that holds the volumes, or as one for the services of a role."""

    kind: ClassVar[str] = "label-node"
    label: str
    role: bool = False

    def summary(self) -> str:
        """One line for the plan."""
        what = "let services run on" if self.role else "pin the data to"
        return f"{what} this host (node label {self.label})"

    def satisfied_by(self, world: World) -> bool:
        """Whether the label is set."""
        return world.observed.engine.node_labels.get(self.label) == "true"


@dataclass(frozen=True, slots=True)
class CreateNetwork(Step):
    """Create an overlay network."""

    kind: ClassVar[str] = "create-network"
    network: Network

    def summary(self) -> str:
        """One line for the plan."""
        return f"create the network {self.network.name}" + (" (no way out)" if self.network.internal else "")

    def satisfied_by(self, world: World) -> bool:
        """Whether it exists."""
        return self.network.name in world.observed.networks


@dataclass(frozen=True, slots=True)
class CreateVolume(Step):
    """Create a named volume."""

    kind: ClassVar[str] = "create-volume"
    name: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"create the volume {self.name}"

    def satisfied_by(self, world: World) -> bool:
        """Whether it exists."""
        return self.name in world.observed.volumes


@dataclass(frozen=True, slots=True)
class CreateSecret(Step):
    """Hand a secret to Swarm."""

    kind: ClassVar[str] = "create-secret"
    name: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"create the secret {self.name}"

    def satisfied_by(self, world: World) -> bool:
        """Whether it exists; its name carries its content's fingerprint."""
        return self.name in world.observed.secrets


@dataclass(frozen=True, slots=True)
class CreateConfig(Step):
    """Hand a config file to Swarm."""

    kind: ClassVar[str] = "create-config"
    name: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"create the config {self.name}"

    def satisfied_by(self, world: World) -> bool:
        """Whether it exists; its name carries its content's fingerprint."""
        return self.name in world.observed.configs


@dataclass(frozen=True, slots=True)
class EnsureService(Step):
    """Create a service, or give it the desired spec."""

    kind: ClassVar[str] = "ensure-service"
    spec: ServiceSpec
    present: ServiceSpec | None = None

    def summary(self) -> str:
        """One line for the plan, naming what changes."""
        name = self.spec.name
        if self.present is None:
            return f"create the service {name} ({self.spec.replicas} × {self.spec.image.partition('@')[0]})"
        changed = ", ".join(field.replace("_", " ") for field in differences(self.spec, self.present))
        how = "start-first" if self.spec.update.order == "start-first" else "stop-first"
        return f"update the service {name}: {changed} ({how})"

    def satisfied_by(self, world: World) -> bool:
        """Whether the service is as desired."""
        found = world.observed.services.get(self.spec.name)
        return found is not None and found.spec == self.spec


@dataclass(frozen=True, slots=True)
class WaitServices(Step):
    """Wait until services serve with their desired spec."""

    kind: ClassVar[str] = "wait-services"
    specs: tuple[ServiceSpec, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the services."""
        return tuple(spec.name for spec in self.specs)

    def summary(self) -> str:
        """One line for the plan."""
        return f"wait until {', '.join(self.names)} {'serves' if len(self.specs) == 1 else 'serve'}"

    def satisfied_by(self, world: World) -> bool:
        """Whether all serve."""
        found = [world.observed.services.get(spec.name) for spec in self.specs]
        return all(
            state is not None and state.spec == spec and state.converged
            for state, spec in zip(found, self.specs, strict=True)
        )


SchemaPhase = Literal["fresh", "before", "after"]

_SCHEMA_SUMMARY: Mapping[SchemaPhase, str] = {
    "fresh": "create and seed the database schema",
    "before": "run the migrations that the running release tolerates",
    "after": "run the post-deployment migrations",
}


@dataclass(frozen=True, slots=True)
class PrepareSchema(Step):
    """Bring the database schema to what an image needs."""

    kind: ClassVar[str] = "prepare-schema"
    phase: SchemaPhase
    image: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"{_SCHEMA_SUMMARY[self.phase]} ({self.image.partition('@')[0]})"

    def satisfied_by(self, world: World) -> bool:
        """Whether an earlier run recorded it for this image."""
        if self.phase == "after":
            return world.applied.schema_after == self.image
        return world.applied.schema_before == self.image


@dataclass(frozen=True, slots=True)
class FirstRunSettings(Step):
    """Registration mode and retention, once; afterwards the admin's choice stands."""

    kind: ClassVar[str] = "first-run-settings"
    registrations: str
    require_reason: bool
    media_days: int
    content_days: int

    def summary(self) -> str:
        """One line for the plan."""
        return (
            f"first-run settings: registrations {self.registrations}, remote media {_days(self.media_days)}, "
            f"remote posts {_days(self.content_days)}"
        )

    def satisfied_by(self, world: World) -> bool:
        """Whether an earlier run made them."""
        return world.applied.settings_done


def _days(count: int) -> str:
    return f"kept {count} days" if count else "kept for ever"


@dataclass(frozen=True, slots=True)
class CreateOwner(Step):
    """Create the owner's account."""

    kind: ClassVar[str] = "create-owner"
    username: str
    email: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"create the owner account @{self.username} ({self.email})"

    def satisfied_by(self, world: World) -> bool:
        """Whether an earlier run did, or no account is wanted."""
        return world.applied.owner_done or not self.email


@dataclass(frozen=True, slots=True)
class Verify(Step):
    """Probe the instance the way a person would notice it."""

    kind: ClassVar[str] = "verify"
    of: str

    def summary(self) -> str:
        """One line for the plan."""
        return "verify from outside: site, API, federation, streaming, queues"

    def satisfied_by(self, world: World) -> bool:
        """Whether exactly this was seen to work before."""
        return world.applied.verified == self.of


@dataclass(frozen=True, slots=True)
class Remove(Step):
    """Remove what is no longer part of the stack."""

    kind: ClassVar[str] = "remove"
    what: Literal["service", "secret", "config", "network", "job"]
    name: str

    def summary(self) -> str:
        """One line for the plan."""
        return f"remove the {self.what} {self.name}, which is no longer used"

    def satisfied_by(self, world: World) -> bool:
        """Whether it is gone."""
        present: Mapping[str, Any] = {
            "service": world.observed.services,
            "secret": world.observed.secrets,
            "config": world.observed.configs,
            "network": world.observed.networks,
            "job": world.observed.jobs,
        }
        return self.name not in present[self.what]
