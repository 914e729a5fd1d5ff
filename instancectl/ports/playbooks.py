"""Runs playbooks on hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """One run.

    Attributes:
        hosts: name → its variables, how to reach it among them; nothing secret, as they are written to disk.
        tags: only these roles; empty for all.
        check: change nothing, say what would be.
        diff: say how files differ.
        verbose: how much goes into the log.
    """

    hosts: Mapping[str, Mapping[str, Any]]
    tags: Sequence[str] = ()
    check: bool = False
    diff: bool = False
    verbose: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened.

    Attributes:
        kind: `task` (begins), `ok`, `changed`, `skipped`, `failed`, `unreachable`, `diff` or `text`.
        host: whose; empty for `task`.
        role: of the task.
        task: its name.
        result: what the module returned; for `diff` only its `diff`; for `text` the `text`.
    """

    kind: str
    host: str = ""
    role: str = ""
    task: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


class Playbooks(Protocol):
    """Playbooks that are shipped with instancectl."""

    @property
    def log(self) -> str:
        """Path of the full log of the last run; kept."""

    def run(self, run: PlaybookRun, tell: Callable[[Event], None]) -> bool:
        """Run `site.yml` and tell of every event as it happens; False when anything failed.

        Raises `OperationFailed` when Ansible itself could not start or broke off. When `tell` raises, or the
        person interrupts, the run is ended and the exception goes on.
        """
