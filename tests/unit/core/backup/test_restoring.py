"""Decisions of restores and drills."""

from __future__ import annotations

import pytest

from instancectl.core.applied import Applied
from instancectl.core.backup import drilling, figures, index, restoring, reviving, tar
from instancectl.core.backup.figures import Figures
from instancectl.core.backup.index import Entry
from instancectl.core.backup.model import BackupSet, Media, Part, StoredObject
from instancectl.core.backup.restoring import Phase, Record
from instancectl.core.backup.verdict import Level, Proof, decode, encode, verdict
from instancectl.core.units import GIB, MIB


def set_of(plain: int, files: int = 0, size: int = 0) -> BackupSet:
    dump = Part("database.dump.zst.age", (StoredObject("a", size, ""),), plain)
    media = Part("media.tsv.zst.age", (), 1)
    return BackupSet("s", "x", 1000, "1", "4.6.3", (), (dump, media), (), Media("local", files, files * MIB))


class TestNeeds:
    def test_a_larger_database_takes_longer_and_more_room(self):
        small, large = restoring.needs(set_of(GIB)), restoring.needs(set_of(10 * GIB))
        assert small.seconds < large.seconds < 10 * small.seconds
        assert small.disk_bytes == int(GIB + GIB * restoring.INDEX_SHARE)
        assert large.disk_bytes > 9 * small.disk_bytes

    def test_media_need_room_and_time(self):
        with_media = restoring.needs(set_of(GIB, files=100_000))
        assert with_media.disk_bytes - restoring.needs(set_of(GIB)).disk_bytes == 100_000 * MIB
        assert with_media.seconds - restoring.needs(set_of(GIB)).seconds == pytest.approx(90)

    def test_what_a_drill_measured_counts(self):
        assert restoring.needs(set_of(GIB), 500).seconds == 500

    def test_what_is_lost_is_said_in_time(self):
        assert restoring.lost(1000, 1000 + 4 * 3600 + 12 * 60) == "4 h 12 min of posts"


class TestRecord:
    def test_it_survives_json(self):
        record = Record("s", True, 5, schema=("a", "b"), kept=True).with_done(Phase.DATA)
        assert Record.from_json(record.as_json()) == record

    @pytest.mark.parametrize(
        "raw", [{}, {"set": "x"}, {"set": "x", "beside": True, "began": 1, "schema": "a"}]
    )
    def test_what_is_no_record_is_refused(self, raw):
        with pytest.raises((TypeError, ValueError, KeyError)):
            Record.from_json(raw)

    def test_on_an_empty_host_only_its_end_removes_it(self):
        done = Record("s", False, 1).with_done(Phase.JOBS)
        assert done.running
        assert not Record("s", True, 1).with_done(Phase.FEEDS).running
        assert not Record("s", True, 1, undone=True).running


def test_a_restored_instance_has_an_owner_and_settings_whatever_the_set_says():
    revived = restoring.revived(Applied(created_swarm=True, verified="x"), {"web": "web@1"})
    assert revived.owner_done
    assert revived.settings_done
    assert not revived.verified
    assert not revived.created_swarm


def test_secrets_that_only_one_side_has_are_no_difference():
    assert restoring.other_secrets({"A": "1", "B": "2"}, {"A": "1", "C": "3"}) == ()
    assert restoring.other_secrets({"A": "1", "B": "2"}, {"A": "9", "B": "2"}) == ("A",)


class TestRows:
    def test_every_difference_is_said(self):
        assert reviving.differing_rows({"a": 1, "b": 2}, {"a": 1, "b": 2}) == ()
        assert reviving.differing_rows({"a": 1, "b": 2, "c": 0}, {"a": 2, "b": 2, "d": 1}) == (
            "`a` has 2 rows, 1 were counted",
            "`c` has no rows, 0 were counted",
            "`d` has 1 rows, no were counted",
        )


class TestRoles:
    TEXT = """\
SET client_encoding = 'UTF8';
CREATE ROLE mastodon;
ALTER ROLE mastodon WITH SUPERUSER PASSWORD 'x';
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER LOGIN PASSWORD 'x';
CREATE ROLE "odd; ""name";
ALTER ROLE "odd; ""name" SET search_path TO 'public';
GRANT pg_monitor TO "odd; ""name" WITH INHERIT TRUE GRANTED BY mastodon;
GRANT "odd; ""name" TO mastodon;
GRANT CREATE ON TABLESPACE fast TO mastodon;
"""

    def test_one_that_is_there_is_not_touched(self):
        present = ["mastodon", "postgres", 'odd; "name']
        assert reviving.missing_roles(self.TEXT, present) == ""

    def test_one_that_is_missing_comes_whole_whoever_made_it(self):
        assert reviving.missing_roles(self.TEXT, ["mastodon", "postgres"]).splitlines() == [
            'CREATE ROLE "odd; ""name";',
            """ALTER ROLE "odd; ""name" SET search_path TO 'public';""",
            'GRANT pg_monitor TO "odd; ""name" WITH INHERIT TRUE;',
        ]

    def test_a_superuser_of_elsewhere_is_a_name_only(self):
        assert reviving.missing_roles(self.TEXT, ["mastodon", 'odd; "name']) == "CREATE ROLE postgres;\n"


class TestDecrypted:
    @pytest.mark.parametrize(
        ("output", "rows", "unreadable"),
        [
            ('noise\ninstancectl: {"a.b": 3}\n', {"a.b": 3}, ()),
            ('instancectl: {"a.b": "Errors::Decryption", "c.d": 0}', {"c.d": 0}, ("a.b",)),
        ],
    )
    def test_it_is_read(self, output, rows, unreadable):
        found = drilling.decrypted(output)
        assert (found.rows, found.unreadable) == (rows, unreadable)

    def test_nothing_said_is_nothing_known(self):
        assert drilling.decrypted("bundler: command not found") is None


def test_samples_are_spread_over_a_pack():
    entries = [Entry(b"%d" % n, "f", 1, 1, "", "p", n) for n in range(1000)]
    chosen = drilling.sampled(entries, 50)
    assert len(chosen) == 50
    assert chosen[-1].offset > 900
    assert drilling.sampled(entries[:3], 50) == entries[:3]


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        (b"a/b.jpg", True), (b"..jpg", True), (b"a/../b", False), (b"/etc/passwd", False), (b"a//b", False),
        (b"../a", False), (b".", False), (b"", False), (b"a\0b", False),
    ],
)  # fmt: skip
def test_paths_that_lead_out_are_known(path, safe):
    assert index.is_safe(path) is safe


@pytest.mark.parametrize("name", [b"a", b"n" * 100, b"n" * 101, b"n" * 600])
@pytest.mark.parametrize("target", [b"t", b"t" * 100, b"t" * 101, b"t" * 1500, "ü".encode() * 80])
def test_targets_of_links_are_read_from_their_frame(name, target):
    frame = b"before" * 700 + tar.header(name, 0, 1, link=target)
    assert tar.link_target(frame, name, len(target)) == target


def test_a_proof_of_a_drill_keeps_its_time_and_older_proofs_are_read():
    proof = Proof("s", "d", Level.DRILLED, 7, (), 42)
    assert decode(encode(proof)) == proof
    older = encode(proof).replace(b',"seconds":42', b"")
    assert decode(older).seconds == 0
    found = verdict("s", "d", [proof, Proof("s", "d", Level.PRESENT, 9)])
    assert (found.drilled_at, found.drilled_seconds, found.word) == (7, 42, "drilled")


def test_figures_that_never_were_have_no_age():
    names = {sample.metric.name for sample in figures.samples(Figures(), 5)}
    assert "instancectl_backup_rpo_seconds" not in names
    shown = {sample.metric.name: sample.value for sample in figures.samples(Figures(success=100), 160)}
    assert shown["instancectl_backup_rpo_seconds"] == 60
