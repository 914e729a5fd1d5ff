"""Has a copy of a cluster follow the original, in a container of its own, until it can take over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instancectl.core.backup import following, handing, naming, recovery, restoring, wal
from instancectl.core.backup.database import why
from instancectl.core.backup.following import Followed
from instancectl.core.backup.reaching import Reach
from instancectl.core.backup.wal import Sent
from instancectl.errors import OperationFailed, Unhealthy, Unreachable
from instancectl.operations.backup.rolling import Rolling

VOLUME = "db"
ANSWER_SECONDS = 24 * 3_600
"""The WAL that was written while the base was made is read before anybody gets an answer."""

END_SECONDS = 300
"""A clean end writes what is only in memory."""

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Following:
    """One standby.

    Attributes:
        rolling: its parts, with containers and a volume of its own.
        start: what it begins with.
    """

    rolling: Rolling
    start: Reach

    def begin(self) -> None:
        """Have it anew, from the base.

        Raises:
            Unhealthy: the base is damaged, or PostgreSQL does not start from it.
        """
        rolling = self.rolling
        rolling.opener.refuse_foreign(self.start.start)
        rolling.scratch.sweep()
        rolling.scratch.begin((VOLUME,))
        with rolling.volumes.create(VOLUME, recovery.BASE_FILE) as sink:
            rolling.opener.part(self.start.start, restoring.BASE, sink.write)
        self._run()
        for one in self.start.chain.sent:
            self._feed(one)
        self.look()

    def go_on(self) -> None:
        """What an earlier run left is started anew: it may be gone, or wait for that."""
        self.rolling.scratch.begin((VOLUME,))
        self.rolling.scratch.end("db", END_SECONDS)
        self._run()

    def wake(self) -> None:
        """Have it run, if it does not."""
        if self.rolling.scratch.exit_code("db") is not None:
            self.go_on()

    def _run(self) -> None:
        rolling = self.rolling
        rolling.scratch.start(replace(rolling.container(self.start), command=following.FOLLOW))

    def look(self) -> Followed:
        """Where it is.

        Raises:
            Unhealthy: it ended.
        """
        clock = self.rolling.tools.clock
        deadline = clock.monotonic_seconds() + ANSWER_SECONDS
        while True:
            code, output = self._ask(following.LOOK)
            if code == 0:
                found = following.followed(output)
                if not found.paused:
                    return found
                self.go_on()
            ended = self.rolling.scratch.exit_code("db")
            if ended is not None or clock.monotonic_seconds() > deadline:
                words = self.rolling.scratch.last_words("db") or f"exit code {ended}"
                raise Unhealthy(
                    f"PostgreSQL does not follow from the base of `{self.start.start.id}`: {words}",
                    hint="`instancectl restore --at latest` goes without following",
                    subject=self.start.start.id,
                )
            clock.sleep(POLL_SECONDS)

    def segment(self, found: Followed) -> str:
        """The last segment that it read anything from."""
        base = self.start.base
        return found.segment(base.first[:8], base.segment_bytes)

    def sent(self, first: str = "") -> tuple[Sent, ...]:
        """What lies in the destination of this cluster; with `first` only archives that begin with that."""
        prefix = f"{wal.PREFIX}{self.start.base.system}/{first}"
        keys = (one.key for one in self.rolling.repository.destination.listed(prefix))
        return wal.sent_in(keys, naming.SIGNATURE_SUFFIX)

    def feed(self, after: str, *, everything: bool = False) -> str:
        """Hand over what follows a segment; the last one that it has by now.

        An archive begins where an earlier one ended, so that only its name is asked for. Listing everything
        is for whoever does not know where archives end.

        Raises:
            Unhealthy: an archive is not what was written.
        """
        size = self.start.base.segment_bytes
        need = wal.following(after, size)
        while chain := wal.chain(
            replace(self.start.base, first=need), self.sent("" if everything else need)
        ).sent:
            for one in chain:
                self._feed(one)
            after, everything = chain[-1].last, False
            need = wal.following(after, size)
        return after

    def _feed(self, one: Sent) -> None:
        with self.rolling.volumes.create(VOLUME, following.WAL_FILE) as sink:
            self.rolling.archive(one, sink.write)
        self._do(following.TAKE, "hand WAL over")

    def reach(self, segment: str, seconds: float) -> bool:
        """Whether it read a segment to its end within so many seconds."""
        clock = self.rolling.tools.clock
        deadline = clock.monotonic_seconds() + seconds
        end = handing.position(segment, self.start.base.segment_bytes)
        while wal.place(self.look().read) < end:
            if clock.monotonic_seconds() >= deadline:
                return False
            clock.sleep(POLL_SECONDS)
        return True

    @property
    def cluster(self) -> str:
        """Where its files are on this host."""
        return self.rolling.volumes.path(VOLUME, following.CLUSTER)

    def promote(self) -> None:
        """End its following and its container, cleanly.

        Killed at any moment, the next call goes on.

        Raises:
            OperationFailed: it did not end well; its files are not to be used.
        """
        self.wake()
        self.look()
        self._do(following.PROMOTE, "promote it")
        if code := self.rolling.scratch.end("db", END_SECONDS):
            raise OperationFailed(f"PostgreSQL did not end well after it was promoted: exit code {code}")

    def _do(self, argv: Sequence[str], what: str) -> None:
        code, said = self._ask(argv)
        if code:
            raise OperationFailed(f"cannot {what}: exit code {code}{why(said)}", subject="db")

    def _ask(self, argv: Sequence[str]) -> tuple[int, str]:
        """Exit code, and output or what was said instead."""
        try:
            with self.rolling.streams.start(self.rolling.scratch.stack, "db", tuple(argv)) as running:
                output = b"".join(running.output()).decode(errors="replace")
                code = running.code()
                return code, running.said if code else output
        except (Unreachable, OperationFailed) as error:
            return 1, error.message
