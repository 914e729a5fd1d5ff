"""What the policy remembers from one sample to the next; the caller keeps it and hands it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instancectl.core.scaling.window import Window

BOOT_SECONDS = 15.0
"""From an order to the first heartbeat until it is measured: 6.5 s alone on fast cores, more in a crowd."""


SOON_SECONDS = 900.0  # growing again within so long means that shrinking was a mistake
REGRET_SECONDS = 1200.0  # after which it is tried once more


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue: its size at the last sample, rates over time, and what one of its jobs costs here.

    Attributes:
        size: jobs waiting at the last sample.
        arriving: jobs per second that came.
        done: jobs per second that were done.
        seconds: thread seconds of a job, measured; 0: not yet.
        processor_seconds: the same for the processor.
        held_since: since when one remote host holds most of the threads; 0: none does.
    """

    size: int = 0
    arriving: Window = ()
    done: Window = ()
    seconds: float = 0.0
    processor_seconds: float = 0.0
    held_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A change whose effect is being watched: when, how many before and after, jobs per second then."""

    at: float
    before: int
    after: int
    rate: float


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service, `web` included. Times are seconds since the epoch; 0 means never.

    Attributes:
        usage: utilisation over time.
        needs: processes it would have had, over time.
        replicas: processes at the last sample.
        ordered: when each process that is still starting was ordered, oldest first.
        out_at, in_at, gave_at: last time it grew, shrank, and shrank for another's sake.
        frozen_until, frozen_why: no growth until then, because of that.
        step: the growth that is being watched.
    """

    usage: Window = ()
    needs: Window = ()
    replicas: int = 0
    ordered: tuple[float, ...] = ()
    out_at: float = 0.0
    in_at: float = 0.0
    gave_at: float = 0.0
    frozen_until: float = 0.0
    frozen_why: str = ""
    step: Step | None = None

    @property
    def changed_at(self) -> float:
        """When it last changed."""
        return max(self.out_at, self.in_at)

    @property
    def regretted(self) -> bool:
        """Whether it grew again soon after it last shrank."""
        return 0 < self.in_at < self.out_at < self.in_at + SOON_SECONDS


@dataclass(frozen=True, slots=True)
class MailState:
    """Outgoing mail: what happened to it, whether the provider is taken for broken, and sign-ups."""

    failed: Window = ()
    delivered: Window = ()
    broken_since: float = 0.0
    mended_at: float = 0.0
    streak: int = 0
    signups: Window = ()
    metered: str = ""


@dataclass(frozen=True, slots=True)
class LadderState:
    """The degrade ladder: the rung, when it was entered, and since when there is pressure or calm.

    Attributes:
        left_at: when the rung above was left; 0 when none was.
    """

    level: int = 0
    entered_at: float = 0.0
    pressed_since: float = 0.0
    calm_since: float = 0.0
    left_at: float = 0.0


@dataclass(frozen=True, slots=True)
class MoveState:
    """Replicas that move to another host. Times are seconds since the epoch; 0 means never.

    Attributes:
        service: that has one replica more until its new one works; empty while none moves.
        replicas: it had before.
        last: service that moved last.
        crowding: how uneven it was before that.
        began_at, ended_at: of this move, and of the last one.
        hosts, hosts_at: names of the hosts, and since when they are the same.
        stuck: services of which a move brought nothing; until the hosts change they stay.
    """

    service: str = ""
    replicas: int = 0
    last: str = ""
    crowding: int = 0
    began_at: float = 0.0
    ended_at: float = 0.0
    hosts: tuple[str, ...] = ()
    hosts_at: float = 0.0
    stuck: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Everything.

    Attributes:
        at: of the last sample; 0 before the first.
        used: share of the processor over time, all hosts.
        processed: jobs ever done at the last sample; -1: not known.
        boot_seconds: from an order to a process that works, as measured.
        original: the registration mode to restore; empty while the admin's own stands.
        set_by_us, set_at: the mode that the policy chose, and when.
        acted: whether decisions were acted upon, or only said.
        recycled_at: when a process was last replaced.
        move: replicas that move to another host.
        pace: how fast this host works, against the host of the table in `work.py`.
        said: holds that were already told, so that each is told once.
        crowded_since: since when the hosts are too small.
        asked_at: when the admin was last asked for a host.
    """

    at: float = 0.0
    queues: Mapping[str, QueueState] = field(default_factory=dict)
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    mail: MailState = field(default_factory=MailState)
    ladder: LadderState = field(default_factory=LadderState)
    used: Window = ()
    processed: int = -1
    pace: float = 1.0
    boot_seconds: float = BOOT_SECONDS
    original: str = ""
    set_by_us: str = ""
    set_at: float = 0.0
    acted: bool = False
    said: frozenset[tuple[str, str]] = frozenset()
    crowded_since: float = 0.0
    asked_at: float = 0.0
    recycled_at: float = 0.0
    move: MoveState = field(default_factory=MoveState)

    def service(self, name: str) -> ServiceState:
        """The memory of a service."""
        return self.services.get(name) or ServiceState()

    def queue(self, name: str) -> QueueState:
        """The memory of a queue."""
        return self.queues.get(name) or QueueState()
