"""Restore, killed at every point: the next run ends what it began, or goes back."""

from __future__ import annotations

import pytest

from instancectl.core.backup import reviving
from instancectl.errors import Refused
from tests.fakes.databases import PRODUCTION
from tests.fakes.fuse import Killed
from tests.fakes.restore import SERVICES
from tests.operations.restore_world import LIVE, Host, Source


@pytest.fixture
def source():
    made = Source()
    made.create()
    return made


@pytest.fixture
def host(source):
    return Host(source)


@pytest.fixture
def live(source):
    return Host(source).with_instance()


def run_with_kills(host: Host, points: int, **wish: bool) -> bool:
    """Whether a run was killed after so many points; another one then ends what it began."""
    host.fuse.blow_after(points)
    try:
        host.restore(**wish)
    except Killed:
        return True
    finally:
        host.fuse.mend()
    return False


class TestKilled:
    def test_anywhere_on_an_empty_host_the_next_run_ends_it(self, source):
        wanted, points = source.now, 0
        while True:
            host = Host(source)
            killed = run_with_kills(host, points)
            if killed and (host.record.kept or not host.files.files):
                host.restore()
            assert host.data == wanted, f"killed after {points} points"
            assert set(host.databases.all) == {PRODUCTION}
            assert host.running == set(SERVICES)
            if not killed:
                break
            points += 1
        assert points > 60

    def test_anywhere_beside_a_live_one_the_next_run_ends_it(self, source):
        tables, points = source.streams.tables, 0
        while True:
            host = Host(source).with_instance()
            killed = run_with_kills(host, points, beside=True)
            kept = host.record.kept
            if killed and (kept is None or kept.running):
                host.restore(beside=True)
            assert host.data["tables"] == tables, f"killed after {points} points"
            assert host.databases.all[reviving.BEFORE] == LIVE["tables"]
            assert host.volumes.before["media"] == {"accounts/99/new.jpg": b"new"}
            if not killed:
                break
            points += 1
        assert points > 60

    def test_anywhere_beside_a_live_one_undo_goes_back(self, source):
        points = 0
        while True:
            host = Host(source).with_instance()
            before = host.data
            killed = run_with_kills(host, points, beside=True)
            if host.record.kept:
                host.undo()
            assert host.data == before, f"killed after {points} points"
            assert host.volumes.live["redis"] == {"appendonlydir/x": b"jobs"}
            assert host.running == set(SERVICES)
            if not killed:
                break
            points += 1

    def test_undo_killed_anywhere_goes_back_in_the_end(self, source):
        points = 0
        while True:
            host = Host(source).with_instance()
            before = host.data
            host.restore(beside=True)
            host.fuse.blow_after(points)
            try:
                host.undo()
                killed = False
            except Killed:
                killed = True
            host.fuse.mend()
            if killed:
                host.undo()
            assert host.data == before, f"killed after {points} points"
            if not killed:
                break
            points += 1

    def test_what_was_unpacked_is_not_unpacked_again(self, source, host):
        for number in range(3):
            source.media.write(f"later/{number}.jpg", b"later")
            source.clock.sleep(1)
            source.create()
        host.volumes.room = None
        host.fuse.blow_after(points_until_media(source) + 30)
        with pytest.raises(Killed):
            host.restore()
        host.fuse.mend()
        before = host.target.written
        assert before
        host.restore()
        assert host.target.written - before < len(source.media.files)
        assert host.data == source.now

    def test_another_set_is_refused_until_the_first_is_done_or_given_up(self, source, live):
        source.clock.sleep(5)
        source.create()
        live.fuse.blow_after(30)
        with pytest.raises(Killed):
            live.restore(beside=True)
        live.fuse.mend()
        with pytest.raises(Refused, match="has begun and not ended"):
            live.restore(source.sets()[0], beside=True)
        with pytest.raises(Refused, match="has not ended; nothing was removed"):
            live.finish()
        live.undo()
        live.finish()
        live.restore(source.sets()[0], beside=True)

    def test_a_run_that_goes_on_says_so(self, source, live):
        live.fuse.blow_after(40)
        with pytest.raises(Killed):
            live.restore(beside=True)
        live.fuse.mend()
        live.restore(beside=True)
        assert "goes on with the restore" in live.reporter.everything


def points_until_media(source: Source) -> int:
    """How many points an empty host passes before the first file of the media."""
    host, points = Host(source), 0
    while True:
        host = Host(source)
        host.fuse.blow_after(points)
        try:
            host.restore()
        except Killed:
            if host.target.written:
                return points
        points += 1
