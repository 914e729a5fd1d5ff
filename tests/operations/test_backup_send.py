"""WAL is sent as it is received: nothing twice, nothing lost, whatever is away or killed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.backup import naming, receiving, wal
from instancectl.core.backup.wal_figures import samples
from instancectl.core.result import Status
from instancectl.errors import OperationFailed, Partial, Unreachable
from instancectl.operations.backup.run import Run
from instancectl.operations.backup.showing import windows
from tests.fakes.fuse import Killed
from tests.operations.backup_world import DAY, World
from tests.operations.wal_world import MINUTE, Sending


@pytest.fixture
def world():
    return World()


@pytest.fixture
def sending(world):
    return Sending(world)


def sent(world, place=0):
    return wal.sent_in(world.places[place].objects, naming.SIGNATURE_SUFFIX)


def names(archives):
    return [(one.first[-2:], one.last[-2:]) for one in archives]


class TestSending:
    def test_nothing_happens_unless_it_is_wanted(self, world, sending):
        assert sending.send(config=world.config).status is Status.UNCHANGED
        assert not world.places[0].objects

    def test_every_minute_goes_away_signed_and_encrypted(self, world, sending):
        assert sending.minute().status is Status.CHANGED
        sending.minute()
        assert names(sent(world)) == [("01", "02"), ("03", "03")]
        assert sent(world)[-1].until == world.clock.epoch_seconds()
        content = world.places[0].objects[sent(world)[0].key]
        assert content.startswith(b"sealed for ")

    def test_what_is_away_leaves_the_spool_but_for_the_newest(self, sending):
        sending.minute()
        sending.minute()
        assert [name for _, name, _ in sending.cluster.spool.files] == ["000000010000000000000003"]

    def test_a_quiet_minute_sends_nothing_and_counts_as_sent(self, world, sending):
        sending.minute()
        world.clock.now += MINUTE
        assert sending.send().status is Status.UNCHANGED
        assert sending.record.kept.sent == world.clock.epoch_seconds()

    def test_a_receiver_that_is_dead_is_an_error_and_nothing_is_claimed(self, world, sending):
        sending.minute()
        before = sending.record.kept.sent
        sending.cluster.receives = False
        with pytest.raises(OperationFailed, match="WAL is not taken from PostgreSQL"):
            sending.minute()
        assert sending.record.kept.sent == before
        assert names(sent(world)) == [("01", "02")]

    def test_what_came_late_reaches_only_what_is_known_of_it(self, world, sending):
        sending.minute()
        until = sent(world)[0].until
        sending.cluster.receives = False
        sending.cluster.write()
        sending.cluster.switch()
        sending.cluster.spool.files["77", "000000010000000000000003", 1] = b"late"
        with pytest.raises(OperationFailed):
            sending.minute()
        assert [one.until for one in sent(world)] == [until, until]

    def test_a_gap_is_never_inside_an_archive(self, world, sending):
        for segment in ("05", "06", "09"):
            sending.cluster.spool.files["77", f"0000000100000000000000{segment}", 1] = b"x"
        sending.cluster.last = "000000010000000000000009"
        sending.send()
        assert names(sent(world)) == [("01", "01"), ("05", "06"), ("09", "09")]
        assert sending.record.kept.first.endswith("09")


class TestTwoDestinations:
    @pytest.fixture
    def world(self):
        return World(places=2)

    def test_what_one_missed_it_gets_later(self, world, sending):
        world.places[1].down = True
        with pytest.raises(Partial, match="place-1 does not answer"):
            sending.minute()
        assert len(sending.cluster.spool.files) == 2
        assert sending.record.kept.waiting_bytes
        world.places[1].down = False
        sending.minute()
        assert names(sent(world, 1)) == [("01", "03")]
        assert not sending.record.kept.waiting_bytes

    def test_one_that_is_away_for_long_does_not_stop_the_receiver(self, world, sending):
        world.places[1].down = True
        sending.cluster.spool.files["77", sending.cluster.last, 1] = bytes(129 * 1024 * 1024)
        with pytest.raises(Partial):
            sending.minute()
        assert [name[-2:] for _, name, _ in sending.cluster.spool.files] == ["02"]

    def test_nobody_there_keeps_everything(self, world, sending):
        for place in world.places:
            place.down = True
        with pytest.raises(Unreachable):
            sending.minute()
        assert len(sending.cluster.spool.files) == 2


def test_killed_anywhere_nothing_is_lost_or_sent_twice(world, sending):
    for points in range(40):
        sending.cluster.write()
        world.clock.now += MINUTE
        for fuse in (sending.fuse, world.places[0].fuse):
            fuse.blow_after(points)
            try:
                sending.send()
            except Killed:
                pass
            finally:
                fuse.mend()
        sending.send()
    segments = [name for one in sent(world) for name in names([one])]
    assert segments[0][0] == "01"
    for before, after in zip(sent(world), sent(world)[1:], strict=False):
        assert after.first == wal.following(before.last, 16 * 1024 * 1024)


class Failing:
    """Streams of a world whose store goes away once the files of PostgreSQL are asked for."""

    def __init__(self, world):
        self.world = world

    def start(self, stack, service, argv):
        self.world.places[0].down |= argv == receiving.BASE
        return self.world.streams.start(stack, service, argv)


class TestMoments:
    def test_the_list_says_what_can_be_reached(self, world, sending):
        sending.create()
        began = int(world.clock.epoch_seconds())
        sending.minute()
        sending.minute()
        (window,) = windows(world.repository().look())
        assert (window.begins, window.ends, window.gap) == (began, began + 2 * MINUTE, "")

    def test_a_gap_ends_what_can_be_reached(self, world, sending):
        sending.create()
        sending.minute()
        sending.minute()
        sending.minute()
        for key in [key for key in world.places[0].objects if "/000000010000000000000003-" in key]:
            del world.places[0].objects[key]
        (window,) = windows(world.repository().look())
        assert window.gap == "000000010000000000000003"
        assert not sending.record.kept.leads_on(None)

    def test_figures_know_whether_the_base_leads_on(self, world, sending):
        sending.minute()
        assert not sending.record.kept.leads_on(world.figures.load().base)
        sending.create()
        sending.minute()
        assert sending.record.kept.leads_on(world.figures.load().base)

    def test_files_of_postgresql_that_cannot_be_had_cost_no_set(self, world, sending):
        sending.create()
        sending.minute()
        base = world.figures.load().base
        world.days_pass(1)
        world.streams.base_fails = "pg_basebackup: error: could not open file: Permission denied"
        with pytest.raises(
            Partial, match=r"no moment begins with it: pg_basebackup did not .* denied"
        ) as told:
            sending.create()
        assert told.value.exit_code == 8
        assert "moments begin with the set before" in told.value.hint
        newest = world.repository().look().newest
        assert (newest.set.base, newest.verdict.proven) == (None, True)
        assert world.restored(newest.id) == world.now
        assert not [key for key in world.places[0].objects if f"{newest.id}/base.tar" in key]

        # The set counts, what is missing is told, and the base before still leads on.
        kept = world.figures.load()
        assert (kept.success, kept.base_ok, kept.base) == (newest.set.created, False, base)
        assert world.journal.written[-1]["event"] == "backup-done"
        sending.minute()
        said = {one.metric.name: one.value for one in samples(sending.record.kept, kept)}
        assert said["instancectl_backup_base_success"] == 0
        assert said["instancectl_backup_wal_unbroken"] == 1
        assert "pg_basebackup" in world.journal.written[-1]["error"]

        world.streams.base_fails = ""
        world.days_pass(1)
        sending.create()
        kept = world.figures.load()
        assert kept.base_ok
        assert kept.base != base

    def test_a_disk_that_is_too_small_for_them_is_left_to_the_rest(self, world, sending):
        sending.create()
        world.days_pass(1)
        place = world.places[0]
        place.room = place.used + 20_000
        world.streams.base_fails = "50,000 bytes, of which some fit"
        subject = replace(world.subject, config=sending.config)
        made = Run(subject, world.tools, world.repository(), segment_bytes=1000).make()
        assert "no space left" in made.baseless
        assert not [key for key in place.objects if f"{made.set.id}/base.tar" in key]
        assert world.restored(made.set.id) == world.now

    def test_a_store_that_goes_away_meanwhile_is_no_half_success(self, world, sending):
        sending.create()
        world.days_pass(1)
        before = (world.sets(), world.figures.load().success)
        streams = Failing(world)
        with pytest.raises(Unreachable):
            world.create(config=sending.config, streams=streams)
        world.places[0].down = False
        assert (world.sets(), world.figures.load().success) == before
        assert world.journal.written[-1]["event"] == "backup-failed"

    def test_wal_of_the_last_days_stays_and_older_goes(self, world, sending):
        sending.create()
        sending.minute()
        early = {one.key for one in sent(world)}
        for _ in range(4):
            world.days_pass(1)
            sending.minute()
            sending.create()
            sending.minute()
            world.verify()
        world.expire()
        kept = {one.key for one in sent(world)}
        assert not early & kept
        spans = windows(world.repository().look())
        assert spans[-1].ends - spans[0].begins >= 2 * DAY

    def test_nothing_goes_while_a_set_cannot_be_read(self, world, sending):
        sending.create()
        sending.minute()
        world.days_pass(9)
        sending.create()
        key = naming.set_key(world.sets()[0])
        world.places[0].objects[key] = b"{}"
        before = len(sent(world))
        world.expire()
        assert len(sent(world)) == before

    def test_an_archive_without_a_signature_goes_after_days(self, world, sending):
        sending.create()
        key = wal.key("77", sending.cluster.last, sending.cluster.last, 5, "0" * 8)
        world.repository().store(key, b"left by a killed run")
        world.expire()
        assert key in world.places[0].objects
        world.days_pass(3)
        world.expire()
        assert key not in world.places[0].objects
