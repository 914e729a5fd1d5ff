"""One handler per kind of step. They act; what to do was decided by the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from instancectl.core import steps
from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity, verdict
from instancectl.core.desired import Desired, OneShot
from instancectl.core.observed import Node
from instancectl.core.steps import Step
from instancectl.errors import InstanceError, OperationFailed, Unhealthy
from instancectl.executor import Handler
from instancectl.operations.deploy import first_run, waiting
from instancectl.operations.deploy.first_run import Owner
from instancectl.ports.clock import Clock
from instancectl.ports.state import State
from instancectl.ports.swarm import Swarm

S = TypeVar("S", bound=Step)

JobMaker = Callable[[str, Iterable[str], Mapping[str, str]], OneShot]
"""(name, argv, extra environment) → a job of the web image."""

VERIFY_SECONDS = 90
"""How long an instance may take from `serving` to answering every probe (certificate, first heartbeats)."""

VERIFY_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class Outcome:
    """What the run learned that the person must be told."""

    owner: Owner | None = None
    verified: tuple[Finding, ...] = ()


class Handlers:
    """The handlers of one run, sharing what they act on."""

    def __init__(  # noqa: PLR0913 - everything a step may act on, named
        self,
        *,
        desired: Desired,
        swarm: Swarm,
        state: State,
        clock: Clock,
        job: JobMaker,
        probe: Callable[[], tuple[Finding, ...]],
        exposure: Callable[[], tuple[Finding, ...]],
        owner_was_tried: bool,
        domains: tuple[str, str],
        ship: Callable[[Node, str], str] | None = None,
    ) -> None:
        """See `Surroundings`; `domains` are LOCAL_DOMAIN and WEB_DOMAIN."""
        self._desired = desired
        self._swarm = swarm
        self._state = state
        self._clock = clock
        self._job = job
        self._probe = probe
        self._exposure = exposure
        self._owner_was_tried = owner_was_tried
        self._domains = domains
        self._ship = ship
        self.outcome = Outcome()

    def table(self) -> Mapping[str, Handler]:
        """Kind of step → handler."""
        stack, swarm = self._desired.stack, self._swarm
        return {
            steps.CreateSwarm.kind: _typed(steps.CreateSwarm, self._create_swarm),
            steps.FetchImage.kind: _typed(steps.FetchImage, self._fetch_image),
            steps.ShipImage.kind: _typed(steps.ShipImage, self._ship_image),
            steps.LabelNode.kind: _typed(
                steps.LabelNode, lambda step: swarm.label_node(swarm.engine().node_id, step.label, "true")
            ),
            steps.CreateNetwork.kind: _typed(
                steps.CreateNetwork, lambda step: swarm.create_network(stack, step.network)
            ),
            steps.CreateVolume.kind: _typed(
                steps.CreateVolume, lambda step: swarm.create_volume(stack, step.name)
            ),
            steps.CreateSecret.kind: _typed(
                steps.CreateSecret,
                lambda step: swarm.create_secret(stack, step.name, self._desired.secrets[step.name]),
            ),
            steps.CreateConfig.kind: _typed(
                steps.CreateConfig,
                lambda step: swarm.create_config(stack, step.name, self._desired.configs[step.name]),
            ),
            steps.EnsureService.kind: _typed(steps.EnsureService, self._ensure_service),
            steps.WaitServices.kind: _typed(
                steps.WaitServices, lambda step: waiting.wait(swarm, self._clock, stack, step.specs)
            ),
            steps.PrepareSchema.kind: _typed(steps.PrepareSchema, self._prepare_schema),
            steps.FirstRunSettings.kind: _typed(steps.FirstRunSettings, self._first_run_settings),
            steps.CreateOwner.kind: _typed(steps.CreateOwner, self._create_owner),
            steps.Verify.kind: _typed(steps.Verify, self._verify),
            steps.Remove.kind: _typed(steps.Remove, lambda step: swarm.remove(stack, step.what, step.name)),
        }

    def _record(self, edit: Callable[[Applied], Applied]) -> None:
        self._state.save(edit(self._state.load()))

    def _create_swarm(self, step: steps.CreateSwarm) -> None:
        # Recorded first: a Swarm that a killed run of ours made must not count as somebody else's.
        self._record(lambda applied: replace(applied, created_swarm=True))
        try:
            self._swarm.create_swarm(step.advertise_address)
        except InstanceError:
            self._record(lambda applied: replace(applied, created_swarm=False))
            raise

    def _fetch_image(self, step: steps.FetchImage) -> None:
        resolved = self._swarm.resolve_image(step.reference, pull=True) or step.reference
        if self._state.load().cut_off:
            # A host that is brought its images knows them by name: an archive carries no digest.
            resolved = step.reference
        self._record(lambda applied: replace(applied, images={**applied.images, step.reference: resolved}))

    def _ship_image(self, step: steps.ShipImage) -> str:
        said = self._ship(step.node, step.reference) if self._ship else ""

        def shipped(applied: Applied) -> Applied:
            there = {*applied.shipped.get(step.node.id, ()), applied.images[step.reference]}
            return replace(applied, shipped={**applied.shipped, step.node.id: tuple(sorted(there))})

        self._record(shipped)
        return said

    def _ensure_service(self, step: steps.EnsureService) -> None:
        stack = self._desired.stack
        if self._swarm.service(stack, step.spec.name) is None:
            self._swarm.create_service(stack, step.spec)
        else:
            self._swarm.update_service(stack, step.spec)

    def _prepare_schema(self, step: steps.PrepareSchema) -> None:
        argv, extra = first_run.SCHEMA_COMMANDS[step.phase]
        # Recorded before the first boot writes it into every account's address.
        local, web = self._domains
        self._record(
            lambda applied: replace(
                applied, local_domain=applied.local_domain or local, web_domain=applied.web_domain or web
            )
        )
        code, output = self._swarm.run_once(
            self._desired.stack, self._job(f"schema-{step.phase}", argv, extra)
        )
        if code:
            raise first_run.schema_failure(step, code, output)
        if step.phase == "after":
            self._record(lambda applied: replace(applied, schema_after=step.image))
        elif step.phase == "before":
            self._record(lambda applied: replace(applied, schema_before=step.image))
        else:
            self._record(lambda applied: replace(applied, schema_before=step.image, schema_after=step.image))

    def _first_run_settings(self, step: steps.FirstRunSettings) -> None:
        script = first_run.settings_script(step)
        code, output = self._swarm.run_once(
            self._desired.stack, self._job("settings", ("sh", "-c", script), {})
        )
        if code:
            raise first_run.settings_failure(code, output)
        self._record(lambda applied: replace(applied, settings_done=True))

    def _create_owner(self, step: steps.CreateOwner) -> str:
        stack = self._desired.stack
        said = ""
        code, output = self._swarm.run_once(stack, self._job("owner", first_run.owner_command(step), {}))
        if code and first_run.TAKEN.search(output):
            # A run of ours that was killed took the password with it; anybody else's account is left alone.
            if self._owner_was_tried:
                code, output = self._swarm.run_once(
                    stack, self._job("owner-password", first_run.reset_command(step.username), {})
                )
            else:
                code, output = 0, ""
                said = (
                    f"exists already; `instancectl tootctl accounts modify {step.username} --reset-password`"
                )
        if code:
            raise first_run.owner_failure(step, code, output)
        self.outcome.owner = Owner(step.username, step.email, first_run.password_in(output))
        self._record(lambda applied: replace(applied, owner_done=True))
        return said

    def _verify(self, step: steps.Verify) -> str:
        deadline = self._clock.monotonic_seconds() + VERIFY_SECONDS
        while True:
            findings = self._probe()
            bad = [finding for finding in findings if finding.severity is Severity.FAIL]
            unseen = [finding for finding in findings if finding.severity is Severity.UNKNOWN]
            if not bad and not unseen:
                break
            if self._clock.monotonic_seconds() > deadline:
                raise _unverified(bad or unseen)
            self._clock.sleep(VERIFY_PAUSE_SECONDS)
        exposed = self._exposure()
        open_ports = [finding for finding in exposed if finding.severity is Severity.FAIL]
        if open_ports:
            raise _exposed(open_ports)
        self.outcome.verified = (*findings, *exposed)
        self._record(lambda applied: replace(applied, verified=step.of))
        told = [f"{finding.check} {finding.severity.value}: {finding.seen}" for finding in exposed]
        return "; ".join([f"{len(findings)} probes {verdict(findings).value}", *told])


def _unverified(findings: list[Finding]) -> Unhealthy:
    lines = "".join(f"\n  {finding.check}: {finding.seen}" for finding in findings)
    return Unhealthy(
        f"deployed, but after {VERIFY_SECONDS} s the instance does not answer as it should:{lines}",
        hint=findings[0].hint or "run `instancectl check` and `instancectl status`",
        subject=findings[0].check,
    )


def _exposed(findings: list[Finding]) -> Unhealthy:
    return Unhealthy(
        f"deployed, and the instance answers, but so does what should not: {findings[0].seen}",
        hint=findings[0].hint,
        subject=findings[0].check,
    )


def _typed(kind: type[S], handle: Callable[[S], str | None]) -> Handler:
    """The table's type for a handler of one kind of step."""

    def run(step: Step) -> str:
        if not isinstance(step, kind):
            raise OperationFailed(f"step `{step.kind}` came to the wrong handler")
        return handle(step) or ""

    return run
