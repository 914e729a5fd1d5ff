"""Runs a plan: one handler per kind of step, a journal line before and after each.

It decides nothing. Killed anywhere, the next run plans what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from instancectl.core.plan import Plan
from instancectl.core.steps import Step
from instancectl.errors import InstanceError, Partial
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.reporter import Reporter

Handler = Callable[[Step], str]
"""Carries out one step; returns what to say about it beyond its summary, or an empty string."""


def apply(
    plan: Plan,
    handlers: Mapping[str, Handler],
    *,
    journal: Journal,
    reporter: Reporter,
    clock: Clock,
    again: str,
) -> int:
    """Carry out every step in order; returns how many were.

    Args:
        plan: what to do.
        handlers: kind of step → what does it.
        journal: told before and after each step.
        reporter: tells the person.
        clock: for durations, seconds.
        again: the command that continues after a failure.

    Raises:
        Partial: a step failed after others were applied.
        InstanceError: the first step failed; nothing changed.
    """
    for number, step in enumerate(plan.steps):
        summary = step.summary()
        journal.write("step-started", step=step.kind, summary=summary, number=number + 1, of=len(plan.steps))
        reporter.step_started(number + 1, len(plan.steps), summary)
        started = clock.monotonic_seconds()
        try:
            said = handlers[step.kind](step)
        except InstanceError as error:
            journal.write("step-failed", step=step.kind, summary=summary, error=error.message)
            reporter.step_failed(summary)
            if number == 0 or error.exit_code == Partial.exit_code:
                raise
            raise _partial(error, number, len(plan.steps), again) from error
        seconds = clock.monotonic_seconds() - started
        journal.write("step-done", step=step.kind, summary=summary, seconds=round(seconds, 2))
        reporter.step_done(summary, said, seconds)
    return len(plan.steps)


def _partial(error: InstanceError, done: int, total: int, again: str) -> Partial:
    hint = f"{error.hint}\n" if error.hint else ""
    first, *details = error.message.split("\n")
    return Partial(
        "\n".join([f"{first} ({done} of {total} steps applied)", *details]),
        hint=f"{hint}run `{again}` again to continue",
        subject=error.subject,
    )
