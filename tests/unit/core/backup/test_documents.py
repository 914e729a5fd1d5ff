"""Documents of the format: canonical, strict, and the same for ever."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.backup import database, doubt, garbage, index, model, naming, verdict
from instancectl.core.backup.garbage import Listed, Marked
from instancectl.core.backup.index import Entry, Found
from instancectl.core.backup.model import BackupSet, Media, Part, Previous, StoredObject
from instancectl.core.backup.verdict import Level, Proof
from instancectl.errors import OperationFailed

ID = "2026-11-22T030000Z-0123abcd"
DAY = 86_400


def a_set(**changes) -> BackupSet:
    part = Part(
        "database.dump.zst.age", (StoredObject(f"parts/{ID}/database.dump.zst.age.001", 10, "aa"),), 99
    )
    made = BackupSet(
        ID, "social.example", 1_800_000_000, "1.0", "4.6.3", ("age1x",), (part,),
        (StoredObject("media/packs/x.tar.age", 5, "bb"),), Media(files=2, bytes=9), {"web": "web@sha256:1"},
        Previous("2026-11-21T030000Z-0123abcd", "cc"),
    )  # fmt: skip
    return replace(made, **changes)


class TestSet:
    def test_it_reads_back_as_it_was(self):
        assert model.decode(model.encode(a_set()), ID) == a_set()
        assert model.decode(model.encode(a_set(previous=None)), ID).previous is None

    def test_equal_sets_have_equal_bytes(self):
        one, other = a_set(images={"a": "1", "b": "2"}), a_set(images={"b": "2", "a": "1"})
        assert model.encode(one) == model.encode(other)
        assert model.encode(one).endswith(b"}\n")

    def test_another_set_under_its_name_is_a_swap(self):
        with pytest.raises(OperationFailed, match=f"is really `{ID}`"):
            model.decode(model.encode(a_set()), "2026-11-23T030000Z-0123abcd")

    def test_a_newer_format_is_named(self):
        raw = model.encode(a_set()).replace(b'"format":1', b'"format":2')
        with pytest.raises(OperationFailed, match="has format 2; this instancectl reads up to 1"):
            model.decode(raw, ID)

    @pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "media//x", "a b", "", "x\ny"])
    def test_it_cannot_name_what_is_outside(self, key):
        raw = model.encode(a_set(packs=(StoredObject(key, 1, "aa"),)))
        with pytest.raises(OperationFailed, match="names an object outside"):
            model.decode(raw, ID)

    @given(st.binary(max_size=200))
    def test_rubbish_is_malformed_and_no_bug(self, raw):
        with pytest.raises(OperationFailed):
            model.decode(raw, ID)

    @given(st.data())
    def test_a_set_without_a_field_is_malformed(self, data):
        found = json.loads(model.encode(a_set()))
        del found[data.draw(st.sampled_from(sorted(found)))]
        with pytest.raises(OperationFailed):
            model.decode(json.dumps(found).encode(), ID)


class TestNames:
    def test_a_set_is_named_by_its_time(self):
        assert naming.set_id(1_800_000_000, "0123abcdef") == "2027-01-15T080000Z-0123abcd"
        assert naming.is_set_id(ID)
        assert not naming.is_set_id(ID + "x")

    def test_an_object_knows_its_set(self):
        for key in (
            naming.set_key(ID),
            naming.signature_key(naming.set_key(ID)),
            naming.part_key(ID, "a.001"),
        ):
            assert naming.set_of(key) == ID
        assert naming.set_of(naming.proof_key(ID, 5, "0123456789")) == ID
        assert not naming.set_of("media/packs/x.tar.age")

    def test_packs_sort_by_age(self):
        names = [naming.pack_key(number, "ff00ff00") for number in (1, 2, 10, 100)]
        assert names == sorted(names)
        assert [naming.pack_sequence(name) for name in names] == [1, 2, 10, 100]
        assert naming.pack_sequence("parts/1-x") == naming.pack_sequence("media/packs/other") == 0


class TestVerdict:
    def proof(self, level, at, *faults, set_blake3="h"):
        return Proof(ID, set_blake3, level, at, faults)

    def test_a_proof_reads_back_as_it_was(self):
        assert verdict.decode(verdict.encode(self.proof(2, 5, "x"))) == self.proof(2, 5, "x")

    def test_nothing_is_known_at_first(self):
        found = verdict.verdict(ID, "h", [])
        assert (found.word, found.proven) == ("unverified", False)

    def test_the_deepest_look_counts(self):
        found = verdict.verdict(ID, "h", [self.proof(3, 1), self.proof(1, 2)])
        assert (found.word, found.at) == ("drilled", 2)

    def test_a_fault_stands_until_a_look_as_deep_finds_nothing(self):
        damaged = [self.proof(1, 1), self.proof(2, 2, "bit flipped"), self.proof(1, 3)]
        assert verdict.verdict(ID, "h", damaged).word == "damaged"
        assert verdict.verdict(ID, "h", [*damaged, self.proof(2, 4)]).word == "read"

    def test_proofs_of_another_document_say_nothing(self):
        assert verdict.verdict(ID, "other", [self.proof(3, 1)]).word == "unverified"

    def test_presence_names_what_is_missing_and_what_has_another_size(self):
        faults = verdict.judge_presence(a_set(), {f"parts/{ID}/database.dump.zst.age.001": 9})
        assert faults == (
            f"`parts/{ID}/database.dump.zst.age.001` has 9 bytes, 10 were written",
            "`media/packs/x.tar.age` is missing",
        )


class TestGarbage:
    NOW = 1_800_000_000.0

    def collect(self, keys, marked=(), sets=None, age=3 * DAY):
        listed = [Listed(key, 1, self.NOW - age) for key in keys]
        return garbage.collect(listed, [a_set()] if sets is None else sets, marked, self.NOW)

    def test_what_a_set_needs_is_never_marked(self):
        decided = self.collect([one.key for one in a_set().objects])
        assert decided == garbage.Collection((), (), ())

    def test_the_rest_is_marked_first_and_removed_a_day_later(self):
        key = "media/packs/old.tar.age"
        assert self.collect([key]).mark == (key,)
        fresh = Marked("trash/1", self.NOW - DAY / 2, frozenset({key}))
        assert self.collect([key], [fresh]) == garbage.Collection((), (), ())
        ripe = Marked("trash/1", self.NOW - 2 * DAY, frozenset({key}))
        assert self.collect([key], [ripe]) == garbage.Collection((), (key,), ("trash/1",))

    def test_what_was_marked_and_is_needed_again_stays(self):
        ripe = Marked("trash/1", self.NOW - 2 * DAY, frozenset({"media/packs/x.tar.age"}))
        assert self.collect(["media/packs/x.tar.age"], [ripe]).remove == ()

    def test_young_objects_may_belong_to_a_run(self):
        assert self.collect(["media/packs/new.tar.age"], age=DAY).mark == ()

    def test_strangers_are_left_alone(self):
        decided = self.collect(["holiday.jpg", "FORMAT", "sets/readme.txt", "trash/1-2.json"])
        assert decided == garbage.Collection((), (), ())

    def test_signatures_and_proofs_of_sets_that_are_gone_go(self):
        other = "2026-11-20T030000Z-0123abcd"
        keys = [f"sets/{other}.json.sig", f"proofs/{other}/1-2.json", f"parts/{other}/x.001"]
        assert self.collect(keys).mark == tuple(sorted(keys))

    def test_a_list_reads_back_as_it_was(self):
        assert garbage.decode_trash(garbage.encode_trash(["b", "a"])) == {"a", "b"}
        for raw in (b"", b"[]", b'{"keys":1}', b"{"):
            with pytest.raises(OperationFailed):
                garbage.decode_trash(raw)


class TestIndex:
    @given(st.binary(min_size=1, max_size=60).filter(lambda path: b"\0" not in path))
    def test_any_path_reads_back_as_it_was(self, path):
        entry = Entry(path, "f", 3, 4, "ab", "media/packs/x", 512, 7)
        assert index.parse(index.local_line(entry)) == entry
        assert index.parse(index.line(entry)) == replace(entry, ctime_ns=0)
        assert index.line(entry).count(b"\t") == 6
        assert index.line(entry).isascii()

    def test_a_line_that_is_none_is_refused(self):
        for raw in (b"", b"a\tb\n", b"p\tf\tx\t1\tb\tk\t0\n"):
            with pytest.raises(OperationFailed):
                index.parse(raw)

    @given(
        st.sets(st.text("ab/-.", min_size=1, max_size=6)), st.sets(st.text("ab/-.", min_size=1, max_size=6))
    )
    def test_joining_finds_what_both_have(self, disk, remembered):
        def ordered(paths):
            return sorted((path.encode() for path in paths), key=index.order)

        found = [Found(path, "f", 1, 1, 1) for path in ordered(disk)]
        known = [Entry(path, "f", 1, 1, "b", "p", 0) for path in ordered(remembered)]
        pairs = list(index.joined(found, known))
        assert [file.path for file, _ in pairs] == ordered(disk)
        assert {file.path.decode() for file, entry in pairs if entry} == disk & remembered
        assert all(entry is None or entry.path == file.path for file, entry in pairs)

    def test_small_packs_that_are_whole_are_not_sparse(self):
        entries = [Entry(b"a", "f", 1, 1, "b", "tiny", 0), Entry(b"b", "f", 100, 1, "b", "large", 0)]
        assert index.sparse(entries, {"tiny": 3000, "large": 50_000_000}) == {"large"}


class TestDatabase:
    def said(self, *lines):
        return "\n".join(f"instancectl: {line}" for line in lines)

    def test_a_dump_tells_version_and_rows(self):
        said = self.said("version 17.5 (Debian)", "dumped 0", "rows public.odd Name 3", "ended")
        assert database.read(said, 0) == database.Dumped("17.5 (Debian)", {"public.odd Name": 3})

    @pytest.mark.parametrize(
        ("lines", "code", "match"),
        [
            (("dumped 1", "ended"), 0, "pg_dump did not end well"),
            (("dumped 10", "ended"), 0, "pg_dump did not end well"),
            ((), 0, "pg_dump did not end well"),
            (("dumped 0",), 0, "could not be counted"),
            (("dumped 0", "ended"), 3, "could not be counted"),
        ],
    )
    def test_every_stage_counts(self, lines, code, match):
        with pytest.raises(OperationFailed, match=match):
            database.read(self.said(*lines), code)

    def test_postgresqls_own_words_are_told(self):
        with pytest.raises(OperationFailed, match="well: FATAL: out of disk"):
            database.read("FATAL: out of disk\ninstancectl: dumped 1\n", 0)


class TestDoubt:
    def test_nothing_is_doubted_without_a_set_before(self):
        assert doubt.doubts(a_set(), None) == ()

    def sized(self, plain, files=1000):
        part = Part("database.dump.zst.age", (), plain)
        return a_set(parts=(part,), media=Media(files=files))

    def test_a_database_or_media_that_shrank_are_doubted(self):
        assert "much smaller" in doubt.doubts(self.sized(10), self.sized(10_000_000))[0]
        assert "far fewer" in doubt.doubts(self.sized(10_000_000, 10), self.sized(10_000_000))[0]

    def test_what_shrank_a_little_is_not(self):
        assert doubt.doubts(self.sized(4_000_000, 400), self.sized(10_000_000)) == ()

    def test_small_numbers_say_nothing(self):
        assert doubt.doubts(self.sized(1, 1), self.sized(1000, 50)) == ()


def test_levels_have_words():
    assert [level.word for level in Level] == ["unverified", "present", "read", "drilled"]
