"""Listing, proving and expiring sets; damage is named, and nothing that counts is removed."""

from __future__ import annotations

import pytest

from instancectl.core.backup import naming
from instancectl.errors import InstanceError, OperationFailed, Refused, Unreachable
from instancectl.operations.backup import showing
from instancectl.operations.backup.repository import Repository
from tests.operations.backup_world import World


@pytest.fixture
def world():
    return World()


def now(world) -> float:
    return world.clock.epoch_seconds()


def nights(world, count: int) -> list[str]:
    made = []
    for number in range(count):
        world.media.write(f"accounts/{number}.jpg", bytes([number]) * 50)
        made.append(world.create().data["set"])
        world.days_pass(1)
    return made


def flip(world, key: str) -> None:
    content = bytearray(world.places[0].objects[key])
    content[len(content) // 2] ^= 1
    world.places[0].objects[key] = bytes(content)


def objects(world, prefix: str) -> list[str]:
    return sorted(key for key in world.places[0].objects if key.startswith(prefix))


class TestDamage:
    """Whatever somebody does to an object of a set, it is seen and named."""

    @pytest.fixture
    def set_id(self, world):
        return world.create().data["set"]

    def verdict(self, world, *, read: bool) -> tuple[int, dict]:
        answer = world.verify(read=read)
        return answer.exit_code, answer.data["sets"][0]

    def test_a_whole_set_is_read(self, world, set_id):
        code, found = self.verdict(world, read=True)
        assert (code, found["verdict"], found["faults"]) == (0, "read", [])
        assert showing.show(world.place, set_id, now(world)).data["copies"][0]["verdict"] == "read"

    def test_every_missing_object_is_named(self, world, set_id):
        for key in [*objects(world, naming.PARTS), *objects(world, naming.PACKS)]:
            kept = world.places[0].objects.pop(key)
            code, found = self.verdict(world, read=False)
            assert (code, found["verdict"]) == (4, "damaged")
            assert found["faults"] == [f"`{key}` is missing"]
            world.places[0].objects[key] = kept

    def test_every_truncated_object_is_named(self, world, set_id):
        for key in [*objects(world, naming.PARTS), *objects(world, naming.PACKS)]:
            kept = world.places[0].objects[key]
            world.places[0].objects[key] = kept[:-1]
            code, found = self.verdict(world, read=False)
            assert code == 4
            assert key in found["faults"][0]
            world.places[0].objects[key] = kept

    def test_every_flipped_bit_is_named(self, world, set_id):
        for key in [*objects(world, naming.PARTS), *objects(world, naming.PACKS)]:
            flip(world, key)
            code, found = self.verdict(world, read=True)
            assert code == 4
            assert [fault for fault in found["faults"] if key in fault]
            flip(world, key)
        assert self.verdict(world, read=True)[0] == 0

    def test_swapped_objects_are_named(self, world, set_id):
        first, second = objects(world, naming.PARTS)[:2]
        stored = world.places[0].objects
        stored[first], stored[second] = stored[second], stored[first]
        _, found = self.verdict(world, read=True)
        assert {first, second} <= {fault.split("`")[1] for fault in found["faults"]}

    def test_a_flipped_bit_in_the_description_is_named(self, world, set_id):
        flip(world, naming.set_key(set_id))
        answer = world.verify(set_id)
        assert answer.exit_code == 4
        assert "is not signed by this instance" in answer.data["sets"][0]["faults"][0]

    def test_a_forged_set_is_named_and_never_counts(self, world, set_id):
        stranger = World()
        stranger.clock = world.clock
        forger = Repository(
            world.places[0], world.sealing, world.public, stranger.sealing.new_signing_key()[0]
        )
        set_, _ = world.repository().read_set(set_id)
        forged = "2027-12-31T000000Z-ffffffff"
        forger.write_set(
            set_.__class__(**{name: getattr(set_, name) for name in set_.__slots__} | {"id": forged})
        )
        rows = showing.list_sets(world.place, now(world)).data["destinations"][0]["sets"]
        assert next(row["error"] for row in rows if row["set"] == forged)
        with pytest.raises(OperationFailed, match="not signed by this instance"):
            showing.show(world.place, forged, now(world))
        assert world.create().data["set"] != forged
        assert world.expire().data["destinations"][0]["blocked"]

    def test_a_replayed_set_under_a_newer_name_is_named(self, world, set_id):
        stored, replayed = world.places[0].objects, "2027-12-31T000000Z-ffffffff"
        for form in (naming.set_key, lambda one: naming.signature_key(naming.set_key(one))):
            stored[form(replayed)] = stored[form(set_id)]
        assert "swapped or replayed" in world.verify(replayed).data["sets"][0]["faults"][0]

    def test_a_forged_proof_proves_nothing(self, world, set_id):
        flip(world, objects(world, naming.PROOFS)[0])
        found = showing.list_sets(world.place, now(world)).data["destinations"][0]["sets"][0]
        assert found["verdict"] == "unverified"

    def test_damage_that_was_repaired_is_forgotten(self, world, set_id):
        flip(world, objects(world, naming.PACKS)[0])
        assert self.verdict(world, read=True)[1]["verdict"] == "damaged"
        flip(world, objects(world, naming.PACKS)[0])
        world.days_pass(1)
        assert self.verdict(world, read=False)[0] == 0
        listed = showing.list_sets(world.place, now(world)).data["destinations"][0]["sets"][0]
        assert listed["verdict"] == "damaged"  # nobody read it again
        self.verdict(world, read=True)
        listed = showing.list_sets(world.place, now(world)).data["destinations"][0]["sets"][0]
        assert listed["verdict"] == "read"

    def test_a_pack_of_a_damaged_set_is_not_relied_upon(self, world, set_id):
        flip(world, objects(world, naming.PACKS)[0])
        self.verdict(world, read=True)
        world.days_pass(1)
        newer = world.create().data["set"]
        assert world.restored(newer) == world.now


class TestExpire:
    def test_sets_go_and_their_objects_days_later(self, world):
        made = nights(world, 8)
        answer = world.expire()
        assert answer.status == "changed"
        left = world.sets()
        assert made[-1] in left
        assert len(left) < 8
        assert {key.split("/")[1] for key in objects(world, naming.PARTS)} == set(made)
        world.days_pass(2)
        world.expire()
        world.days_pass(1.1)
        world.expire()
        assert {key.split("/")[1] for key in objects(world, naming.PARTS)} == set(left)
        for one in left:
            world.restored(one)

    def test_a_dry_run_changes_nothing(self, world):
        nights(world, 8)
        before = dict(world.places[0].objects)
        answer = world.expire(dry_run=True)
        assert answer.status == "planned"
        assert [one for one in answer.data["destinations"][0]["sets"] if not one["keep"]]
        assert world.places[0].objects == before

    def test_again_it_is_unchanged(self, world):
        nights(world, 2)
        assert world.expire().status == "unchanged"

    def test_a_destination_that_is_down_is_no_empty_one(self, world):
        nights(world, 8)
        world.places[0].down = True
        with pytest.raises(Unreachable):
            world.expire()

    def test_a_set_nobody_can_read_blocks_the_collection_until_it_is_forgotten(self, world):
        made = nights(world, 3)
        flip(world, naming.set_key(made[0]))
        world.places[0].objects["parts/2020-01-01T000000Z-00000000/x.001"] = b"debris"
        world.places[0].modified["parts/2020-01-01T000000Z-00000000/x.001"] = 0
        found = world.expire().data["destinations"][0]
        assert "not signed" in found["blocked"]
        assert found["marked_objects"] == 0
        found = world.expire(made[0]).data["destinations"][0]
        assert (found["blocked"], made[0] in world.sets()) == ("", False)
        assert found["marked_objects"]

    def test_the_last_proven_set_cannot_be_forgotten(self, world):
        made = nights(world, 1)
        with pytest.raises(Refused, match="no other set is proven"):
            world.expire(made[0])
        assert world.sets() == made

    def test_forgetting_what_is_not_there_is_refused(self, world):
        nights(world, 1)
        with pytest.raises(InstanceError, match="there is no set"):
            world.expire("2020-01-01T000000Z-00000000")

    def test_locked_objects_are_retained_and_told(self, world):
        key = "media/packs/old.tar.age"
        world.places[0].objects[key], world.places[0].modified[key] = b"debris", 0
        world.places[0].locks[key] = now(world) + 90 * 86_400
        nights(world, 1)
        world.expire()
        world.days_pass(2)
        assert world.expire().data["destinations"][0]["retained_objects"] == 1
        assert key in world.places[0].objects

    def test_strangers_in_the_bucket_stay(self, world):
        world.places[0].objects["holiday.jpg"] = b"not ours"
        world.places[0].modified["holiday.jpg"] = 0
        nights(world, 1)
        for _ in range(4):
            world.expire()
            world.days_pass(2)
        assert "holiday.jpg" in world.places[0].objects

    def test_a_marked_pack_is_not_relied_upon(self, world):
        made = nights(world, 2)
        pack = objects(world, naming.PACKS)[0]
        world.repository().write_trash([pack], now(world))
        newer = world.create().data["set"]
        set_, _ = world.repository().read_set(newer)
        assert pack not in {one.key for one in set_.packs}
        assert made


class TestShowing:
    def test_nothing_yet_says_what_to_type(self, world):
        answer = showing.list_sets(world.place, now(world))
        assert answer.lines == ("place-0: no backup set yet; `instancectl backup create` makes one",)

    def test_sets_are_listed_newest_first(self, world):
        made = nights(world, 3)
        answer = showing.list_sets(world.place, now(world))
        rows = answer.data["destinations"][0]["sets"]
        assert [row["set"] for row in rows] == made[::-1]
        assert {row["verdict"] for row in rows} == {"present"}
        assert "1 d ago" in answer.lines[1]

    def test_a_destination_that_is_down_is_unknown(self):
        world = World(places=2)
        world.create()
        world.places[1].down = True
        answer = showing.list_sets(world.place, now(world))
        assert answer.exit_code == 6
        assert answer.data["destinations"][1]["sets"] is None
        assert answer.lines[-1].startswith("place-1: unknown: place-1 does not answer")

    def test_a_set_says_what_is_in_it(self, world):
        world.media.remote = (7, 5000)
        set_id = world.create().data["set"]
        for name in ("latest", set_id):
            answer = showing.show(world.place, name, now(world))
            assert answer.data["set"] == set_id
        assert {part["name"].partition(".")[0] for part in answer.data["parts"]} == {
            "database", "globals", "configuration", "redis", "media", "about",
        }  # fmt: skip
        assert answer.data["media"]["left_out_files"] == 7
        assert any("left out: 7 files" in line for line in answer.lines)

    def test_a_set_that_is_not_there_is_refused(self, world):
        world.create()
        with pytest.raises(OperationFailed, match="there is no set `nope`"):
            showing.show(world.place, "nope", now(world))
        with pytest.raises(OperationFailed, match="there is no set `nope`"):
            world.verify("nope")

    def test_without_a_set_verify_is_unhealthy(self, world):
        assert world.verify().exit_code == 4


def test_no_secret_is_in_anything_that_leaves_in_plain(world):
    """Documents are not encrypted: they must not hold what is in `secrets.env`, nor a private key."""
    set_id = world.create().data["set"]
    plain = b"".join(
        content
        for key, content in world.places[0].objects.items()
        if not key.startswith((naming.PARTS, naming.PACKS))
    )
    for hidden in (
        b"SECRET_KEY_BASE",
        world.identity.reveal().encode(),
        world.signing.reveal().encode(),
        b"accounts",
    ):
        assert hidden not in plain
    assert set_id.encode() in plain
