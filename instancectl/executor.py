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


def apply(  # noqa: PLR0913 - everything that is told of a step, named
    plan: Plan,
    handlers: Mapping[str, Handler],
    *,
    journal: Journal,
    reporter: Reporter,
    clock: Clock,
    again: str,
    already: int = 0,
) -> None:
    """Carry out every step in order.

    Args:
        plan: what to do.
        handlers: kind of step → what does it.
        journal: told before and after each step.
        reporter: tells the person.
        clock: for durations, seconds.
        again: the command that continues after a failure.
        already: steps that this run took before these.

    Raises:
        Partial: a step failed after others were applied.
        InstanceError: the first step failed; nothing changed.
    """
    total = already + len(plan.steps)
    for done, step in enumerate(plan.steps, already):
        summary = step.summary()
        journal.write("step-started", step=step.kind, summary=summary, number=done + 1, of=total)
        reporter.step_started(done + 1, total, summary)
        started = clock.monotonic_seconds()
        try:
            said = handlers[step.kind](step)
        except InstanceError as error:
            journal.write("step-failed", step=step.kind, summary=summary, error=error.message)
            reporter.step_failed(summary)
            if done == 0 or error.exit_code == Partial.exit_code:
                raise
            raise _partial(error, done, total, again) from error
        seconds = clock.monotonic_seconds() - started
        journal.write("step-done", step=step.kind, summary=summary, seconds=round(seconds, 2))
        reporter.step_done(summary, said, seconds)


def _partial(error: InstanceError, done: int, total: int, again: str) -> Partial:
    hint = f"{error.hint}\n" if error.hint else ""
    first, *details = error.message.split("\n")
    return Partial(
        "\n".join([f"{first} ({done} of {total} steps applied)", *details]),
        hint=f"{hint}run `{again}` again to continue",
        subject=error.subject,
    )
