"""A bucket with object lock: nobody removes or replaces what was written, whoever has its keys."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from instancectl.core.backup import object_lock
from instancectl.ports.destination import Destination
from tests.contract.test_destinations import Bucket, content, put
from tests.fakes.clock import FakeClock
from tests.fakes.destination import FakeDestination

DAYS = 5
LARGE = [os.urandom(9_000_000) for _ in range(3)]


@pytest.fixture(
    params=["fake", pytest.param("bucket", marks=[pytest.mark.contract, pytest.mark.slow])],
)
def place(request: pytest.FixtureRequest) -> Destination:
    if request.param == "fake":
        made = FakeDestination(FakeClock(time.time()))
        made.lock_days = DAYS
        return made
    return locked(request.getfixturevalue("ceph")).destination(lock_days=DAYS)


def locked(endpoint: str) -> Bucket:
    return Bucket(endpoint, ObjectLockEnabledForBucket=True)


class TestEveryPlaceWithALock:
    def test_what_was_written_cannot_be_removed_and_that_is_no_error(self, place) -> None:
        put(place, "sets/1.json", b"{}")
        put(place, "media/packs/a", *LARGE)
        for key in ("sets/1.json", "media/packs/a"):
            assert place.delete(key) is False
        assert {one.key for one in place.listed()} == {"sets/1.json", "media/packs/a"}
        assert content(place, "media/packs/a") == b"".join(LARGE)

    def test_notes_on_the_way_can(self, place) -> None:
        for key in ("trash/1.json", "probe/1"):
            put(place, key, b"{}")
            assert place.delete(key)
        assert list(place.listed()) == []

    def test_a_lock_is_extended_when_less_than_half_of_it_is_left(self, place) -> None:
        put(place, "sets/1.json", b"{}")
        now = time.time()
        term = object_lock.term(DAYS, now)
        assert not place.hold("sets/1.json", term.at_least, term.until)
        later = object_lock.term(DAYS, now + 3 * object_lock.DAY_SECONDS)
        assert place.hold("sets/1.json", later.at_least, later.until)
        assert not place.hold("sets/1.json", later.at_least, later.until)
        assert place.delete("sets/1.json") is False

    def test_a_second_object_of_a_name_is_still_refused(self, place) -> None:
        put(place, "sets/1.json", b"first")
        with pytest.raises(Exception, match="exists already"):
            put(place, "sets/1.json", b"second")
        assert content(place, "sets/1.json") == b"first"


@pytest.mark.contract
@pytest.mark.slow
class TestThieves:
    """Somebody has the keys of the bucket."""

    @pytest.fixture
    def bucket(self, ceph: str) -> Bucket:
        return locked(ceph)

    def versions(self, bucket: Bucket) -> dict[str, Any]:
        return bucket.admin.list_object_versions(Bucket=bucket.name)

    def test_a_marker_that_says_removed_changes_nothing(self, bucket: Bucket) -> None:
        put(bucket.destination(lock_days=DAYS), "sets/1.json", b"{}")
        bucket.admin.delete_object(Bucket=bucket.name, Key="social.example/sets/1.json")
        # A laptop that knows no `lock_days` reads the same.
        for days in (0, DAYS):
            seen = bucket.destination(lock_days=days)
            assert [(one.key, one.size) for one in seen.listed()] == [("sets/1.json", 2)]
            assert content(seen, "sets/1.json") == b"{}"
            assert content(bucket.destination(lock_days=days), "sets/1.json") == b"{}"

    def test_another_content_on_top_changes_nothing(self, bucket: Bucket) -> None:
        put(bucket.destination(lock_days=DAYS), "sets/1.json", b"genuine")
        for forged in (b"forged", b"forged again"):
            bucket.admin.put_object(Bucket=bucket.name, Key="social.example/sets/1.json", Body=forged)
        seen = bucket.destination()
        assert [(one.key, one.size) for one in seen.listed()] == [("sets/1.json", 7)]
        assert content(seen, "sets/1.json") == b"genuine"

    def test_the_version_itself_cannot_be_removed(self, bucket: Bucket) -> None:
        put(bucket.destination(lock_days=DAYS), "sets/1.json", b"{}")
        (version,) = self.versions(bucket)["Versions"]
        with pytest.raises(ClientError, match="AccessDenied"):
            bucket.admin.delete_object(Bucket=bucket.name, Key=version["Key"], VersionId=version["VersionId"])

    def test_what_is_not_locked_is_removed_with_everything_on_top(self, bucket: Bucket) -> None:
        put(bucket.destination(), "trash/1.json", b"{}")
        bucket.admin.put_object(Bucket=bucket.name, Key="social.example/trash/1.json", Body=b"on top")
        bucket.admin.delete_object(Bucket=bucket.name, Key="social.example/trash/1.json")
        assert bucket.destination().delete("trash/1.json")
        found = self.versions(bucket)
        assert not found.get("Versions")
        assert not found.get("DeleteMarkers")

    def test_the_lock_is_as_long_as_configured(self, bucket: Bucket) -> None:
        put(bucket.destination(lock_days=DAYS), "media/packs/a", *LARGE)
        head = bucket.admin.head_object(Bucket=bucket.name, Key="social.example/media/packs/a")
        left = head["ObjectLockRetainUntilDate"].timestamp() - time.time()
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert abs(left - DAYS * object_lock.DAY_SECONDS) < 60

    def test_a_bucket_without_object_lock_is_refused(self, ceph: str, bucket: Bucket) -> None:
        assert [one.slug for one in Bucket(ceph).destination(lock_days=DAYS).dangers("/", 30)] == ["no-lock"]
        assert bucket.destination(lock_days=DAYS).dangers("/", 30) == ()
        assert [one.slug for one in bucket.destination(lock_days=31).dangers("/", 30)] == ["long-lock"]
