"""Playbooks that tell a prepared story instead of running.

story = [Event("task", role="docker", task="Install"), Event("changed", "first", "docker", "Install")]
playbooks = FakePlaybooks(story)
provision(…, around with these playbooks)
playbooks.runs[0].hosts["first"]["host_admin_user"]     # what the playbook was given
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from instancectl.errors import InstanceError
from instancectl.ports.playbooks import Event, PlaybookRun


class FakePlaybooks:
    """See `ports.playbooks.Playbooks`. `error` is raised after the story."""

    def __init__(self, story: Sequence[Event] = (), *, error: InstanceError | None = None) -> None:
        self.story = list(story)
        self.error = error
        self.runs: list[PlaybookRun] = []

    @property
    def log(self) -> str:
        return "/var/log/provision.log"

    def run(self, run: PlaybookRun, tell: Callable[[Event], None]) -> bool:
        self.runs.append(run)
        for event in self.story:
            tell(event)
        if self.error:
            raise self.error
        return not any(event.kind in {"failed", "unreachable"} for event in self.story)
