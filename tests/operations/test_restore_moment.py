"""A moment between two sets: rolled forward beside everything, counted, swapped like a set."""

from __future__ import annotations

import pytest

from instancectl.core.backup import recovery, wal
from instancectl.core.backup.moment import Moment
from instancectl.errors import Refused, Unhealthy
from tests.fakes.fuse import Killed
from tests.operations.restore_world import Host, Source
from tests.operations.wal_world import MINUTE, Sending

THEN = {"public.accounts": 5, "public.statuses": 41}


@pytest.fixture
def source():
    made = Source()
    made.files["secrets.env"] = b"SECRET_KEY_BASE=x\nDB_PASS=p\n"
    sending = Sending(made)
    sending.create()
    for _ in range(4):
        sending.minute()
    made.sending = sending
    return made


@pytest.fixture
def moment(source):
    return Moment(int(source.clock.epoch_seconds()) - MINUTE).text


def recovering(host, *, read="0/6000000", whole=False):
    """What a real PostgreSQL would make of base and WAL: contract tests prove that."""
    host.streams.tables = dict(THEN)
    host.swarm.images[host.config.images.db] = ""
    told = f"read {read}\n" + ("whole yes\n" if whole else "")
    host.scratch.answers[recovery.ASK] = (0, told)
    return host


@pytest.fixture
def host(source):
    return recovering(Host(source))


def archives(source):
    return sorted(key for key in source.places[0].objects if wal.parse(key))


class TestOnAnEmptyHost:
    def test_the_database_is_of_that_moment(self, host, moment):
        result = host.restore(at=moment)
        assert host.data["tables"] == THEN
        assert result.data["at"] == moment
        assert any(moment in line for line in result.lines)

    def test_base_and_wal_lie_where_recovery_finds_them(self, host, moment):
        kept = {}
        started = host.scratch.start

        def start(one):
            kept.update(host.scratched.live["db"])
            started(one)

        host.scratch.start = start
        host.restore(at=moment)
        assert kept[recovery.BASE_FILE].startswith(b"backup_label")
        assert recovery.WAL_FILE.format(number=0) in kept
        assert not host.scratch.there

    def test_dry_run_says_where_it_comes_from(self, host, moment):
        said = "\n".join(host.show(at=moment).lines)
        assert f"database: as of {moment} (UTC)" in said
        assert "what happened since that moment" in said
        assert not host.files.files

    def test_the_same_command_goes_on_to_the_same_moment(self, host, moment):
        for points in range(0, 120, 3):
            host.fuse.blow_after(points)
            try:
                host.restore(at=moment)
                break
            except Killed:
                pass
            finally:
                host.fuse.mend()
        host.fuse.mend()
        if host.record.kept:
            host.restore()
        assert host.data["tables"] == THEN
        assert not host.scratch.there

    def test_another_moment_is_refused_meanwhile(self, source, host, moment):
        host.fuse.blow_after(12)
        with pytest.raises(Killed):
            host.restore(at=moment)
        host.fuse.mend()
        assert host.record.kept
        with pytest.raises(Refused, match="has begun and not ended"):
            host.restore(at="latest")


class TestBesideALiveInstance:
    def test_it_is_swapped_and_goes_back(self, source, moment):
        host = recovering(Host(source).with_instance())
        before = host.data
        host.restore(at=moment, beside=True)
        assert host.data["tables"] == THEN
        host.undo()
        assert host.data == before


class TestFilesThatCannotBeReadHere:
    """The set itself restores: a dump is of no machine and of no version."""

    @pytest.fixture(params=["machine", "version"])
    def elsewhere(self, request, host):
        if request.param == "machine":
            host.machine = "aarch64"
        else:
            host.scratch.version = "postgres (PostgreSQL) 18.1 (Debian 18.1-1.pgdg13+2)"
        return host

    def test_on_an_empty_host_nothing_is_changed_and_the_set_is_offered(self, source, elsewhere, moment):
        with pytest.raises(Refused, match="no moment can be reached here; nothing was changed") as told:
            elsewhere.restore(at=moment)
        assert told.value.exit_code == 7
        assert not elsewhere.files.files
        assert elsewhere.record.kept is None
        assert not elsewhere.scratch.there
        assert elsewhere.figures.load().drilled == 0
        offered = told.value.hint.partition("`--set ")[2].partition("`")[0]
        elsewhere.restore(offered)
        assert elsewhere.data == source.now

    def test_beside_a_live_instance_nothing_is_touched(self, source, elsewhere, moment):
        live = elsewhere.with_instance()
        before, running = live.data, live.running
        with pytest.raises(Refused, match="no moment can be reached here"):
            live.restore(at=moment, beside=True)
        assert (live.data, live.running) == (before, running)


class TestRefused:
    def test_forged_wal(self, source, host, moment):
        key = archives(source)[-2]
        content = source.places[0].objects[key]
        source.places[0].objects[key] = content.replace(b"content of", b"forgery of")
        with pytest.raises(Unhealthy, match="is not what was written"):
            host.restore(at=moment)
        assert not host.scratch.there

    def test_swapped_wal(self, source, host, moment):
        first, second = archives(source)[:2]
        objects = source.places[0].objects
        objects[first], objects[second] = objects[second], objects[first]
        with pytest.raises(Unhealthy, match="is not what was written"):
            host.restore(at=moment)

    def test_missing_wal_is_named(self, source, host, moment):
        del source.places[0].objects[archives(source)[1]]
        with pytest.raises(Unhealthy, match="WAL is missing from `000000010000000000000003` on"):
            host.restore(at=moment)
        assert not host.files.files

    def test_wal_that_recovery_could_not_read_to_its_end(self, source, moment):
        host = recovering(Host(source), read="0/4000000", whole=True)
        with pytest.raises(Unhealthy, match="recovery ended in the segment `0000000000000003`"):
            host.restore(at=moment)

    def test_postgresql_that_does_not_recover(self, source, host, moment):
        host.scratch.answers[recovery.ASK] = (2, "")
        host.scratch.ended["db"] = 1
        with pytest.raises(Unhealthy, match=r"does not recover .* last words of db"):
            host.restore(at=moment)

    def test_a_base_of_the_wrong_key(self, source, host, moment):
        host.identity, _ = source.sealing.new_identity()
        with pytest.raises(Refused, match="the kit does not open"):
            host.restore(at=moment)


def test_a_set_without_point_in_time_is_as_it_was(source):
    made = Source()
    made.create()
    set_ = made.repository().look().sets[0].set
    assert set_.base is None
    assert set_.part("base.tar.zst.age") is None
