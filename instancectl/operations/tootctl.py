"""Mastodon's own commands, in a container of their own beside the serving ones."""

from __future__ import annotations

from instancectl.core.desired import OneShot
from instancectl.errors import Refused
from instancectl.ports.journal import Journal
from instancectl.ports.swarm import InteractiveJobs, Swarm


def run(stack: str, job: OneShot, swarm: Swarm, jobs: InteractiveJobs, journal: Journal) -> int:
    """Run a job with the person's terminal; returns its exit code.

    Raises:
        Refused: the instance is not deployed here.
    """
    if "db" not in swarm.observe(stack).services:
        raise Refused(
            f"cannot run `{job.argv[0].rpartition('/')[2]}`: the instance is not deployed on this host",
            hint="run `instancectl deploy` first",
            subject=stack,
        )
    # Arguments may hold addresses or tokens: the journal gets the command's words only.
    words = [word for word in job.argv[1:4] if word.replace("_", "").replace("-", "").isalpha()]
    journal.write("one-shot-started", job=job.name, words=" ".join(words[:2]))
    code = jobs.attach(stack, job)
    journal.write("one-shot-done", job=job.name, exit_code=code)
    return code
