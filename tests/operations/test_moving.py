"""An instance moves while it runs: followed, handed over, taken over; nothing that was written is lost."""

from __future__ import annotations

import pytest

from instancectl.core.result import Status
from instancectl.errors import Refused, Unreachable
from instancectl.operations.backup import handover, moving
from instancectl.operations.backup.ground import Wish
from tests.fakes.fuse import Killed
from tests.fakes.restore import SERVICES
from tests.operations.moving_world import WRITERS, Old


@pytest.fixture
def old():
    return Old()


def in_the_last_second(old):
    """What comes between the last look of the follower and the end."""
    old.commit()
    old.source.media.write("accounts/late.jpg", b"late")
    old.source.media.remove("accounts/07/a.jpg")


def when_followed(old, what=None):
    """Hand over, once somebody follows."""
    followed = any(key.startswith("followers/") for key in old.place.objects)
    if followed:
        (what or old.hand_over)()
    else:
        old.clock.after(5, lambda: when_followed(old, what))


def moved(old, host):
    old.clock.after(40, lambda: when_followed(old))
    old.deployer.when_paged = lambda: in_the_last_second(old)
    return host.follow()


class TestMoving:
    def test_everything_that_was_written_is_on_the_new_host(self, old):
        host = old.new()
        result = moved(old, host)
        assert host.data == old.source.now
        assert "accounts/late.jpg" in host.data["media"]
        assert host.running == set(SERVICES)
        assert result.data["handover"] == old.record.kept.id
        assert not host.standby.there

    def test_on_the_old_host_nothing_that_writes_runs(self, old):
        moved(old, old.new())
        assert old.running == set(SERVICES) - WRITERS
        assert old.deployer.page == "We are moving to another server."
        assert old.record.kept.whole

    def test_redis_comes_along_when_asked_for(self, old):
        host = old.new()
        old.clock.after(40, old.hand_over)
        host.follow(redis=True)
        assert any(name.endswith(".rdb") for name in host.volumes.live["redis"])
        assert not host.deployer.ran

    def test_nobody_waits_for_what_can_be_done_before(self, old):
        """Between the page and the handover only what is new is sent: no dump, no base, no second index."""
        host, before = old.new(), set()
        old.clock.after(40, old.hand_over)
        old.deployer.when_paged = lambda: (before.update(old.place.objects), old.commit())
        host.follow()
        new = {key.partition("/")[0] for key in set(old.place.objects) - before}
        assert new <= {"parts", "wal", "handovers", "followers"}
        sent = [key for key in set(old.place.objects) - before if key.startswith("parts/")]
        assert sorted(key.rpartition("/")[2].partition(".")[0] for key in sent) == ["media", "redis"]

    def test_what_it_says_while_it_follows(self, old):
        host = old.new()
        moved(old, host)
        assert any(note.startswith("follows: 0 B to read") for note in host.reporter.notes)

    def test_dry_runs_change_nothing(self, old):
        host = old.new()
        said = "\n".join(moving_show(host).lines)
        assert "then it follows social.example" in said
        assert not host.files.files
        old.clock.after(40, lambda: said_by.extend(handover_show(old).lines))
        old.clock.after(45, lambda: host.fuse.blow_after(0))
        said_by = []
        with pytest.raises(Killed):
            host.follow()
        assert "a host follows" in "\n".join(said_by)
        assert old.running == set(SERVICES)
        assert old.record.kept is None


def moving_show(host):
    return moving.show(host.ground, Wish(follow=True))


def handover_show(old):
    return handover.show(old.giving)


class TestKilled:
    def test_the_new_host_in_any_moment_and_the_same_command_goes_on(self):
        points, killed = 0, True
        while killed:
            old = Old()
            host = old.new()
            host.fuse.blow_after(points)
            try:
                moved(old, host)
                killed = False
            except Killed:
                host.fuse.mend()
                if host.record.kept is not None or not host.running:  # it may have died after its end
                    host.follow()
            assert not host.standby.there
            assert host.data == old.source.now, f"killed after {points} points"
            assert host.running == set(SERVICES)
            assert old.running == set(SERVICES) - WRITERS
            points += 3
        assert points > 100

    def test_the_old_host_in_any_moment_and_the_same_command_goes_on(self):
        points, killed = 0, True
        while killed:
            old = Old()
            host = old.new()
            killed = kill_while_handing_over(old, host, points, old.hand_over)
            assert host.data == old.source.now, f"killed after {points} points"
            assert old.running == set(SERVICES) - WRITERS
            assert old.record.kept.whole
            points += 2
        assert points > 20

    def test_the_old_host_in_any_moment_and_undo_starts_everything(self):
        points, killed = 0, True
        while killed:
            old = Old()
            host = old.new()
            killed = kill_while_handing_over(old, host, points, lambda old=old: undone(old))
            assert host.data == old.source.now, f"killed after {points} points"
            points += 2


def kill_while_handing_over(old, host, points, then):
    """The old host dies while the new one follows; `then` is typed there half a minute later."""
    died = []

    def hand_over():
        old.fuse.blow_after(points)
        try:
            old.hand_over()
        except Killed:
            died.append(points)
            old.fuse.mend()
            old.clock.after(30, then)
        old.fuse.mend()

    old.clock.after(40, hand_over)
    old.deployer.when_paged = lambda: (
        in_the_last_second(old) if b"accounts/07/a.jpg" in old.source.media.files else None
    )
    host.follow()
    return bool(died)


def undone(old):
    """Taken back; somebody posts; a minute later it is handed over for good."""
    if old.record.kept is not None:
        if old.taken:
            with pytest.raises(Refused, match="another host took over"):
                old.undo()
            return
        old.undo()
        assert old.running == set(SERVICES)
        assert old.deployer.page is None
    old.commit()
    old.sending.send()
    old.clock.after(60, old.hand_over)


class TestTheLink:
    def test_cut_in_any_phase_it_is_told_and_the_same_command_goes_on(self):
        points, cut = 0, True
        while cut:
            old = Old()
            host = old.new()

            def fall(old=old):
                old.place.down = True

            host.fuse.happen_after(points, fall)
            cut = False
            try:
                moved(old, host)
            except Unreachable:
                cut = True
            host.fuse.mend()
            if cut:
                old.place.down = False
                assert not any(name.startswith("sidekiq") for name in host.running)
                host.follow()
            assert host.data == old.source.now, f"cut after {points} points"
            points += 5
        assert points > 50

    def test_cut_while_the_old_host_hands_over_everything_runs_there_again(self, old):
        host, told = old.new(), []

        def hand_over():
            try:
                old.hand_over()
            except Unreachable as error:
                told.append(error)
                old.place.down = False
                old.deployer.when_paged = lambda: None
                old.clock.after(60, old.hand_over)

        def fall():
            old.place.down = True

        old.deployer.when_paged = fall
        old.clock.after(40, hand_over)
        host.follow()
        assert "everything runs here again" in told[0].hint
        assert host.data == old.source.now


class TestUndone:
    def test_as_long_as_nobody_took_over_everything_runs_again_and_the_follower_follows(self, old):
        host = old.new()
        old.clock.after(40, lambda: (old.hand_over(), old.undo()))
        old.clock.after(60, old.commit)
        old.clock.after(61, old.sending.send)
        old.clock.after(90, old.hand_over)
        host.follow()
        assert host.data == old.source.now

    def test_afterwards_it_is_refused(self, old):
        moved(old, old.new())
        with pytest.raises(Refused, match="another host took over") as told:
            old.undo()
        assert told.value.exit_code == 7
        assert old.running == set(SERVICES) - WRITERS

    def test_withdrawn_before_it_was_taken_nothing_is_taken(self, old):
        host = old.new()
        old.clock.after(40, old.hand_over)
        closed = host.desk.close

        def undo_meanwhile(*, lasting=True):
            closed(lasting=lasting)
            if not lasting:  # the last media are looked at
                old.undo()

        host.desk.close = undo_meanwhile
        with pytest.raises(Refused, match="was withdrawn; nothing was changed"):
            host.follow()
        assert old.running == set(SERVICES)
        assert "db" not in host.running
        host.desk.close = closed
        old.commit()
        old.sending.send()
        old.clock.after(60, old.hand_over)
        host.follow()
        assert host.data == old.source.now

    def test_without_a_handover_there_is_nothing_to_undo(self, old):
        with pytest.raises(Refused, match="was not handed over"):
            old.undo()

    def test_a_second_handover_says_what_the_first_did(self, old):
        moved(old, old.new())
        assert old.hand_over().status is Status.UNCHANGED
        assert old.running == set(SERVICES) - WRITERS

    def test_following_can_be_given_up(self, old):
        host = old.new()
        old.clock.after(50, lambda: host.fuse.blow_after(0))
        with pytest.raises(Killed):
            host.follow()
        host.fuse.mend()
        assert host.standby.there
        assert "nobody is followed here any more" in host.undo().lines[0]
        assert not host.standby.there
        assert host.record.kept is None
