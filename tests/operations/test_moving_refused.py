"""What is no handover, and what keeps one from happening: named, and nothing was changed on either host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.backup import handing, wal
from instancectl.errors import OperationFailed, Refused, Unhealthy
from instancectl.operations.backup import handing as handovers
from instancectl.operations.backup import handover
from tests.fakes.destination import FakeDestination
from tests.fakes.fuse import Killed
from tests.fakes.restore import SERVICES
from tests.operations.moving_world import Old


@pytest.fixture
def old():
    return Old()


class TestRefused:
    """Nothing was changed, on neither host, and everything still runs on the old one."""

    def refused(self, old, match, *accepted):
        with pytest.raises(Refused, match=match) as told:
            old.hand_over(*accepted)
        assert told.value.exit_code == 7
        assert old.running == set(SERVICES)
        assert (old.record.kept, old.deployer.page) == (None, None)
        return told.value

    def test_nobody_follows(self, old):
        error = self.refused(old, "nobody follows social.example")
        assert "--follow" in error.hint

    def test_it_may_be_accepted_and_followed_later(self, old):
        old.hand_over("nobody-follows")
        host = old.new()
        host.follow()
        assert host.data == old.source.now

    def test_a_follower_that_does_not_get_nearer_is_waited_for_while_everybody_is_served(self, old):
        host, told = old.new(), []

        def hand_over():
            host.standby.stuck = True
            old.commit()
            told.append(self.refused(old, "the follower has WAL up to `000000010000000000000002`"))
            host.fuse.blow_after(0)

        old.clock.after(40, hand_over)
        with pytest.raises(Killed):
            host.follow()
        assert "nothing was changed" in told[0].message

    def test_without_point_in_time(self, old):
        config = old.sending.config
        giving = old.giving
        off = config.model_copy(update={"backup": config.backup.model_copy(update={"point_in_time": False})})
        with pytest.raises(Refused, match="nothing of what PostgreSQL writes is sent away") as told:
            handover.hand_over(replace(giving, outlet=replace(giving.outlet, config=off)))
        assert "backup.point_in_time = true" in told.value.hint

    def test_no_set_has_the_files_of_this_postgresql(self, old):
        old.cluster.system = "88"
        old.cluster.write()
        self.refused(old, "no set in place-0 has the files of this PostgreSQL")

    def test_a_destination_that_is_full_at_the_end_starts_everything_again(self, old):
        """The other one has the last WAL, but nobody follows there."""
        other = FakeDestination(old.clock, "place-1")
        old.source.places.append(other)
        old.place.room = None

        def fill():
            old.commit()
            old.place.room = old.place.used

        old.deployer.when_paged = fill
        with pytest.raises(OperationFailed) as told:
            old.hand_over("nobody-follows")
        assert "everything runs here again" in told.value.hint
        assert old.running == set(SERVICES)
        assert (old.record.kept, old.deployer.page) == (None, None)

    def test_media_that_are_not_mounted(self, old):
        old.source.media.files.clear()
        self.refused(old, "is empty, and the last set has media", "nobody-follows")

    def test_an_instance_is_on_the_new_host(self, old):
        host = old.new().with_instance()
        with pytest.raises(Refused, match="is on this host already"):
            host.follow()

    def test_another_image_would_run(self, old):
        host = old.new()
        old.source.clock.sleep(60)
        reference = host.config.images.db
        old.source.create(
            config=old.sending.config.model_copy(
                update={
                    "backup": old.sending.config.backup.model_copy(update={"point_in_time": False}),
                }
            ),
            images={reference: "postgres:18@sha256:other"},
            files=old.source.files,
        )
        host.swarm.images["postgres:18@sha256:other"] = "postgres:18@sha256:other"
        with pytest.raises(Refused, match="they may sort texts differently; nothing was changed") as told:
            host.follow()
        assert "--at latest" in told.value.hint
        assert not host.files.files

    def test_another_machine(self, old):
        host = old.new()
        host.machine = "aarch64"
        with pytest.raises(Refused, match="this host is a `aarch64`"):
            host.follow()

    def test_names_that_lead_to_the_old_host_are_a_matter_of_before(self, old):
        """What a deploy refuses is refused before anybody waits for anything."""
        host = old.new()

        def refuse(why, wanted):
            raise Refused("cannot deploy `social.example`: dns", subject="dns")

        host.deployer.start = refuse
        with pytest.raises(Refused, match="dns"):
            host.follow()
        assert not host.standby.there
        assert not [key for key in old.place.objects if key.startswith("followers/")]


class TestHandoversThatAreNone:
    @pytest.fixture
    def handed(self, old):
        """Handed over; the new host has not begun."""
        old.hand_over("nobody-follows")
        return old

    def key(self, old):
        return handing.key(old.record.kept.id)

    def test_forged(self, handed):
        key, host = self.key(handed), handed.new()
        handed.place.objects[key] = handed.place.objects[key].replace(b"social.example", b"social.exampl3")
        with pytest.raises(Unhealthy, match=r"is not signed by this instance.*nothing was changed") as told:
            host.follow()
        assert told.value.subject == key
        assert "db" not in host.running
        handed.undo()
        assert handed.running == set(SERVICES)

    def test_of_another_cluster(self, handed):
        host = handed.new()
        given = handovers.read(handed.source.repository(), handed.record.kept.id)
        other = "2027-01-15T080000Z-00000000"
        handovers.write(handed.source.repository(), replace(given, id=other, system="99"))
        with pytest.raises(Unhealthy, match="of another PostgreSQL than the one that is followed"):
            host.follow()
        assert "db" not in host.running

    def test_of_another_release(self, handed):
        host = handed.new()
        given = handovers.read(handed.source.repository(), handed.record.kept.id)
        handed.undo()
        other = "2027-01-15T080000Z-00000000"
        handovers.write(handed.source.repository(), replace(given, id=other, release="v9.9.9"))
        with pytest.raises(Refused, match=r"to v9\.9\.9 since"):
            host.follow()

    def test_wal_is_missing(self, old):
        old.commit()
        old.commit()
        old.hand_over("nobody-follows")
        last = handovers.read(old.source.repository(), old.record.kept.id).last
        kept = dict(old.place.objects)
        for key in kept:
            found = wal.parse(key)
            if found and found.last == last:
                del old.place.objects[key]
        host = old.new()
        with pytest.raises(Unhealthy, match=f"WAL is missing from `{last}` on.*nothing was changed") as told:
            host.follow()
        assert "backup handover --undo" in told.value.hint
        assert handovers.ended(old.source.repository(), old.record.kept.id) == ""
        old.place.objects.update(kept)
        host.follow()
        assert host.data == old.source.now

    def test_taken_by_another_host(self, handed):
        first, second = handed.new(), handed.new()
        closed = second.desk.close

        def overtaken(*, lasting=True):
            closed(lasting=lasting)
            if not lasting:  # the last media are looked at
                first.follow()

        second.desk.close = overtaken
        with pytest.raises(Refused, match="taken by another host; nothing was changed"):
            second.follow()
        assert "db" not in second.running
        assert first.data == handed.source.now
