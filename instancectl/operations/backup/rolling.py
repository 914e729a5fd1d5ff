"""Rolls a cluster forward to a moment in a container of its own, and dumps the database from there.

So a moment comes back like a set does: beside the present database, counted, swapped. Neither the version of
PostgreSQL here nor its collations matter, and nothing of the live cluster is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from instancectl.core import dotenv
from instancectl.core.backup import database, naming, reaching, recovery, restoring, wal
from instancectl.core.backup.moment import Moment
from instancectl.core.backup.reaching import Reach
from instancectl.core.backup.reviving import Original
from instancectl.core.backup.verdict import judge_presence
from instancectl.core.backup.wal import Sent
from instancectl.core.config import InstanceConfig
from instancectl.core.secret_set import from_values
from instancectl.errors import OperationFailed, Unhealthy, Unreachable
from instancectl.operations.backup import settings
from instancectl.operations.backup.opening import Opener, Write
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.scratched import Images, scratch_database
from instancectl.operations.backup.subject import Tools
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.scratch import Scratch, Scratched
from instancectl.ports.swarm import Swarm
from instancectl.ports.volume_files import VolumeFiles

VOLUME = "db"
RECOVERY_SECONDS = 24 * 3_600
"""A day of WAL of a busy instance; one that fails ends by itself, and long before."""

VERSION_SECONDS = 60
"""A container that says one line."""

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Rolling:
    """What rolls forward.

    Attributes:
        volumes: of the scratch containers.
        machine: of this host, as `uname -m` says.
        understood: the configuration that a text says.
    """

    repository: Repository
    opener: Opener
    scratch: Scratch
    volumes: VolumeFiles
    streams: ContainerStreams
    swarm: Swarm
    tools: Tools
    machine: str
    understood: Callable[[str], InstanceConfig]

    def reach(self, moment: Moment, wanted: str) -> Reach:
        """What brings the moment back.

        Raises:
            InstanceError: nothing does; see `core.backup.reaching`.
        """
        contents = self.repository.look()
        sizes = contents.sizes
        known = [one.set for one in contents.sets if one.set and not one.set.doubts]
        sent = wal.sent_in(contents.listed, naming.SIGNATURE_SUFFIX)
        whole = [one for one in known if not judge_presence(one, sizes)]
        found = reaching.reach(whole, sent, moment, wanted)
        reaching.refuse_machine(found, self.machine)
        return found

    def refuse_version(self, found: Reach) -> None:
        """Look whether the image still is the one whose PostgreSQL wrote the files.

        Raises:
            Refused: it is of another major version; nothing was changed.
        """
        self.opener.refuse_foreign(found.start)
        self.scratch.sweep()
        try:
            self.scratch.begin((VOLUME,))
            self.scratch.start(replace(self.container(found), command=recovery.VERSION))
            deadline = self.tools.clock.monotonic_seconds() + VERSION_SECONDS
            while self.scratch.exit_code("db") is None and self.tools.clock.monotonic_seconds() < deadline:
                self.tools.clock.sleep(POLL_SECONDS)
            reaching.refuse_version(found, self.scratch.last_words("db"))
        finally:
            self.scratch.sweep()

    def roll(self, found: Reach, write: Write) -> Original:
        """Dump the database of the moment; its roles are those of that moment, too.

        Raises:
            Unhealthy: base or WAL is damaged, forged or missing.
        """
        self.opener.refuse_foreign(found.start)
        self.scratch.sweep()
        try:
            self.scratch.begin((VOLUME,))
            self._fetch(found)
            self._recover(found)
            return self._dump(write)
        finally:
            self.scratch.sweep()

    def _fetch(self, found: Reach) -> None:
        with self.volumes.create(VOLUME, recovery.BASE_FILE) as sink:
            self.opener.part(found.start, restoring.BASE, sink.write)
        for number, one in enumerate(found.chain.sent):
            with self.volumes.create(VOLUME, recovery.WAL_FILE.format(number=number)) as sink:
                self.archive(one, sink.write)

    def archive(self, one: Sent, write: Write) -> None:
        """Write one archive of WAL, unpacked; its signature is compared before the file gets its name.

        Raises:
            Unhealthy: it is not what was written.
        """
        hasher = self.tools.sealing.hasher()

        def pieces() -> Iterator[bytes]:
            for piece in self.repository.destination.read(one.key):
                hasher.update(piece)
                yield piece

        try:
            self.tools.sealing.unpack(pieces(), self.opener.identity, write)
            genuine = self.repository.vouches(one.key, hasher.hexdigest())
        except OperationFailed as error:
            raise self._damaged(one) from error
        if not genuine:
            raise self._damaged(one)

    def _damaged(self, one: Sent) -> Unhealthy:
        return Unhealthy(
            f"`{one.key}` is not what was written: WAL from `{one.first}` on cannot be used",
            hint="choose an earlier moment, or restore a set: see `instancectl backup list`",
            subject=one.key,
        )

    def _recover(self, found: Reach) -> None:
        self.scratch.start(replace(self.container(found), command=recovery.recover(found.moment)))
        said = recovery.recovered(self._answer(found), found.base.segment_bytes)
        last = found.chain.sent[-1].last[8:]
        if said.whole and said.read < last:
            raise Unhealthy(
                f"recovery ended in the segment `{said.read}`, although WAL up to `{last}` was there: "
                "what lies between is damaged",
                hint="choose an earlier moment, or restore a set: see `instancectl backup list`",
                subject=said.read,
            )

    def container(self, found: Reach) -> Scratched:
        """PostgreSQL as it ran when the base was made, without a command."""
        files = self.opener.files(found.start)
        config = self.understood(settings.instance_file(files))
        secrets = from_values(dotenv.parse(files.get("secrets.env", b"").decode()).values)
        return scratch_database(Images(self.swarm, found.start).of(config.images.db), secrets)

    def _answer(self, found: Reach) -> str:
        clock = self.tools.clock
        deadline = clock.monotonic_seconds() + RECOVERY_SECONDS
        while True:
            code, output = self._ask()
            if code == 0:
                return output
            ended = self.scratch.exit_code("db")
            if ended is not None or clock.monotonic_seconds() > deadline:
                words = self.scratch.last_words("db") or f"exit code {ended}"
                raise Unhealthy(
                    f"PostgreSQL does not recover from the base of `{found.start.id}`: {words}",
                    hint="another moment or set: see `instancectl backup list`",
                    subject=found.start.id,
                )
            clock.sleep(POLL_SECONDS)

    def _ask(self) -> tuple[int, str]:
        try:
            with self.streams.start(self.scratch.stack, "db", recovery.ASK) as running:
                output = b"".join(running.output()).decode(errors="replace")
                return running.code(), output
        except (Unreachable, OperationFailed):
            return 1, ""

    def _dump(self, write: Write) -> Original:
        dumped, roles = database.read(*self._run(database.OURS.dump, write)), bytearray()
        said, code = self._run(database.OURS.globals, roles.extend)
        if code:
            raise OperationFailed(f"pg_dumpall ended with {code}{database.why(said)}", subject="db")
        return Original(dumped.rows, bytes(roles))

    def _run(self, argv: tuple[str, ...], write: Write) -> tuple[str, int]:
        with self.streams.start(self.scratch.stack, "db", argv) as running:
            for piece in running.output():
                write(piece)
            return running.said, running.code()


def extra_bytes(found: Reach) -> int:
    """Room that it takes while it runs, beside what a set takes: the cluster's files, twice, and WAL."""
    part = found.start.part(restoring.BASE)
    return 2 * (part.plain_bytes if part else 0) + found.wal_bytes
