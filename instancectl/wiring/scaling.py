"""What `scale` needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import (
    OpenInstance,
    clock,
    config_if_any,
    journal,
    lock,
    open_instance,
    reporter,
    secrets,
    state,
    swarm,
)

if TYPE_CHECKING:
    from instancectl.adapters.sqlite.scaling_record import SqliteScalingRecord
    from instancectl.adapters.stack_sight import ResidentStack
    from instancectl.core.config import InstanceConfig
    from instancectl.core.desired import OneShot
    from instancectl.core.observed import Node, Observed
    from instancectl.core.result import Result
    from instancectl.core.scaling.settings import Policy
    from instancectl.operations.monitoring import Senses
    from instancectl.operations.scaling.by_hand import ByHand, Surroundings
    from instancectl.operations.scaling.loop import Loop
    from instancectl.operations.scaling.resident import Resident
    from instancectl.operations.scaling.sampling import Eyes
    from instancectl.operations.scaling.surge import Surge


def config_or_defaults(options: Globals) -> InstanceConfig:
    """The instance file, or what an instance without any wish of its own would have."""
    from instancectl.core.config import Instance, InstanceConfig

    return config_if_any(options) or InstanceConfig(instance=Instance(domain="social.example"))


def trace_text(trace: str, options: Globals) -> str | None:
    """The content of a trace file, or of what was recorded on a day; None for the name of a shipped one.

    Raises:
        ConfigError: it cannot be read.
        Refused: nothing was recorded on that day.
    """
    from datetime import datetime

    from instancectl.adapters import plain_file
    from instancectl.core.scaling import moments, recorded
    from instancectl.core.scaling.simulator.trace import written

    named = "/" in trace or "." in trace or plain_file.exists(trace)
    if named:
        return plain_file.read(trace, "the trace")
    day = moments.day(trace, datetime.fromtimestamp(clock().epoch_seconds()).astimezone())
    if day is None:
        return None
    rows = scaling_record(open_instance(options)).rows(*(moment.timestamp() for moment in day))
    return written(recorded.trace(rows, trace))


def picture(path: str) -> Callable[[str], None] | None:
    """Writes an SVG to `path`; None when there is none.

    Raises:
        Refused: the name says it would be something else.
    """
    from instancectl.adapters import plain_file
    from instancectl.errors import Refused

    if not path:
        return None
    if not path.endswith(".svg"):
        raise Refused(
            f"cannot draw into `{path}`: pictures are SVG",
            hint="name a file that ends in `.svg`; every browser shows and prints it",
            subject=path,
        )
    return lambda text: plain_file.write(path, text, "the picture")


# ---------------------------------------------------------------------------
# Live


def _eyes(opened: OpenInstance, senses: Senses) -> tuple[Eyes, ResidentStack]:
    from instancectl.adapters.container_work import ContainerWork
    from instancectl.adapters.stack_sight import ResidentStack
    from instancectl.operations.scaling.sampling import Eyes

    stack = ResidentStack(opened.config.stack)
    eyes = Eyes(
        stack=stack,
        redis=senses.redis,
        database=senses.database,
        workers=ContainerWork(stack.process),
        inside=senses.inside,
        host=senses.host,
        clock=senses.clock,
    )
    return eyes, stack


def _policy(opened: OpenInstance, senses: Senses, nodes: tuple[Node, ...] = ()) -> Policy:
    from instancectl.core.host.placement import rooms
    from instancectl.core.scaling.settings import policy_for
    from instancectl.core.sizes import Machine

    machine = Machine(senses.host.memory().total_bytes, senses.host.cores())
    return policy_for(opened.config, machine, rooms(opened.config.stack, nodes))


def _loop(opened: OpenInstance, senses: Senses, tell: Callable[[str], None], mode: str = "") -> Loop:
    from dataclasses import replace

    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.own_command import ChildCommand
    from instancectl.adapters.stack_hand import ResidentHand
    from instancectl.operations.scaling.acting import Actor, Hands
    from instancectl.operations.scaling.loop import Around, Loop
    from instancectl.operations.scaling.sampling import Sampler

    eyes, stack = _eyes(opened, senses)
    policy = _policy(opened, senses)
    policy = replace(policy, mode=mode or policy.mode)
    sampler, child = Sampler(eyes, policy.layout), ChildCommand(str(opened.paths.directory))
    hands = Hands(
        stack=ResidentHand(opened.config.stack, stack.engine),
        workers=eyes.workers,
        redis=eyes.redis,
        state=state(opened),
        journal=journal(opened, "scaling"),
        command=child,
    )
    around = Around(
        sampler=sampler,
        actor=Actor(hands, policy.layout, sampler),
        record=scaling_record(opened),
        state=hands.state,
        alone=FileLock(opened.paths.state_directory / "scaling.lock"),
        changing=lock(opened),
        clock=eyes.clock,
        tell=tell,
        plan=lambda nodes: _policy(opened, senses, nodes),
        end_surge=lambda: child.run("surge", "off"),
        end_holds=lambda: child.run("scale", "release", "--over"),
    )
    return Loop(policy, around)


def scaling_record(opened: OpenInstance) -> SqliteScalingRecord:
    """What the autoscaler saw and decided."""
    from instancectl.adapters.sqlite.scaling_record import SqliteScalingRecord

    return SqliteScalingRecord(opened.paths.state_directory / "scaling.sqlite3")


def scaling_beside(opened: OpenInstance, senses: Senses, tell: Callable[[str], None]) -> Resident:
    """The autoscaler inside an agent."""
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.operations.scaling.resident import Beside, Resident

    return Resident(lambda: _loop(opened, senses, tell), Beside(in_background, clock(), tell))


def scaling_watch(options: Globals, mode: str) -> tuple[Loop, Callable[[float], bool]]:
    """The autoscaler in the foreground, and what waits for the next second or for Ctrl-C."""
    from instancectl.adapters.service_manager import ServiceManager
    from instancectl.wiring.monitoring import monitoring_of

    opened = open_instance(options)
    loop = _loop(opened, monitoring_of(opened), reporter(options).note, mode)
    supervisor = ServiceManager()
    supervisor.ready()
    return loop, supervisor.wait


def scaling_by_hand(options: Globals, command: str) -> ByHand:
    """Numbers by hand."""
    from instancectl.operations.scaling.by_hand import ByHand

    return ByHand(scaling_surroundings(options, command))


def scaling_surroundings(options: Globals, command: str) -> Surroundings:
    """What changing numbers by hand touches."""
    from instancectl.core.host.placement import rooms
    from instancectl.core.scaling.observing import Mails
    from instancectl.core.scaling.settings import policy_for
    from instancectl.core.sizes import Machine
    from instancectl.operations.scaling.by_hand import Surroundings
    from instancectl.operations.scaling.sampling import Sampler
    from instancectl.wiring.deploying import layout
    from instancectl.wiring.monitoring import monitoring_of

    opened = open_instance(options)
    config, senses = opened.config, monitoring_of(opened)
    eyes, _ = _eyes(opened, senses)

    def policy(observed: Observed) -> Policy:
        machine = Machine(observed.engine.memory_bytes, observed.engine.cores)
        others = rooms(config.stack, observed.nodes)
        return policy_for(config, machine, others, layout=layout(config, observed))

    return Surroundings(
        stack=config.stack,
        policy=policy,
        sample=lambda of: Sampler(eyes, of.layout).sample(Mails({}))[0],
        swarm=swarm(),
        state=state(opened),
        journal=journal(opened, command),
        lock=lock(opened).hold,
        reporter=reporter(options),
        clock=clock(),
    )


def surge(options: Globals, command: str) -> Surge:
    """A surge that a person declares or ends."""
    from instancectl.core import topology
    from instancectl.core.monitoring import postgres
    from instancectl.core.scaling import chosen, observing
    from instancectl.operations.scaling.surge import PATIENT, Surge, Surroundings
    from instancectl.wiring.deploying import layout, render
    from instancectl.wiring.monitoring import monitoring_of

    opened = open_instance(options)
    config, engine, record = opened.config, swarm(), state(opened)
    found = secrets(opened)
    database = monitoring_of(opened).database
    sizes = layout(config, engine.observe(config.stack), drained=True)

    def job(name: str, argv: tuple[str, ...]) -> OneShot:
        rendered = render(opened, found, sizes, None)
        return topology.one_shot(config, rendered, record.load().images, name, argv)

    return Surge(
        Surroundings(
            stack=config.stack,
            patient=chosen.configured(sizes, PATIENT) if PATIENT in chosen.names(sizes) else 0,
            swarm=engine,
            state=record,
            journal=journal(opened, command),
            clock=clock(),
            mode=lambda: observing.registrations(database.ask(postgres.SIGNUPS))[1],
            job=job,
            lock=lock(opened).hold,
            agent=lambda: _held(opened, "agent.lock"),
        )
    )


def _held(opened: OpenInstance, name: str) -> bool:
    from instancectl.adapters.file_lock import FileLock
    from instancectl.errors import Busy

    try:
        with FileLock(opened.paths.state_directory / name).hold("look"):
            return False
    except Busy:
        return True


def tuning(options: Globals, *, apply: bool, seconds: float, only: bool) -> Result:
    """Threads from what was measured in the last `seconds`; with `apply` written into the instance file."""
    from instancectl.adapters.config_file import ConfigFile
    from instancectl.core.host.placement import rooms
    from instancectl.operations.scaling.tuning import tune
    from instancectl.wiring.writing import local_machine

    opened = open_instance(options)
    change = ConfigFile(opened.paths.config_file).change if apply else None
    others = rooms(opened.config.stack, swarm().observe(opened.config.stack).nodes)
    now = clock().epoch_seconds()
    rows = scaling_record(opened).rows(now - seconds, now)
    return tune(opened.config, local_machine(), rows, change, others, only=only)


def exporting(
    options: Globals, directory: str
) -> tuple[Policy, Callable[[Mapping[str, object], str], str], Callable[[str, str], str]]:
    """The policy of an instance, or of one without any wish, on this machine; and what writes files."""
    from pathlib import Path

    from instancectl.adapters import plain_file, yaml_writer
    from instancectl.core.scaling.settings import policy_for
    from instancectl.wiring.writing import local_machine

    def write(name: str, text: str) -> str:
        path = str(Path(directory) / name)
        plain_file.write(path, text, "the export")
        return path

    return policy_for(config_or_defaults(options), local_machine()), yaml_writer.dump, write
