"""WAL: what follows what, which moments are reached, what is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.backup import moment, reaching, receiving, recovery, wal
from instancectl.core.backup.database import TOLD
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.moment import Moment
from instancectl.core.backup.wal import Base, Sent
from instancectl.core.backup.wal_figures import WalFigures
from instancectl.errors import ConfigError, OperationFailed, Refused, Unhealthy

MIB = 1024 * 1024
SEGMENT = 16 * MIB


def segment(number: int) -> str:
    return f"00000001{number // 256:08X}{number % 256:08X}"


def sent(first: int, last: int, until: int, system: str = "7") -> Sent:
    key = wal.key(system, segment(first), segment(last), until, "0123456789")
    return wal.parse(key)


def base(first: int, reached: int, last: int | None = None) -> Base:
    return Base("7", segment(first), segment(first if last is None else last), reached, SEGMENT, "17", "x")


def a_set(created: int, found: Base | None = None, release: str = "v4.6.3") -> BackupSet:
    return BackupSet(f"set-{created}", "i", created, "1", release, ("age1",), (), base=found)


class TestNames:
    def test_a_key_says_what_is_in_it(self):
        key = wal.key("123", segment(5), segment(9), 1_800_000_000, "0123456789abcdef")
        assert key.endswith("-1800000000-01234567.tar.zst.age")
        assert wal.parse(key) == Sent(key, "123", segment(5), segment(9), 1_800_000_000)

    @pytest.mark.parametrize(
        "other", ["wal/1/x.tar.zst.age", "sets/x.json", "wal/1/../2", "wal/7/x.sig", "wal/"]
    )
    def test_anything_else_is_none(self, other):
        assert wal.parse(other) is None

    @pytest.mark.parametrize(
        ("name", "size", "after"),
        [
            ("000000010000000000000001", SEGMENT, "000000010000000000000002"),
            ("0000000100000000000000FF", SEGMENT, "000000010000000100000000"),
            ("00000001000000010000003F", 64 * MIB, "000000010000000200000000"),
            ("0000000200000000000003FF", 4 * MIB, "000000020000000100000000"),
        ],
    )
    def test_segments_follow_each_other(self, name, size, after):
        assert wal.following(name, size) == after

    @pytest.mark.parametrize(
        ("lsn", "name"),
        [("0/2000000", segment(1)), ("0/2000001", segment(2)), ("1/0", segment(255)), ("1/28", segment(256))],
    )
    def test_the_border_belongs_to_what_ends_there(self, lsn, name):
        assert wal.before("00000001", lsn, SEGMENT) == name

    def test_without_a_signature_it_is_not_sent(self):
        one, other = sent(1, 2, 5), sent(3, 3, 6)
        assert wal.sent_in([one.key, f"{one.key}.sig", other.key], ".sig") == (one,)


class TestChain:
    def test_goes_on_as_long_as_nothing_is_missing(self):
        found = wal.chain(base(2, 10), [sent(1, 3, 20), sent(4, 6, 30), sent(8, 9, 50)])
        assert (found.until, found.missing) == (30, segment(7))

    def test_takes_only_what_a_moment_needs(self):
        found = wal.chain(base(2, 10), [sent(2, 3, 20), sent(4, 6, 30), sent(7, 7, 40)], 25)
        assert [one.until for one in found.sent] == [20, 30]

    def test_a_base_needs_its_own_end(self):
        assert not wal.chain(base(2, 10, last=5), [sent(1, 4, 20)]).until
        assert wal.chain(base(2, 10, last=5), [sent(1, 4, 20), sent(5, 5, 30)], 12).until == 30

    def test_of_another_cluster_nothing_counts(self):
        assert not wal.chain(base(2, 10), [sent(2, 3, 20, system="8")]).sent

    @given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.data())
    def test_any_archive_that_is_missing_ends_it_there(self, sizes, data):
        archives, at = [], 1
        for number, size in enumerate(sizes):
            archives.append(sent(at, at + size - 1, 100 + number))
            at += size
        gone = data.draw(st.integers(0, len(archives) - 1))
        left = archives[:gone] + archives[gone + 1 :]
        found = wal.chain(base(1, 1), data.draw(st.permutations(left)))
        assert found.missing == archives[gone].first
        assert found.until == (archives[gone - 1].until if gone else 0)

    def test_what_was_sent_twice_is_taken_once(self):
        found = wal.chain(base(1, 1), [sent(1, 2, 10), sent(1, 3, 20), sent(3, 4, 30), sent(2, 3, 15)])
        assert (found.until, found.missing) == (30, segment(5))


class TestUnneeded:
    def test_what_leads_on_from_a_wanted_base_stays(self):
        archives = [sent(1, 1, 100), sent(2, 2, 200), sent(3, 3, 300)]
        bases = [(150, base(2, 150)), (250, base(3, 250))]
        assert wal.unneeded(archives, bases, 1000, 740) == (archives[0].key, archives[1].key)
        assert wal.unneeded(archives, bases, 1000, 790) == (archives[0].key,)
        assert wal.unneeded(archives, bases, 1000, 900) == ()

    def test_the_newest_base_is_always_wanted(self):
        archives = [sent(1, 1, 100), sent(2, 2, 200)]
        assert wal.unneeded(archives, [(150, base(2, 150))], 10**9, 60) == (archives[0].key,)


class TestReach:
    SENT = (sent(1, 3, 100), sent(4, 6, 200), sent(7, 9, 300))

    def test_from_the_newest_base_before_it(self):
        sets = [a_set(10, base(1, 20)), a_set(110, base(5, 120)), a_set(310, base(9, 320))]
        found = reaching.reach(sets, self.SENT, Moment(150))
        assert (found.start.created, found.rest.created, found.until) == (110, 310, 150)
        assert [one.until for one in found.chain.sent] == [200]
        assert found.wal_bytes == 3 * SEGMENT

    def test_latest_is_the_end_of_what_was_sent(self):
        sets = [a_set(10, base(1, 20)), a_set(110, base(5, 120))]
        found = reaching.reach(sets, self.SENT, Moment())
        assert (found.start.created, found.until) == (110, 300)

    def test_an_earlier_base_when_the_newest_leads_nowhere(self):
        sets = [a_set(10, base(1, 20)), a_set(140, base(6, 145, last=40))]
        assert reaching.reach(sets, self.SENT, Moment(150)).start.created == 10

    def test_too_early_is_refused_with_the_first_moment(self):
        with pytest.raises(Refused, match=r"too early: .* 1970-01-01T00:00:20Z"):
            reaching.reach([a_set(10, base(1, 20))], self.SENT, Moment(19))

    def test_too_late_is_refused_with_the_last(self):
        with pytest.raises(Refused, match=r"too late: .* 1970-01-01T00:05:00Z"):
            reaching.reach([a_set(10, base(1, 20))], self.SENT, Moment(301))

    def test_a_gap_is_named(self):
        with pytest.raises(Unhealthy, match=segment(4)) as caught:
            reaching.reach([a_set(10, base(1, 20))], (self.SENT[0], self.SENT[2]), Moment(150))
        assert "--at '1970-01-01T00:01:40Z'" in caught.value.hint

    def test_without_a_base_sets_are_what_there_is(self):
        with pytest.raises(Refused, match="no set has the files"):
            reaching.reach([a_set(10)], self.SENT, Moment(150))

    def test_an_upgrade_in_between_must_be_decided(self):
        sets = [a_set(10, base(1, 20)), a_set(210, base(7, 220), release="v4.7.0")]
        with pytest.raises(Refused, match="which schema"):
            reaching.reach(sets, self.SENT, Moment(150))
        assert reaching.reach(sets, self.SENT, Moment(150), "set-10").rest.created == 10


class TestMoment:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("2026-11-21 14:05", "2026-11-21T14:05:00Z"),
            ("2026-11-21T14:05:30Z", "2026-11-21T14:05:30Z"),
            ("2026-11-21 15:05+01:00", "2026-11-21T14:05:00Z"),
            ("latest", "latest"),
        ],
    )
    def test_utc_without_a_zone(self, typed, meant):
        assert moment.parse(typed).text == meant
        assert moment.parse(meant).text == meant

    @pytest.mark.parametrize("typed", ["yesterday", "", "14:05"])
    def test_anything_else_is_refused(self, typed):
        with pytest.raises(ConfigError, match="is no moment"):
            moment.parse(typed)


class TestTold:
    def test_a_base_says_where_it_begins(self):
        told = {"system": "7", "first": segment(2), "last": segment(3), "reached": 9, "segment_bytes": 1}
        told |= {"version": "17.5 (Debian 17.5-1)", "machine": "x86_64"}
        said = "NOTICE:  WAL archiving is not enabled\n"
        said += "".join(f"{TOLD}{key} {value}\n" for key, value in told.items())
        assert receiving.base(said, 0).version == "17.5 (Debian 17.5-1)"
        with pytest.raises(OperationFailed, match="did not end well"):
            receiving.base(said, 1)
        with pytest.raises(OperationFailed, match="could not connect"):
            receiving.base("pg_basebackup: error: could not connect", 1)

    def test_a_switch_without_a_slot_is_understood(self):
        found = receiving.switched(
            "system 7\nmoment 5\nposition 0/2000000\ntimeline 00000001\n"
            "segment_bytes 16777216\nslot \nlag_bytes \n"
        )
        assert (found.slot, found.lag_bytes, found.last) == ("", 0, segment(1))
        with pytest.raises(OperationFailed):
            receiving.switched("system 7\n")

    def test_recovery_says_how_far_it_read(self):
        found = recovery.recovered("read 0/6000000\nwhole yes\n", SEGMENT)
        assert (found.read, found.whole) == (segment(5)[8:], True)


def test_figures_know_whether_a_base_leads_on():
    kept = WalFigures(system="7", first=segment(2), last=segment(9))
    assert kept.leads_on(base(2, 10))
    assert not kept.leads_on(base(1, 10))
    assert not kept.leads_on(base(9, 10, last=10))
    assert not kept.leads_on(None)
