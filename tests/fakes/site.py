"""A host on which instances are deployed, all of it in memory.

    site = Site()
    site.deployment().deploy()
    site.deployment(instance.config(services={"web": {"replicas": 2}})).deploy()
    assert site.web().replicas == 2

Deployments of one site share everything that survives a process: Swarm, state, journal, database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from instancectl.core.applied import Applied
from instancectl.core.check import Finding
from instancectl.core.config import InstanceConfig
from instancectl.core.host.placement import rooms
from instancectl.core.layout import Machine, derive
from instancectl.core.observed import Node, Observed
from instancectl.core.service import ServiceSpec
from instancectl.operations import destroy
from instancectl.operations.deploy import Deployment, Surroundings
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.fuse import Fuse
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.mastodon_jobs import MastodonJobs
from tests.fakes.reporter import FakeReporter
from tests.fakes.state import FakeState
from tests.fakes.swarm import FakeSwarm

STACK = "social-example"


def _as_json(tree: Mapping[str, object], header: str) -> str:
    """JSON is YAML, too, and written ten times faster."""
    return header + json.dumps(tree)


class Site:
    """`findings` is what the gate finds, `probed` what probes see, `exposed` which ports answer."""

    def __init__(self, *, swarm_active: bool = False) -> None:
        self.clock = FakeClock()
        self.fuse = Fuse()
        self.swarm = FakeSwarm(self.clock, self.fuse, active=swarm_active)
        self.mastodon = MastodonJobs()
        self.swarm.work = self.mastodon.run
        self.state = FakeState(fuse=self.fuse)
        self.journal = FakeJournal(self.fuse)
        self.lock = FakeLock()
        self.reporter = FakeReporter()
        self.findings: tuple[Finding, ...] = ()
        self.shipped: list[tuple[str, str]] = []
        self.gated: list[tuple[Observed, Applied]] = []
        self.probed: Callable[[], tuple[Finding, ...]] = tuple
        self.exposed: tuple[Finding, ...] = ()
        self.add_images(instance.config())

    def add_images(self, config: InstanceConfig) -> None:
        """Put every image that the configuration names on this host."""
        for reference in config.images.model_dump().values():
            self.swarm.images.setdefault(reference, "")

    def deployment(self, config: InstanceConfig | None = None) -> Deployment:
        """As a fresh process would build it."""
        config = config or instance.config()
        around = Surroundings(
            swarm=self.swarm,
            state=self.state,
            journal=self.journal,
            lock=self.lock,
            reporter=self.reporter,
            clock=self.clock,
            gate=self._gate,
            probe=self._probe,
            exposure=lambda: self.exposed,
            layout=lambda seen: derive(
                config,
                Machine(seen.engine.memory_bytes, seen.engine.cores),
                rooms(config.stack, seen.nodes),
            ),
            render=lambda sizes, message: instance.rendered(
                config, sizes, message, self.state.load().given_up
            ),
            write_stack=_as_json,
            own_address="10.86.0.1",
            ship=self._ship,
        )
        return Deployment(config, around)

    def removal(self) -> destroy.Surroundings:
        """What a removal touches."""
        return destroy.Surroundings(
            self.swarm, self.state, self.journal, self.lock, self.reporter, self.clock
        )

    def _gate(self, observed: Observed, applied: Applied) -> tuple[Finding, ...]:
        self.gated.append((observed, applied))
        return self.findings

    def _ship(self, node: Node, reference: str) -> str:
        self.shipped.append((node.name, reference))
        return "sent"

    def _probe(self) -> tuple[Finding, ...]:
        return self.probed()

    def spec(self, name: str) -> ServiceSpec:
        """Of a service as it is now."""
        state = self.swarm.service(STACK, name)
        assert state is not None, f"no service {name}"
        return state.spec

    def tasks(self) -> dict[str, frozenset[str]]:
        """Service → identifiers of its replicas that should run."""
        found = self.swarm.observe(STACK).services
        return {
            name: frozenset(task.id for task in state.tasks if task.wanted == "running")
            for name, state in found.items()
        }

    def outcome(self) -> dict[str, object]:
        """Everything that must be the same however often a deploy was interrupted."""
        observed = self.swarm.observe(STACK)
        applied = self.state.load()
        return {
            "specs": {name: state.spec for name, state in observed.services.items()},
            "converged": all(state.converged for state in observed.services.values()),
            "replicas": {name: len(tasks) for name, tasks in self.tasks().items()},
            "networks": observed.networks,
            "volumes": observed.volumes,
            "secrets": observed.secrets,
            "configs": observed.configs,
            "jobs": dict(observed.jobs),
            "labels": dict(self.swarm.labels),
            "applied": applied,
            "accounts": sorted(self.mastodon.accounts),
            "files": sorted(self.state.files),
        }
