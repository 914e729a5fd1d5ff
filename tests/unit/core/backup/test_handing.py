"""Handovers and what followers leave: what is written is read back, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from instancectl.core.backup import following, garbage, handing, naming
from instancectl.core.backup.garbage import Listed
from instancectl.core.backup.handing import Handover
from instancectl.core.backup.model import BackupSet, Media, Part, StoredObject
from instancectl.errors import OperationFailed

MIB = 1024 * 1024
ID = "2026-11-21T140500Z-01234567"
PART = Part("media.tsv.zst.age", (StoredObject("parts/x/media.tsv.001", 5, "aa"),), 7)
PACK = StoredObject("media/packs/0000000001-aaaaaaaa.tar.age", 9, "bb")
GIVEN = Handover(
    ID, "social.example", "v4.6.3", "77", "000000010000000000000005", 1_800_000_000, (PART,), (PACK,), Media()
)


@pytest.mark.parametrize("given", [GIVEN, replace(GIVEN, parts=(), packs=(), media=None)])
def test_what_is_written_is_read(given):
    assert handing.decode(handing.encode(given), ID) == given


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "2026-11-21T140500Z-76543210"}, "malformed"),
        ({"kind": "instancectl-backup-set"}, "malformed"),
        ({"last": "x"}, "malformed"),
        ({"parts": None}, "malformed"),
        ({"format": 2}, "has format 2; this instancectl reads up to 1"),
    ],
)
def test_what_is_none_is_refused(change, said):
    document = json.loads(handing.encode(GIVEN)) | change
    with pytest.raises(OperationFailed, match=said):
        handing.decode(json.dumps(document).encode(), ID)


def test_what_is_newer_takes_the_place_of_what_a_set_has():
    old = replace(PART, plain_bytes=1)
    dump = replace(PART, name="database.dump.zst.age")
    set_ = BackupSet("s", "i", 1, "1", "v4.6.3", ("age1",), (dump, old))
    over = GIVEN.over(set_)
    assert over.part(PART.name) == PART
    assert over.part(dump.name) == dump
    assert over.packs == (PACK,)
    nothing = replace(GIVEN, parts=(), packs=(), media=None)
    assert nothing.over(set_) == set_


def test_only_whole_documents_are_handovers():
    keys = [handing.key(ID), naming.signature_key(handing.key(ID)), handing.end_key(ID), "handovers/x.json"]
    assert handing.ids(keys) == (ID,)
    assert handing.ids(keys[1:]) == ()


def test_the_newest_trace_counts_and_what_is_none_does_not():
    early = Listed(handing.trace_key("7", "000000010000000000000009", "a" * 8), 1, 10.0)
    late = Listed(handing.trace_key("7", "000000010000000000000002", "b" * 8), 1, 20.0)
    assert handing.newest([late, early, Listed("followers/7/x", 1, 99.0)]).segment.endswith("2")
    assert handing.newest([]) is None


def test_traces_are_neither_locked_nor_kept():
    key = handing.trace_key("7", "000000010000000000000009", "a" * 8)
    assert naming.is_key(key)
    assert not naming.lasting(key)
    found = garbage.collect([Listed(key, 1, 0.0), Listed(handing.key(ID), 1, 0.0)], [], [], 10**6)
    assert found.mark == (key,)


@pytest.mark.parametrize(
    ("segment", "end"),
    [("000000010000000000000000", 16 * MIB), ("0000000200000001000000FF", 2 * 4096 * MIB)],
)
def test_where_a_segment_ends(segment, end):
    assert handing.position(segment, 16 * MIB) == end


class TestFollowed:
    def test_from_what_postgresql_says(self):
        found = following.followed("read 0/6000028\nfollows t\npaused f\n")
        assert (found.read, found.follows, found.paused) == ("0/6000028", True, False)
        assert found.segment("00000001", 16 * MIB) == "000000010000000000000006"

    @pytest.mark.parametrize("said", ["", "read \nfollows t\npaused f\n", "read 0/60\nfollows t\n"])
    def test_anything_else_is_an_error(self, said):
        with pytest.raises(OperationFailed, match="does not say how far it follows"):
            following.followed(said)
