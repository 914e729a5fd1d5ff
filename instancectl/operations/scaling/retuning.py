"""Gives Sidekiq services their new threads without a gap, before a deploy does the rest."""

from __future__ import annotations

from instancectl.core.result import Result, Status
from instancectl.core.scaling import retuned
from instancectl.core.service import ServiceSpec
from instancectl.core.unknown import Unknown
from instancectl.errors import Refused
from instancectl.operations.scaling import showing
from instancectl.operations.scaling.by_hand import Surroundings, observed_by, wait_for


def expect_nothing(planned: Result) -> None:
    """Go on only where a deploy would take no steps: somebody may be in the midst of editing the file.

    Raises:
        Refused: it would.
    """
    steps = planned.data["steps"]
    if steps:
        more = f", and {len(steps) - 1} more" if len(steps) > 1 else ""
        raise Refused(
            f"the deploy after it would do what is no matter of threads: {steps[0]['summary']}{more}",
            hint="instancectl plan",
            subject="scale tune",
        )


def retune(around: Surroundings) -> Result:
    """One service at a time, as long as there is room for one more process of it.

    What has no room is left to the deploy that follows, which stops the old process first.

    Raises:
        OperationFailed: a new process does not work; Swarm has taken the old ones back.
        Refused: the instance is not deployed.
    """
    lines: list[str] = []
    with around.lock("scale tune"):
        for spec in retuned.due(observed_by(around), around.policy(observed_by(around)).layout):
            if why := _no_room(around, spec.name):
                around.reporter.note(f"`{spec.name}` is left to the deploy, which stops it first: {why}")
                continue
            _roll(around, spec)
            lines.append(f"`{spec.name}` has its new threads; each process started before one left")
    return Result(Status.CHANGED if lines else Status.UNCHANGED, {}, tuple(lines))


def _no_room(around: Surroundings, name: str) -> str:
    observed = observed_by(around)
    policy = around.policy(observed)
    room = showing.room_of(policy, observed, around.sample(policy))
    return room.reason if isinstance(room, Unknown) else room.refusal(name)


def _roll(around: Surroundings, spec: ServiceSpec) -> None:
    """Killed in between, the next deploy finds the update policy to be another, and puts it right."""
    around.reporter.note(f"`{spec.name}` gets its new threads")
    overlapping = retuned.overlapping(spec)
    back = f"put `services.{spec.name}.threads` back in the instance file, then `instancectl deploy`"
    around.swarm.update_service(around.stack, overlapping)
    wait_for(around, overlapping, back)
    around.swarm.update_service(around.stack, spec)
    wait_for(around, spec, back)
    around.journal.write("tuned", service=spec.name, threads=dict(spec.environment)["SIDEKIQ_CONCURRENCY"])
