"""Drill: a set is restored beside everything, judged, and removed again, whatever happens."""

from __future__ import annotations

import pytest

from instancectl.core.backup import drilling
from instancectl.core.config import InstanceConfig
from instancectl.core.secrets import Secret
from instancectl.errors import InstanceError, OperationFailed, Refused, Unhealthy
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.drill import Grounds, drill
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Repository
from tests.fakes.databases import FakeDatabases
from tests.fakes.fuse import Fuse, Killed
from tests.fakes.lock import FakeLock
from tests.fakes.scratch import FakeScratch
from tests.fakes.swarm import FakeSwarm
from tests.fakes.volumes import FakeDesk, FakeVolumes
from tests.operations.restore_world import Source

CONFIG = InstanceConfig.model_validate({
    "instance": {"domain": "social.example"}, "mail": {"mode": "none"}
})  # fmt: skip
PROVEN = (0, 'instancectl: {"users.otp_secret": 2, "keypairs.private_key": 0}\n')


class Drilled:
    def __init__(self) -> None:
        self.source, self.fuse = Source(), Fuse()
        self.source.files["secrets.env"] = b"DB_PASS=made-up-password\nREDIS_PASSWORD=another-one\n"
        self.source.create()
        self.scratch = FakeScratch(self.fuse)
        self.scratch.answers[drilling.DECRYPT] = PROVEN
        self.volumes = FakeVolumes(self.fuse)
        self.databases = FakeDatabases(self.volumes, self.fuse)
        self.source.streams.databases, self.source.streams.scratch = self.databases, self.scratch
        self.swarm = FakeSwarm(self.source.clock, self.fuse)
        self.swarm.images |= dict.fromkeys((CONFIG.web_image, CONFIG.images.db, CONFIG.images.redis), "")
        self.desk, self.signing = FakeDesk(), self.source.signing
        self.identity: Secret = self.source.identity

    def run(self, set_id: str = "latest"):
        source = self.source
        destination, streams = source.places[0], source.streams
        return drill(
            Grounds(
                repository=Repository(destination, source.sealing, source.public, self.signing),
                opener=Opener(destination, source.sealing, self.identity, source.progress),
                desk=self.desk,
                scratch=self.scratch,
                streams=streams,
                database=DatabaseBack(streams, self.volumes, self.scratch.stack),
                swarm=self.swarm,
                lock=FakeLock(source.lock_table),
                journal=source.journal,
                figures=source.figures,
                tools=source.tools,
                understood=lambda _: CONFIG,
                dotenv=lambda _config, _secrets: Secret("LOCAL_DOMAIN=social.example"),
            ),
            set_id,
        )

    @property
    def word(self) -> str:
        return self.source.repository().look().sets[0].verdict.word


@pytest.fixture
def world():
    return Drilled()


def test_the_roles_that_a_dump_grants_to_come_before_it(world):
    world.source.streams.globals = b"--\nCREATE ROLE mastodon;\nCREATE ROLE reader;\n"
    world.source.create()
    world.run()
    assert world.databases.roles == ["CREATE ROLE reader;\n"]


def test_a_set_that_is_an_instance_is_remembered_as_drilled(world):
    world.source.clock.sleep(7200)
    result = world.run()
    assert world.word == "drilled"
    assert result.data["rpo_seconds"] >= 7200
    assert result.data["findings"]["database"] == "43 rows in 2 tables, as counted"
    assert result.data["findings"]["indexes"] == "12 are sound"
    assert result.data["findings"]["media"] == "21 of 21 files are what was packed"
    assert result.data["findings"]["secrets"] == "the secrets of the set read 2 of `users.otp_secret`"
    assert world.scratch.began == ["db", "redis", "web"]
    assert world.source.figures.load().rto_seconds == result.data["rto_seconds"]
    assert world.source.figures.load().drilled
    entry = world.source.journal.written[-1]
    assert (entry["event"], entry["rpo_seconds"]) == ("drill-done", result.data["rpo_seconds"])


def test_nothing_is_left(world):
    world.run()
    assert not world.scratch.there
    assert not world.scratch.volumes
    assert not world.desk.entries


def test_no_secret_is_in_an_environment_or_a_command(world):
    seen = []
    original = world.scratch.start
    world.scratch.start = lambda one: (seen.append(one), original(one))[1]
    world.run()
    shown = repr([(one.command, one.environment) for one in seen])
    assert "made-up-password" not in shown
    assert "another-one" not in shown
    assert any(content.reveal() == "made-up-password" for one in seen for _, content, _ in one.files)


def test_a_database_without_encrypted_rows_is_said(world):
    world.scratch.answers[drilling.DECRYPT] = (0, 'instancectl: {"users.otp_secret": 0}\n')
    said = world.run().data["findings"]["secrets"]
    assert said == "no row of the database is encrypted: whether the secrets of the set fit is not proven"


@pytest.mark.parametrize(
    ("break_it", "seen"),
    [
        (
            lambda w: w.scratch.answers.update({
                drilling.DECRYPT: (0, 'instancectl: {"users.otp_secret": "Decryption"}\n')
            }),
            "do not read `users.otp_secret`",
        ),
        (lambda w: setattr(w.databases, "loses", "public.accounts"), "has 2 rows, 3 were counted"),
        (lambda w: w.scratch.silent.add("web"), "`web` of the set does not answer after 240 s: last words"),
        (
            lambda w: w.scratch.answers.update({
                drilling.asks("social.example")["instance"]: (22, "curl: (22) 500")
            }),
            "boots, but `instance` fails: curl: (22) 500",
        ),
    ],
)  # fmt: skip
def test_a_set_that_is_no_instance_is_damaged(world, break_it, seen):
    break_it(world)
    with pytest.raises(Unhealthy) as caught:
        world.run()
    assert seen in caught.value.message
    assert world.word == "damaged"
    assert not world.scratch.there
    assert world.source.journal.written[-1]["event"] == "drill-failed"


def test_a_flipped_bit_in_a_pack_is_found(world):
    objects = world.source.places[0].objects
    key = next(key for key in objects if key.startswith("media/packs/"))
    at = objects[key].index(b"media 7")
    objects[key] = objects[key][:at] + b"M" + objects[key][at + 1 :]
    with pytest.raises(Unhealthy, match=key):
        world.run()
    assert world.word == "damaged"


def test_what_docker_cannot_do_says_nothing_about_the_set(world):
    world.databases.refuses = "out of memory"
    with pytest.raises(OperationFailed):
        world.run()
    assert world.word == "present"
    assert not world.scratch.there


def test_without_the_signing_key_the_proof_is_not_kept(world):
    world.signing = None
    result = world.run()
    assert world.word == "present"
    assert "only the instance's own host can sign" in result.notes[0]


def test_another_kit_changes_nothing(world):
    world.identity, _ = world.source.sealing.new_identity()
    with pytest.raises(Refused, match="the kit does not open"):
        world.run()
    assert not world.scratch.began


def test_killed_anywhere_the_next_one_removes_what_was_left(world):
    points = 0
    while True:
        world = Drilled()
        world.fuse.blow_after(points)
        try:
            world.run()
            killed = False
        except Killed:
            killed = True
        world.fuse.mend()
        world.source.lock_table.clear()
        result = world.run()
        assert result.data["findings"]["web"].startswith("boots")
        assert not world.scratch.there, f"killed after {points} points"
        if not killed:
            break
        points += 1
    assert points > 20


def test_a_backup_does_not_run_meanwhile(world):
    world.source.lock_table["holder"] = "backup create"
    with pytest.raises(InstanceError, match="holds the lock"):
        world.run()
