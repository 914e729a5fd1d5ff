"""The story of a deploy: gate, plan, apply, tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from instancectl import executor
from instancectl.core import stack_file, topology
from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.checks.registry import RISKS
from instancectl.core.config import InstanceConfig
from instancectl.core.desired import Desired, OneShot
from instancectl.core.host.images import wanted
from instancectl.core.host.placement import holds_data, roles_of
from instancectl.core.layout import Layout
from instancectl.core.observed import Node, Observed
from instancectl.core.partial import some
from instancectl.core.plan import FirstRun, Plan, plan, signature
from instancectl.core.result import Result, Status
from instancectl.core.scaling import chosen
from instancectl.core.steps import (
    CreateConfig,
    CreateOwner,
    CreateSecret,
    EnsureService,
    FirstRunSettings,
    Remove,
    ShipImage,
    Step,
    Verify,
    WaitServices,
    World,
)
from instancectl.core.topology import Rendered
from instancectl.errors import InstanceError, Refused
from instancectl.operations.deploy import first_run
from instancectl.operations.deploy.first_run import Owner
from instancectl.operations.deploy.handlers import Handlers
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.reporter import Reporter
from instancectl.ports.state import State
from instancectl.ports.swarm import Swarm

DRIFT_EXIT_CODE = 9
PREPARATORY = frozenset({"create-swarm", "fetch-image"})
"""Steps whose outcome (a Swarm, digests) the others depend on: they run first, then it is planned anew."""

GIVEN_UP = {"reading": "anonymous reading", "inbox": "half of the inbox"}
"""What the edge can turn away while a surge lasts."""

Look = Callable[[], tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside that a deploy touches.

    Attributes:
        gate: preflight findings, looked at before anything is touched; told what is deployed already.
        probe: the instance as seen from outside.
        exposure: whether only intended ports answer, looked at when all else is well; empty where
            nobody provisioned the host.
        layout: sizes for an Engine with these cores and this memory.
        render: files, with the message of the maintenance page while that is on.
        write_stack: the stack file as text.
        silenced: silences the alerts that steps cause, for as long as they are taken.
        maintained: told when the maintenance page is on or off.
        own_address: of this host in the private network between hosts; empty when it has none.
        ship: brings an image to another host; what to say about it. None where there is no other.
    """

    swarm: Swarm
    state: State
    journal: Journal
    lock: Lock
    reporter: Reporter
    clock: Clock
    gate: Callable[[Observed, Applied], tuple[Finding, ...]]
    probe: Look
    exposure: Look
    layout: Callable[[Observed], Layout]
    render: Callable[[Layout, str | None], Rendered]
    write_stack: Callable[[Mapping[str, object], str], str]
    silenced: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
    maintained: Callable[[bool], None] = lambda _: None
    own_address: str = ""
    ship: Callable[[Node, str], str] | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    desired: Desired
    rendered: Rendered
    plan: Plan
    watched_from: str


class Deployment:
    """Plans and applies one instance."""

    def __init__(self, config: InstanceConfig, around: Surroundings) -> None:
        """Nothing is read before a method is called."""
        self._config = config
        self._around = around

    def show_plan(self, *, exit_code: bool = False) -> Result:
        """What `deploy` would do; with `exit_code` a plan that is not empty exits 9."""
        prepared = self._prepare()
        if not prepared.plan:
            return Result(Status.UNCHANGED, {"steps": []}, (self._nothing(),))
        lines = [f"{self._config.instance.domain}: {len(prepared.plan.steps)} steps", ""]
        lines += [f"  {n:>2}. {step['summary']}" for n, step in enumerate(prepared.plan.as_json(), 1)]
        return Result(
            Status.PLANNED,
            {"steps": prepared.plan.as_json()},
            (*lines, "", "nothing was changed; `instancectl deploy` takes these steps"),
            exit_code=DRIFT_EXIT_CODE if exit_code else 0,
        )

    def deploy(self, why: str = "deploy") -> Result:
        """Take the steps.

        Raises:
            Refused: a precondition is missing; nothing changed.
            Partial: some steps were applied.
        """
        with self._around.lock.hold(why):
            return self._deploy(why)

    def start(self, why: str, wanted: Callable[[str], bool]) -> None:
        """Bring up the services that `wanted` says yes to, with what they need; all else stays as it is.

        Raises:
            Refused: a precondition is missing; nothing changed.
        """
        around = self._around
        with around.lock.hold(why):
            before = self._prepare()
            if not some(before.plan, wanted):
                return
            self._refuse_bad(around.gate(before.plan.world.observed, before.plan.world.applied))
            early = tuple(step for step in before.plan.steps if step.kind in PREPARATORY)
            self._apply(before, Plan(early, before.plan.world))
            prepared = self._prepare()
            self._apply(prepared, some(prepared.plan, wanted), already=len(early))

    def once(self, name: str, argv: Iterable[str], timeout_seconds: int) -> tuple[int, str]:
        """Run one of Mastodon's own commands in a container of its own; exit code and its last output."""
        around = self._around
        with around.lock.hold(name):
            job = replace(self._job(self._prepare(), name, argv, {}), timeout_seconds=timeout_seconds)
            return around.swarm.run_once(self._config.stack, job)

    def maintenance(self, message: str | None) -> Result:
        """Show the maintenance page with `message`, or with None the instance again.

        Only the `cache` tier is replaced, start-first. Nothing else of the plan is applied.
        """
        word = "off" if message is None else "on"

        def begun() -> None:
            self._around.journal.write("maintenance", state=word)
            self._around.maintained(message is not None)

        changed = self._at_the_edge(
            f"maintenance {word}", lambda applied: replace(applied, maintenance=message), begun
        )
        if not changed:
            return Result(Status.UNCHANGED, {"maintenance": word}, (f"maintenance is {word} already",))
        said = (
            "answers again"
            if message is None
            else "shows the maintenance page; `instancectl maintenance off` ends it"
        )
        return Result(Status.CHANGED, {"maintenance": word}, (f"{self._config.instance.domain} {said}",))

    def give_up(self, what: str, *, on: bool) -> Result:
        """Turn `reading` (by anonymous visitors) or half of the `inbox` away at the edge, or let them in."""

        def change(applied: Applied) -> Applied:
            given = {*applied.given_up, what} if on else {*applied.given_up} - {what}
            return replace(applied, given_up=tuple(sorted(given)))

        word = "on" if on else "off"
        changed = self._at_the_edge(
            f"surge {what} {word}", change, lambda: self._around.journal.write("given-up", what=what, on=on)
        )
        status = Status.CHANGED if changed else Status.UNCHANGED
        said = f"{GIVEN_UP[what]}: {'turned away' if on else 'let in'}" + ("" if changed else " already")
        return Result(status, {"what": what, "on": on}, (said,))

    def _at_the_edge(self, why: str, change: Callable[[Applied], Applied], begun: Callable[[], None]) -> bool:
        """Record a change and replace the `cache` tier with it; whether anything was to be done."""
        around, domain = self._around, self._config.instance.domain
        with around.lock.hold(why):
            before = self._prepare()
            if "cache" not in before.plan.world.observed.services:
                raise Refused(
                    f"cannot turn {why}: `{domain}` is not deployed on this host",
                    hint="run `instancectl deploy` first",
                    subject=domain,
                )
            around.state.save(change(around.state.load()))
            prepared = self._prepare()
            steps = _only(prepared, "cache")
            if not steps:
                return False
            begun()
            self._apply(prepared, steps)
            if Verify(signature(before.desired)).satisfied_by(before.plan.world):
                # Nothing but the edge differs from what was seen to work.
                around.state.save(replace(around.state.load(), verified=signature(prepared.desired)))
        return True

    def _deploy(self, why: str) -> Result:
        around = self._around
        prepared = self._prepare()
        if not prepared.plan:
            self._remember_watcher(prepared)
            return Result(Status.UNCHANGED, {"steps": []}, (self._nothing(), *self._owner_told(None)))
        self._refuse_bad(around.gate(prepared.plan.world.observed, prepared.plan.world.applied))
        around.journal.write("deploy-started", why=why, steps=prepared.plan.as_json())
        early = tuple(step for step in prepared.plan.steps if step.kind in PREPARATORY)
        self._apply(prepared, Plan(early, prepared.plan.world))
        if early:
            prepared = self._prepare()
        self._write_files(prepared.desired)
        owner = self._apply(prepared, prepared.plan, already=len(early))
        self._remember_watcher(prepared)
        applied = len(early) + len(prepared.plan.steps)
        around.journal.write("deploy-done", steps=applied)
        return self._told(prepared, applied, owner)

    def _apply(self, prepared: _Prepared, steps: Plan, *, already: int = 0) -> Owner | None:
        """Take steps; returns the owner's account if one was made."""
        around = self._around
        handlers = Handlers(
            desired=prepared.desired,
            swarm=around.swarm,
            state=around.state,
            clock=around.clock,
            job=lambda name, argv, extra: self._job(prepared, name, argv, extra),
            probe=around.probe,
            exposure=around.exposure,
            owner_was_tried=first_run.owner_was_tried(around.journal.entries()),
            domains=(self._config.instance.domain, self._config.instance.web_domain),
            ship=around.ship,
        )
        try:
            with around.silenced("deploy") if steps else nullcontext():
                executor.apply(
                    steps,
                    handlers.table(),
                    journal=around.journal,
                    reporter=around.reporter,
                    clock=around.clock,
                    again="instancectl deploy",
                    already=already,
                )
        except (Exception, KeyboardInterrupt) as error:
            self._tell_owner_meanwhile(error, handlers.outcome.owner)
            raise
        return handlers.outcome.owner

    def _tell_owner_meanwhile(self, error: BaseException, owner: Owner | None) -> None:
        """A later step ended the run: the password must not be lost with it."""
        lines = first_run.owner_lines(owner)
        if not lines:
            return
        if isinstance(error, InstanceError):
            error.hint = "\n".join([error.hint, *lines])
        else:
            self._around.reporter.note("\n".join(lines))
        self._around.journal.write(first_run.OWNER_TOLD)

    def _job(self, prepared: _Prepared, name: str, argv: Iterable[str], extra: Mapping[str, str]) -> OneShot:
        return topology.one_shot(self._config, prepared.rendered, prepared.desired.images, name, argv, extra)

    def _prepare(self) -> _Prepared:
        around, config = self._around, self._config
        applied = around.state.load()
        observed = around.swarm.observe(config.stack)
        layout = chosen.counted(
            around.layout(observed), chosen.numbers(applied, around.clock.epoch_seconds())
        )
        rendered = around.render(layout, applied.maintenance)
        references = topology.image_references(config, layout)
        images = {reference: applied.images.get(reference, reference) for reference in references}
        desired = topology.desired(config, layout, rendered, images)
        web_image = images[config.web_image]
        steps = plan(
            desired, self._first_run(), web_image, World(observed, applied), self._deliveries(observed)
        )
        apart = layout.monitoring.apart if layout.monitoring else None
        return _Prepared(desired, rendered, steps, apart.address if apart else "")

    def _remember_watcher(self, prepared: _Prepared) -> None:
        """Whoever asks Alertmanager must know where it is, also while the Engine does not answer."""
        record = self._around.state.load()
        if record.watched_from != prepared.watched_from:
            self._around.state.save(replace(record, watched_from=prepared.watched_from))

    def _deliveries(self, observed: Observed) -> tuple[ShipImage, ...]:
        """Images that other hosts need, as far as those hosts answer."""
        stack = self._config.stack
        return tuple(
            ShipImage(reference, node)
            for node in observed.nodes
            if node.state == "ready" and not holds_data(stack, node)
            for reference in wanted(self._config, roles_of(stack, node))
        )

    def _first_run(self) -> FirstRun:
        config = self._config
        return FirstRun(
            FirstRunSettings(
                config.registrations.mode,
                config.registrations.require_reason,
                config.retention.media_days,
                config.retention.content_days,
            ),
            CreateOwner(config.owner.username, config.owner.email),
            config.swarm.advertise_address or self._around.own_address or "127.0.0.1",
        )

    def _refuse_bad(self, findings: tuple[Finding, ...]) -> None:
        bad = [finding for finding in findings if finding.severity is Severity.FAIL]
        if not bad:
            return
        lines = "".join(f"\n  {finding.check}: {finding.seen}; needed: {finding.needed}" for finding in bad)
        hints = [finding.hint for finding in bad if finding.hint]
        if all(finding.check in RISKS for finding in bad):
            accepted = " ".join(f"--accept-risk={finding.check}" for finding in bad)
            hints.append(f"or, if you know better, `instancectl deploy {accepted}`")
        raise Refused(
            f"cannot deploy `{self._config.instance.domain}`, nothing was changed:{lines}",
            hint="\n      ".join(dict.fromkeys(hints)),
            subject=bad[0].check,
        )

    def _write_files(self, desired: Desired) -> None:
        text = self._around.write_stack(
            stack_file.compose(desired), stack_file.HEADER.format(stack=desired.stack)
        )
        self._around.state.write_rendered({"stack.yml": text, **stack_file.files(desired)})

    def _nothing(self) -> str:
        return f"{self._config.instance.domain} matches its configuration; nothing to do"

    def _told(self, prepared: _Prepared, steps: int, owner: Owner | None) -> Result:
        site = f"https://{self._config.site}{_port(self._config.proxy.https_port)}"
        data: dict[str, object] = {"steps": prepared.plan.as_json(), "applied": steps, "url": site}
        lines = [f"{self._config.instance.domain} is deployed: {site}"]
        if prepared.plan.world.applied.maintenance is not None:
            lines.append("it shows its maintenance page; `instancectl maintenance off` ends it")
        if owner:
            data["owner"] = {"username": owner.username, "email": owner.email, "password": owner.password}
        lines += self._owner_told(owner)
        return Result(Status.CHANGED, data, tuple(lines))

    def _owner_told(self, owner: Owner | None) -> list[str]:
        """What to say about the owner's password, once."""
        journal, username = self._around.journal, self._config.owner.username
        if first_run.owner_was_told(journal.entries()):
            return []
        journal.write(first_run.OWNER_TOLD)
        if owner:
            return first_run.owner_lines(owner)
        command = f"instancectl tootctl accounts modify {username} --reset-password"
        return [f"the password of @{username} was lost with an interrupted run; make a new one: `{command}`"]


def _only(prepared: _Prepared, service: str) -> Plan:
    """The steps that concern one service."""
    spec = prepared.desired.service(service)
    files = {item.name for item in (*spec.configs, *spec.secrets)}

    def concerns(step: Step) -> bool:
        if isinstance(step, CreateConfig | CreateSecret):
            return step.name in files
        if isinstance(step, Remove):
            return step.what == "config" and step.name.startswith(f"{prepared.desired.stack}_{service}-")
        if isinstance(step, EnsureService):
            return step.spec == spec
        return isinstance(step, WaitServices) and step.specs == (spec,)

    return Plan(tuple(step for step in prepared.plan.steps if concerns(step)), prepared.plan.world)


def _port(port: int) -> str:
    return "" if port == 443 else f":{port}"
