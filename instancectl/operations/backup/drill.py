"""Restores a set beside everything, looks whether it is an instance, and removes it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from instancectl.core import dotenv
from instancectl.core.backup import drilling
from instancectl.core.backup.index import Entry, Found
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import MEDIA
from instancectl.core.backup.verdict import Level, Proof
from instancectl.core.config import InstanceConfig
from instancectl.core.mastodon_env import direct_database_env
from instancectl.core.result import Result, Status
from instancectl.core.secret_set import SecretSet, from_values
from instancectl.core.secrets import Secret
from instancectl.core.units import show_seconds
from instancectl.errors import InstanceError, OperationFailed, Unhealthy, Unreachable
from instancectl.operations.backup import settings
from instancectl.operations.backup.choosing import Chosen, choose
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.media_back import MediaBack, unpack
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.scratched import Images, scratch_database
from instancectl.operations.backup.subject import Tools
from instancectl.ports.backup_figures import BackupFigures
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.destination import ObjectSink
from instancectl.ports.index_desk import IndexDesk
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.scratch import Scratch, Scratched
from instancectl.ports.swarm import Swarm

VOLUMES = ("db",)
DATABASE_SECONDS = 120
WEB_SECONDS = 240
"""A cold boot of Rails on a small machine that serves people meanwhile."""

POLL_SECONDS = 0.5
MASTODON, REDIS_USER = 991, 999


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a drill works with.

    Attributes:
        dotenv: `.env.production` for a configuration and its secrets, with a database next door.
        understood: the configuration that a text says.
    """

    repository: Repository
    opener: Opener
    desk: IndexDesk
    scratch: Scratch
    streams: ContainerStreams
    database: DatabaseBack
    swarm: Swarm
    lock: Lock
    journal: Journal
    figures: BackupFigures
    tools: Tools
    understood: Callable[[str], InstanceConfig]
    dotenv: Callable[[InstanceConfig, SecretSet], Secret]


def drill(ground: Grounds, set_id: str) -> Result:
    """Restore a set into containers of its own, and judge it.

    Raises:
        Unhealthy: it is not restorable; that is remembered beside it.
        InstanceError: nobody knows: Docker or the destination failed.
    """
    with ground.lock.hold("backup drill"):
        left = ground.scratch.sweep()
        if left:
            ground.tools.reporter.note(f"removed {left} containers that a killed drill left behind")
        chosen = choose(ground.repository, ground.opener, set_id, ())
        ground.journal.write("drill-started", set=chosen.set.id)
        began = ground.tools.clock.monotonic_seconds()
        run = _Drill(ground, chosen)
        try:
            run.run()
        except BaseException as error:
            _failed(ground, chosen, error)
            raise
        finally:
            ground.scratch.sweep()
            ground.desk.remove()
        return _passed(ground, chosen, run.findings, ground.tools.clock.monotonic_seconds() - began)


def _failed(ground: Grounds, chosen: Chosen, error: BaseException) -> None:
    message = error.message if isinstance(error, InstanceError) else type(error).__name__
    ground.journal.write("drill-failed", set=chosen.set.id, error=message)
    if isinstance(error, Unhealthy) and ground.repository.signs:
        now = int(ground.tools.clock.epoch_seconds())
        proof = Proof(chosen.set.id, chosen.known.blake3, Level.DRILLED, now, (message,))
        ground.repository.write_proof(proof)


def _passed(ground: Grounds, chosen: Chosen, findings: Mapping[str, str], seconds: float) -> Result:
    now = int(ground.tools.clock.epoch_seconds())
    lost = max(0, now - chosen.set.created)
    notes = []
    if ground.repository.signs:
        proof = Proof(chosen.set.id, chosen.known.blake3, Level.DRILLED, now, (), round(seconds))
        ground.repository.write_proof(proof)
    else:
        notes.append("that it was drilled is not remembered beside it: only the instance's own host can sign")
    ground.figures.change(lambda kept: replace(kept, drilled=now, rto_seconds=round(seconds, 1)))
    ground.journal.write("drill-done", set=chosen.set.id, rto_seconds=round(seconds, 1), rpo_seconds=lost)
    lines = [
        f"{chosen.set.id} is an instance: restored and answering after {show_seconds(round(seconds))}",
        *(f"  {what}: {said}" for what, said in findings.items()),
        f"  a loss now would cost what happened in the last {show_seconds(lost)}",
    ]
    data = {
        "set": chosen.set.id,
        "rto_seconds": round(seconds, 1),
        "rpo_seconds": lost,
        "findings": dict(findings),
    }
    return Result(Status.CHANGED, data, tuple(lines), tuple(notes))


STEPS = 6


@dataclass(slots=True)
class _Drill:
    """One drill."""

    ground: Grounds
    chosen: Chosen
    findings: dict[str, str] = field(default_factory=dict)
    _number: int = 0

    def run(self) -> None:
        ground, set_ = self.ground, self.chosen.set
        files = ground.opener.files(set_)
        config = ground.understood(settings.instance_file(files))
        secrets = from_values(dotenv.parse(files.get("secrets.env", b"").decode()).values)
        images = Images(ground.swarm, set_)
        ground.scratch.begin(VOLUMES)
        with self._step("PostgreSQL"):
            ground.scratch.start(scratch_database(images.of(config.images.db), secrets))
            self._wait("db", drilling.DATABASE_READY, DATABASE_SECONDS)
        with self._step("database"):
            self.findings["database"] = ground.database.restore(ground.opener, set_)
        with self._step("indexes"):
            self.findings["indexes"] = f"{ground.database.indexes()} are sound"
            ground.database.swap()
        with self._step("media"):
            self.findings["media"] = self._media(set_)
        with self._step("web"):
            ground.scratch.start(_redis(images.of(config.images.redis), secrets))
            ground.scratch.start(_web(images.of(config.web_image), ground.dotenv(config, secrets)))
            self._answers(config.site)
        with self._step("secrets"):
            self.findings["secrets"] = self._secrets()

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        clock, reporter = self.ground.tools.clock, self.ground.tools.reporter
        self._number += 1
        reporter.step_started(self._number, STEPS, what)
        began = clock.monotonic_seconds()
        try:
            yield
        except BaseException:
            reporter.step_failed(what)
            raise
        reporter.step_done(what, self.findings.get(what, ""), clock.monotonic_seconds() - began)

    def _wait(self, name: str, argv: tuple[str, ...], seconds: float) -> None:
        clock = self.ground.tools.clock
        deadline = clock.monotonic_seconds() + seconds
        while True:
            try:
                code, said = self._ask(name, argv)
            except (Unreachable, OperationFailed) as error:
                code, said = 1, error.message
            if code == 0:
                return
            if clock.monotonic_seconds() > deadline:
                words = self.ground.scratch.last_words(name) or said
                raise Unhealthy(
                    f"`{name}` of the set does not answer after {seconds:.0f} s: {words}", subject=name
                )
            clock.sleep(POLL_SECONDS)

    def _ask(self, name: str, argv: tuple[str, ...]) -> tuple[int, str]:
        with self.ground.streams.start(self.ground.scratch.stack, name, argv) as running:
            output = b"".join(running.output()).decode(errors="replace")
            return running.code(), output or running.said

    def _answers(self, site: str) -> None:
        asked = drilling.asks(site)
        self._wait("web", asked["health"], WEB_SECONDS)
        for surface, argv in asked.items():
            code, said = self._ask("web", argv)
            if code:
                seen = f"the instance of the set boots, but `{surface}` fails: {said.strip()}"
                raise Unhealthy(seen, subject=surface)
        self.findings["web"] = f"boots, and answers {', '.join(asked)}"

    def _secrets(self) -> str:
        code, output = self._ask("web", drilling.DECRYPT)
        told = drilling.decrypted(output)
        if told is None:
            return f"unknown: Mastodon's own runner ended with {code}"
        if told.unreadable:
            raise Unhealthy(
                f"the secrets of the set do not read `{told.unreadable[0]}` of its database",
                hint="`configuration.tar` of this set holds other secrets than those that wrote the rows",
                subject=told.unreadable[0],
            )
        return told.sentence

    def _media(self, set_: BackupSet) -> str:
        if set_.part(MEDIA) is None:
            return "none in this set"
        ground = self.ground
        MediaBack(ground.opener, ground.desk, _Nowhere()).read_index(set_)
        order = [ground.tools.sealing.random_hex() for _ in ground.desk.packs()]
        packs = drilling.sampled_packs(ground.desk.packs(), order)
        stored, looked = {one.key: one for one in set_.packs}, 0
        for pack in packs:
            entries = drilling.sampled(ground.desk.of(pack), drilling.SAMPLE_FILES // len(packs))
            unpack(ground.opener, stored, pack, entries, _Nowhere())
            looked += len(entries)
        return f"{looked} of {set_.media.files} files are what was packed"


class _Nowhere:
    """Takes files and keeps nothing of them: their hashes are compared on the way."""

    def begin(self) -> None:
        """Nothing to prepare."""

    @contextmanager
    def file(self, entry: Entry) -> Iterator[ObjectSink]:  # noqa: ARG002 - a target's signature
        """Nowhere."""
        yield self

    def write(self, chunk: bytes, /) -> None:
        """Forget it."""

    def link(self, entry: Entry, target: bytes) -> None:
        """Nowhere."""

    def remove(self, path: bytes) -> None:
        """Nothing is there."""

    def settle(self) -> None:
        """Nothing to flush."""

    def walk(self) -> Iterator[Found]:
        """Nothing is there."""
        yield from ()


def _redis(image: str, secrets: SecretSet) -> Scratched:
    conf = drilling.redis_conf(secrets.get("REDIS_PASSWORD"))
    return Scratched(
        "redis",
        image,
        ("redis-server", "/run/secrets/redis.conf"),
        files=(("/run/secrets/redis.conf", conf, REDIS_USER),),
    )


_SMALL = {"BIND": "0.0.0.0", "MAX_THREADS": "2", "PORT": "3000", "WEB_CONCURRENCY": "0"}  # noqa: S104
"""One process: it answers a handful of questions."""


def _web(image: str, environment: Secret) -> Scratched:
    return Scratched(
        "web",
        image,
        ("bundle", "exec", "puma", "-C", "config/puma.rb"),
        (*direct_database_env().items(), *_SMALL.items()),
        (("/opt/mastodon/.env.production", environment, MASTODON),),
    )
