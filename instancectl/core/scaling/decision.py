"""What the policy chose, and why: a target and one sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What whoever acts has to do."""

    REPLICAS = "replicas"
    """Run `target` processes of the Sidekiq service; fewer means drain first."""
    PROCESSES = "processes"
    """Run `target` Puma processes in `web`, in place."""
    RECYCLE = "recycle"
    """Replace the largest or oldest process of the service, the new one first."""
    MOVE = "move"
    """Run `target` replicas for a moment: one more starts on another host, then one of the crowded leaves."""
    REGISTRATIONS = "registrations"
    """Set Mastodon's registration mode to `mode`."""
    SHED = "shed"
    """Turn anonymous reading at the edge off (`target` 1) or on again (0)."""
    VALVE = "valve"
    """Answer half of the inbox with 503 and `Retry-After` (`target` 1), or none of it (0)."""
    RETRY = "retry"
    """Put the waiting retries of the queue back in line now."""
    TUNE = "tune"
    """Give `target` services the threads that `scale tune` proposes."""
    ASK = "ask"
    """Tell the admin: a decision that only a person takes."""
    HOLD = "hold"
    """Nothing: something was wanted and is not done, or nobody may act."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        kind: what to do.
        subject: a service, a queue, or `registrations`, `edge`, `instance`.
        target: how many; for switches 1 and 0.
        before: how many there were.
        rule: which rule fired, in one word, for scripts.
        reason: one sentence with the numbers; lower case, no final full stop.
        mode: the registration mode, for `registrations`.
        undo: the registration mode to go back to, for `registrations`.
        act: False when it is advice only.
        numbers: what the sentence was made of, plain JSON values.
    """

    kind: Kind
    subject: str
    target: int
    before: int
    rule: str
    reason: str
    mode: str = ""
    undo: str = ""
    act: bool = True
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether it asks for a change of the instance."""
        return self.kind not in {Kind.HOLD, Kind.ASK}

    @property
    def sentence(self) -> str:
        """The decision for a person, in one line."""
        if self.kind in {Kind.REPLICAS, Kind.PROCESSES}:
            return f"`{self.subject}` {self.before} → {self.target}: {self.reason}"
        return f"`{self.subject}`: {self.reason}"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind.value,
            "subject": self.subject,
            "target": self.target,
            "before": self.before,
            "rule": self.rule,
            "reason": self.reason,
            "mode": self.mode,
            "undo": self.undo,
            "act": self.act,
            "numbers": dict(self.numbers),
        }
