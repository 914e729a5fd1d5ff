"""`surge drill`: as many sign-ups as this machine takes, in containers of their own that lead nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core import budget
from instancectl.core.backup import drilling
from instancectl.core.config import InstanceConfig
from instancectl.core.mastodon_env import DATABASE, USER, direct_database_env, tunables
from instancectl.core.result import Result, Status
from instancectl.core.scaling import drilled
from instancectl.core.scaling.drill_scripts import CROWD, WORLD
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import Secret
from instancectl.core.sizes import Layout
from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.ports.clock import Clock
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.host_facts import HostFacts
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.reporter import Reporter
from instancectl.ports.scratch import Scratch, Scratched

PREPARING_SECONDS: Final = 240
"""Until the database is there, and until web answers: four cold boots of Rails on a busy machine."""

AFTERWARDS_SECONDS: Final = 120
"""For the last sign-ups and their mails."""

MASTODON: Final = 991
PASSWORD_FILE: Final = "/etc/drill-database"  # noqa: S105 - a path
REDIS_CONF: Final = "/etc/drill.conf"
WORLD_FILE: Final = "/opt/mastodon/tmp/world.rb"
CROWD_FILE: Final = "/opt/mastodon/tmp/crowd.rb"
DELIVERIES: Final = 5
"""A second and core: what a server of 5,000 users sends out takes a third of that."""

PEOPLE: Final = 4
"""At once and per core: enough to fill it."""

STEPS: Final = 4
POLL_SECONDS: Final = 0.5
WEB: Final = ("bundle", "exec", "puma", "-C", "config/puma.rb")
BOUNDED: Final = ("sh", "-c", 'timeout "$0" "$@"; exit $?')
"""A shell first: newer ones of `timeout` refuse to be the first process of a container."""

PREPARE: Final = ("sh", "-c", "bundle exec rails db:prepare && exec bin/tootctl settings registrations open")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a drill works with.

    Attributes:
        config, layout: of the instance; another name, and nothing that leads outside, are put in.
        secrets: made for this drill alone.
        image: what an image is called on this host.
        dotenv: `.env.production` of a configuration.
    """

    config: InstanceConfig
    layout: Layout
    secrets: SecretSet
    scratch: Scratch
    streams: ContainerStreams
    host: HostFacts
    lock: Lock
    journal: Journal
    clock: Clock
    reporter: Reporter
    image: Callable[[str], str]
    dotenv: Callable[[InstanceConfig, SecretSet], Secret]


def drill(ground: Grounds, seconds: int) -> Result:
    """Load for so many seconds, and what came of it.

    Raises:
        Refused: there is no memory for it beside what runs here.
        OperationFailed: Mastodon did not come up, or nobody could sign up.
        Unreachable: Docker does not answer.
    """
    with ground.lock.hold("surge drill"):
        if left := ground.scratch.sweep():
            ground.reporter.note(f"removed {left} containers that a killed drill left behind")
        _require_room(ground)
        ground.journal.write("surge-drill-started", seconds=seconds)
        try:
            found = _Drill(ground, seconds).run()
        finally:
            ground.scratch.sweep()
        ground.journal.write("surge-drill-done", signups_per_hour=found.per_hour, seconds=found.seconds)
    return Result(Status.OK, found.as_json(), found.lines())


def _require_room(ground: Grounds) -> None:
    memory = ground.host.memory()
    short = drilled.shortage(ground.layout, memory.available_bytes, memory.total_bytes)
    if short:
        raise Refused(
            f"cannot drill: no room beside what runs here: {short}",
            hint="drill on a machine of the same size with the same instance file, or free memory",
            subject="memory",
        )


@dataclass(slots=True)
class _Drill:
    """One drill."""

    ground: Grounds
    seconds: int
    _number: int = 0

    def run(self) -> drilled.Measured:
        ground = self.ground
        ground.scratch.begin(("db",))
        with self._step("PostgreSQL and Redis"):
            self._stores()
        with self._step("database"):
            self._start(self._mastodon("prepare", PREPARE, (("SAFETY_ASSURED", "1"),)))
            self._ended("prepare", PREPARING_SECONDS)
        with self._step("instance"):
            self._instance()
        with self._step(f"{self.seconds} s of load"):
            crowd = self._mastodon("crowd", ("bin/rails", "runner", CROWD_FILE), self._wishes())
            self._start(replace(crowd, files=(*crowd.files, (CROWD_FILE, Secret(CROWD), MASTODON))))
            self._ended("crowd", PREPARING_SECONDS + self.seconds + AFTERWARDS_SECONDS)
        words = ground.scratch.last_words("crowd")
        found = drilled.measured(words)
        if found is None:
            raise OperationFailed(
                f"cannot read what the crowd saw: {words[-400:]}",
                hint="run the same command again; it begins anew",
                subject="crowd",
            )
        return found

    @property
    def _lasting(self) -> int:
        """Seconds after which every container ends by itself, whatever became of this process."""
        return 2 * PREPARING_SECONDS + self.seconds + AFTERWARDS_SECONDS

    def _start(self, one: Scratched) -> None:
        """With a bound of time, memory limits for what keeps data, and behind the instance beside it."""
        self.ground.scratch.start(
            replace(
                one,
                command=(*BOUNDED, str(self._lasting), *one.command),
                weight=drilled.light(one.name),
                memory_bytes=drilled.LIMITS.get(one.name, 0),
            )
        )

    def _stores(self) -> None:
        ground, images = self.ground, self.ground.config.images
        clients = sum(line.amount for line in budget.client_lines(ground.layout))
        most = clients + budget.ONE_SHOT_CONNECTIONS + budget.RESERVED_CONNECTIONS
        # The entry point gives root up, and `timeout` runs before it.
        command = ("docker-entrypoint.sh", "postgres", "-c", f"max_connections={most}")
        known = {"POSTGRES_DB": DATABASE, "POSTGRES_USER": USER, "POSTGRES_PASSWORD_FILE": PASSWORD_FILE}
        password = (PASSWORD_FILE, ground.secrets.get("DB_PASS"), 999)
        database = Scratched("db", ground.image(images.db), command, tuple(known.items()), (password,))
        self._start(replace(database, mounts=(("db", "/var/lib/postgresql"),)))
        conf = drilling.redis_conf(ground.secrets.get("REDIS_PASSWORD"))
        words = ("redis-server", REDIS_CONF)
        self._start(Scratched("redis", ground.image(images.redis), words, files=((REDIS_CONF, conf, 999),)))
        self._answering()

    def _answering(self) -> None:
        ground, clock, said = self.ground, self.ground.clock, ""
        deadline = clock.monotonic_seconds() + PREPARING_SECONDS
        while clock.monotonic_seconds() < deadline:
            try:
                with ground.streams.start(ground.scratch.stack, "db", drilling.DATABASE_READY) as running:
                    said = b"".join(running.output()).decode(errors="replace") or running.said
                    if running.code() == 0:
                        return
            except (Unreachable, OperationFailed) as error:
                said = error.message
                if ground.scratch.exit_code("db") is not None:
                    break
            clock.sleep(POLL_SECONDS)
        raise self._silent("db", said)

    def _instance(self) -> None:
        ground, layout = self.ground, self.ground.layout
        ruby = self._mastodon("world", ("ruby", WORLD_FILE), (("DRILL_WAIT", str(drilled.WAIT_SECONDS)),))
        self._start(replace(ruby, files=((WORLD_FILE, Secret(WORLD), MASTODON),)))
        processes = layout.web.replicas * layout.web.processes
        web = tunables("web", layout) | {"WEB_CONCURRENCY": str(processes)}
        self._start(self._mastodon("web", WEB, tuple(web.items())))
        for plan in layout.sidekiq:
            words = ("bundle", "exec", "sidekiq", *plan.arguments)
            for number in range(plan.replicas):
                name = plan.service + (f"-{number + 1}" if number else "")
                more = tuple(tunables(plan.service, layout).items())
                self._start(self._mastodon(name, words, more))
        ground.reporter.note("a crowd signs up now; nothing of it leaves this host")

    def _wishes(self) -> tuple[tuple[str, str], ...]:
        cores = self.ground.host.cores()
        return (
            ("DRILL_SECONDS", str(self.seconds)),
            ("DRILL_PEOPLE", str(PEOPLE * cores)),
            ("DRILL_DELIVERIES", str(DELIVERIES * cores)),
        )

    def _mastodon(
        self, name: str, command: tuple[str, ...], more: tuple[tuple[str, str], ...] = ()
    ) -> Scratched:
        ground = self.ground
        plain = {**direct_database_env(), **drilled.OPEN, "LOCAL_DOMAIN": drilled.DOMAIN, **dict(more)}
        environment = ground.dotenv(drilled.closed(ground.config), ground.secrets)
        return Scratched(
            name,
            ground.image(ground.config.web_image),
            command,
            tuple(plain.items()),
            (("/opt/mastodon/.env.production", environment, MASTODON),),
        )

    def _ended(self, name: str, seconds: int) -> None:
        """Wait until a container has done its work."""
        clock = self.ground.clock
        deadline = clock.monotonic_seconds() + seconds
        while (code := self.ground.scratch.exit_code(name)) is None:
            if clock.monotonic_seconds() > deadline:
                raise self._silent(name, f"it is not done after {seconds} s")
            clock.sleep(POLL_SECONDS)
        if code:
            raise self._silent(name, f"it ended with {code}")

    def _silent(self, name: str, said: str) -> OperationFailed:
        words = self.ground.scratch.last_words(name)[-600:] or "it wrote nothing"
        return OperationFailed(
            f"cannot drill: `{name}` failed: {said}: {words}",
            hint="run the same command again; nothing of the instance was touched",
            subject=name,
        )

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        ground = self.ground
        self._number += 1
        ground.reporter.step_started(self._number, STEPS, what)
        began = ground.clock.monotonic_seconds()
        try:
            yield
        except BaseException:
            ground.reporter.step_failed(what)
            raise
        ground.reporter.step_done(what, "", ground.clock.monotonic_seconds() - began)
