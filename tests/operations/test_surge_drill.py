"""A surge drill: room, its own containers and nothing of the instance's, and removed whatever happens."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest

from instancectl.core.layout import derive
from instancectl.core.scaling import drilled
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import Secret
from instancectl.core.sizes import Machine
from instancectl.core.units import GIB
from instancectl.errors import Busy, OperationFailed, Refused
from instancectl.operations.scaling.drill import Grounds, drill
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.container_streams import FakeStreams
from tests.fakes.fuse import Fuse, Killed
from tests.fakes.host import FakeHost
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.reporter import FakeReporter
from tests.fakes.scratch import FakeScratch

CONFIG = instance.config(
    instance={"layout": "medium"},
    mail={"mode": "smtp", "server": "smtp.provider.example", "login": "us"},
    media={"storage": "s3", "s3_bucket": "ours"},
)
SEEN = {
    "seconds": 60.0, "accepted": 300, "mailed": 240, "refused": {"429 slow down": 2},
    "answers": [0.3] * 280 + [3.5] * 20, "mails": [0.8] * 300, "out": 300, "sent": 600, "delivered": 598,
    "late": {"default": 31.0, "push": 2.0, "mailers": 0.0},
}  # fmt: skip


class Crowded(FakeScratch):
    """Containers whose work is done at once."""

    words = f"[dotenv] Loaded\ninstancectl: {json.dumps(SEEN)}\n"

    def last_words(self, name: str) -> str:
        return self.words


class Drilled:
    def __init__(self) -> None:
        self.fuse, self.host, self.clock = Fuse(), FakeHost(), FakeClock()
        self.scratch, self.journal, self.lock = Crowded(self.fuse), FakeJournal(), FakeLock()
        self.scratch.ended = {"prepare": 0, "crowd": 0}
        self.streams = FakeStreams()
        self.streams.scratch = self.scratch
        self.reporter = FakeReporter()
        self.layout = derive(CONFIG, Machine(8 * GIB, 2))
        self.said: list[str] = []

    def run(self, seconds: int = 60):
        def dotenv(config, _):
            self.said.append(f"{config.instance.domain} {config.mail.server} {config.media.storage}")
            return Secret(f"LOCAL_DOMAIN={config.instance.domain}")

        return drill(
            Grounds(
                config=CONFIG,
                layout=self.layout,
                secrets=SecretSet({"DB_PASS": Secret("made-up"), "REDIS_PASSWORD": Secret("another")}),
                scratch=self.scratch,
                streams=self.streams,
                host=self.host,
                lock=self.lock,
                journal=self.journal,
                clock=self.clock,
                reporter=self.reporter,
                image=lambda reference: f"here/{reference}",
                dotenv=dotenv,
            ),
            seconds,
        )


@pytest.fixture
def world() -> Drilled:
    return Drilled()


def test_it_says_how_many_sign_ups_an_hour_each_with_its_mail(world: Drilled) -> None:
    done = world.run()
    assert done.data["signups_per_hour"] == 240 * 60
    assert "sustains 14400 sign-ups an hour" in done.lines[0]
    assert done.data["limits"] == [
        "`default` was 31 s late, 30 s is its objective",
        "one sign-up in twenty took more than 3.5 s",
    ]
    assert done.data["refused"] == {"429 slow down": 2}
    assert world.journal.events() == ["surge-drill-started", "surge-drill-done"]


def test_all_of_it_is_gone_afterwards_and_was_bounded_light_and_closed(world: Drilled) -> None:
    started = []
    start = world.scratch.start
    world.scratch.start = lambda one: (started.append(one), start(one))[1]
    world.run()
    assert not world.scratch.there
    assert not world.scratch.volumes
    assert {one.name for one in started} >= {
        "db",
        "redis",
        "world",
        "web",
        "sidekiq",
        "sidekiq-push",
        "crowd",
    }
    for one in started:
        assert one.command[:2] == ("sh", "-c")
        assert 0 < int(one.command[3]) < 1000
        assert 2 <= one.weight <= 256
        assert one.image.startswith("here/")
    assert set(world.said) == {"drill.example world local"}


def test_it_is_refused_where_there_is_no_room_and_nothing_was_touched(world: Drilled) -> None:
    world.host.ram = replace(world.host.ram, available_bytes=1 * GIB)
    with pytest.raises(Refused, match=r"no room beside what runs here: .* > 1024 MiB available"):
        world.run()
    assert not world.scratch.began
    assert not world.journal.events()


@pytest.mark.parametrize("name", ["prepare", "crowd"])
def test_what_fails_is_named_with_its_last_words_and_removed(world: Drilled, name: str) -> None:
    world.scratch.ended[name] = 1
    with pytest.raises(OperationFailed, match=f"`{name}` failed: it ended with 1"):
        world.run()
    assert not world.scratch.there


def test_a_crowd_that_never_ends_is_given_up(world: Drilled) -> None:
    del world.scratch.ended["crowd"]
    with pytest.raises(OperationFailed, match="is not done after 420 s"):
        world.run()
    assert not world.scratch.there


def test_a_crowd_that_says_nothing_is_no_result(world: Drilled) -> None:
    world.scratch.words = "Killed"
    with pytest.raises(OperationFailed, match="cannot read what the crowd saw: Killed"):
        world.run()


def test_a_database_that_never_answers_is_named(world: Drilled) -> None:
    world.scratch.silent.add("db")
    with pytest.raises(OperationFailed, match="`db` failed"):
        world.run()


def test_a_database_that_ended_is_not_waited_for(world: Drilled) -> None:
    world.streams.down, world.scratch.ended["db"] = True, 1
    with pytest.raises(OperationFailed, match="`db` failed: no replica of `db`"):
        world.run()
    assert world.clock.now < 5


def test_two_drills_at_once_are_refused(world: Drilled) -> None:
    with world.lock.hold("surge drill"), pytest.raises(Busy):
        world.run()


def test_killed_anywhere_the_next_one_clears_up_and_runs(world: Drilled) -> None:
    world.run()
    for point in range(world.fuse.passed):
        killed = Drilled()
        killed.fuse.blow_after(point)
        with contextlib.suppress(Killed):
            killed.run()
        killed.fuse.mend()
        killed.lock.table.clear()
        left = len(killed.scratch.there)
        assert killed.run().data["signups"] == 300
        assert not killed.scratch.there
        assert any("left behind" in note for note in killed.reporter.notes) == bool(left)


def test_its_memory_is_that_of_the_layout(world: Drilled) -> None:
    small = derive(CONFIG.model_copy(update={"services": CONFIG.services}), Machine(4 * GIB, 2))
    assert drilled.memory_needed(world.layout) >= drilled.memory_needed(small)
    assert not drilled.shortage(world.layout, 8 * GIB, 8 * GIB)
