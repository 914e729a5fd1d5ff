"""Places for backup sets: in memory, a directory, and a bucket on a real S3 server (Ceph RGW)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from instancectl.adapters.destinations import multipart
from instancectl.adapters.destinations.bucket import READ_SECONDS, BucketDestination
from instancectl.adapters.destinations.directory import UNFINISHED, DirectoryDestination
from instancectl.core.config_backup import BackupDestination
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Unreachable
from instancectl.ports.destination import Destination
from tests.fakes.clock import FakeClock
from tests.fakes.destination import FakeDestination

KEYS = ("access-key", "secret-key")
REAL = [pytest.mark.contract, pytest.mark.slow]


class Bucket:
    """A bucket of its own, with the keys of its owner."""

    def __init__(self, endpoint: str, **options: Any) -> None:
        self.endpoint, self.name = endpoint, f"backup-{time.monotonic_ns()}"
        self.admin: Any = boto3.session.Session().client(
            "s3",
            region_name="us-east-1",
            endpoint_url=endpoint,
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )
        self.admin.create_bucket(Bucket=self.name, **options)

    def destination(
        self,
        *,
        key: str = KEYS[1],
        endpoint: str = "",
        media: str = "",
        name: str = "",
        lock_days: int = 0,
        read_seconds: float = READ_SECONDS,
    ) -> BucketDestination:
        wanted = BackupDestination(
            kind="s3",
            bucket=name or self.name,
            endpoint=endpoint or self.endpoint,
            lock_days=lock_days,
            lock_mode="governance",
        )
        return BucketDestination(
            wanted, "social.example", Secret(KEYS[0]), Secret(key), media, read_seconds=read_seconds
        )


@pytest.fixture(params=["fake", "directory", pytest.param("bucket", marks=REAL)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Destination:
    if request.param == "fake":
        return FakeDestination(FakeClock())
    if request.param == "directory":
        return DirectoryDestination(tmp_path, "social.example")
    return Bucket(request.getfixturevalue("ceph")).destination()


def put(place: Destination, key: str, *chunks: bytes) -> None:
    with place.create(key) as sink:
        for chunk in chunks:
            sink.write(chunk)


def put_and_fail(place: Destination, error: type[BaseException], *chunks: bytes) -> None:
    with place.create("parts/x/a.001") as sink:
        for chunk in chunks:
            sink.write(chunk)
        raise error


def content(place: Destination, key: str) -> bytes:
    return b"".join(place.read(key))


class TestEveryPlace:
    def test_what_was_written_is_read_back(self, place) -> None:
        put(place, "parts/x/a.001", b"one", b"two")
        put(place, "empty")
        assert content(place, "parts/x/a.001") == b"onetwo"
        assert content(place, "empty") == b""

    def test_it_is_listed_with_size_and_time(self, place) -> None:
        put(place, "media/packs/1.tar.age", b"12345")
        put(place, "media/other", b"1")
        put(place, "sets/1.json", b"{}")
        found = {one.key: one for one in place.listed()}
        assert {key: one.size for key, one in found.items()} == {
            "media/packs/1.tar.age": 5,
            "media/other": 1,
            "sets/1.json": 2,
        }
        assert {one.key for one in place.listed("media/packs/")} == {"media/packs/1.tar.age"}
        assert {one.key for one in place.listed("med")} == {"media/packs/1.tar.age", "media/other"}
        if not isinstance(place, FakeDestination):
            assert abs(found["sets/1.json"].modified - time.time()) < 30

    def test_it_is_empty_at_first(self, place) -> None:
        assert list(place.listed()) == []

    def test_an_object_is_written_once(self, place) -> None:
        put(place, "sets/1.json", b"first")
        with pytest.raises(OperationFailed, match="exists already"):
            put(place, "sets/1.json", b"second!")
        assert content(place, "sets/1.json") == b"first"

    def test_what_failed_does_not_exist(self, place) -> None:
        with pytest.raises(ZeroDivisionError):
            put_and_fail(place, ZeroDivisionError, b"x" * 100_000)
        assert list(place.listed()) == []
        with pytest.raises(OperationFailed):
            content(place, "parts/x/a.001")

    def test_an_interrupted_run_does_not_exist_either(self, place) -> None:
        with pytest.raises(KeyboardInterrupt):
            put_and_fail(place, KeyboardInterrupt, b"x" * 100_000)
        assert list(place.listed()) == []

    def test_removing_is_removing_and_absent_is_fine(self, place) -> None:
        put(place, "parts/x/a.001", b"1")
        assert place.delete("parts/x/a.001")
        assert place.delete("parts/x/a.001")
        assert list(place.listed()) == []

    def test_without_object_lock_nothing_is_locked(self, place) -> None:
        put(place, "sets/1.json", b"{}")
        assert place.lock_days == 0
        assert not place.hold("sets/1.json", time.time() + 1, time.time() + 2)
        assert place.delete("sets/1.json")

    def test_some_bytes_of_an_object_are_read_alone(self, place) -> None:
        put(place, "media/packs/a", b"0123456789")
        assert place.part_of("media/packs/a", 3, 4) == b"3456"
        assert place.part_of("media/packs/a", 8, 100) == b"89"
        with pytest.raises(OperationFailed):
            place.part_of("media/packs/none", 0, 4)

    def test_reading_what_is_not_there_is_a_failure(self, place) -> None:
        with pytest.raises(OperationFailed):
            content(place, "sets/none.json")


class TestDirectory:
    def test_a_disk_that_is_not_mounted_is_not_an_empty_one(self, tmp_path: Path) -> None:
        place = DirectoryDestination(tmp_path / "mnt", "social.example")
        for action in (lambda: list(place.listed()), lambda: put(place, "a", b"1"), place.free_bytes):
            with pytest.raises(Unreachable, match="is its disk mounted"):
                action()
        assert not (tmp_path / "mnt").exists()

    def test_leftovers_of_a_kill_are_no_objects_and_are_removed(self, tmp_path: Path) -> None:
        place = DirectoryDestination(tmp_path, "social.example")
        put(place, "a", b"1")
        left = tmp_path / "social.example" / UNFINISHED / "left"
        left.write_bytes(b"half")
        os.utime(left, (0, 0))
        assert [one.key for one in place.listed()] == ["a"]
        assert place.abandon(60) == 1
        assert not left.exists()

    def test_only_the_owner_may_read(self, tmp_path: Path) -> None:
        place = DirectoryDestination(tmp_path, "social.example")
        put(place, "media/packs/a", b"1")
        assert (tmp_path / "social.example").stat().st_mode & 0o077 == 0

    def test_the_disk_of_the_data_is_dangerous(self, tmp_path: Path) -> None:
        place = DirectoryDestination(tmp_path, "social.example")
        assert [one.slug for one in place.dangers(str(tmp_path), 365)] == ["same-disk"]
        assert place.dangers("/proc", 365) == ()
        tmp_path.chmod(0o777)
        assert [one.slug for one in place.dangers("/proc", 365)] == ["open-directory"]


@pytest.mark.contract
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from instancectl.adapters.destinations.directory import DirectoryDestination\n"
        "from instancectl.errors import OperationFailed\n"
        "place = DirectoryDestination(Path(sys.argv[1]), 'i')\n"
        "with place.create('small') as sink: sink.write(b'x' * 1000)\n"
        "try:\n"
        "    with place.create('large') as sink:\n"
        "        for _ in range(64): sink.write(b'x' * 65536)\n"
        "except OperationFailed as error: print(error.message)\n"
        "print(sorted(one.key for one in place.listed()), place.free_bytes() > 500_000)\n"
    )
    disk = tmp_path / "disk"
    disk.mkdir()
    # A mount namespace of its own: the small disk is gone with the process.
    mounted = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=1m none {disk} && exec "$@"', "-"]
    done = subprocess.run(
        [*mounted, sys.executable, "-c", program, disk], capture_output=True, text=True, check=True
    )
    assert "no space left on device" in done.stdout
    assert done.stdout.endswith("['small'] True\n")


@pytest.mark.contract
@pytest.mark.slow
class TestBucket:
    @pytest.fixture
    def bucket(self, ceph: str) -> Bucket:
        return Bucket(ceph)

    def test_large_objects_go_in_equal_parts(self, bucket: Bucket) -> None:
        place = bucket.destination()
        pieces = [os.urandom(5_000_000) for _ in range(9)]
        put(place, "media/packs/a", *pieces)
        assert content(place, "media/packs/a") == b"".join(pieces)
        head = bucket.admin.head_object(Bucket=bucket.name, Key="social.example/media/packs/a")
        assert head["ETag"].endswith(f'-{-(-45_000_000 // multipart.PART_BYTES)}"')
        with pytest.raises(OperationFailed, match="exists already"):
            put(place, "media/packs/a", *reversed(pieces))
        assert content(place, "media/packs/a") == b"".join(pieces)

    def test_an_interrupted_large_object_leaves_no_parts(self, bucket: Bucket) -> None:
        with pytest.raises(KeyboardInterrupt):
            put_and_fail(bucket.destination(), KeyboardInterrupt, *[os.urandom(8_000_000)] * 5)
        assert not bucket.admin.list_multipart_uploads(Bucket=bucket.name).get("Uploads")

    def test_parts_of_a_killed_run_are_given_back(self, bucket: Bucket) -> None:
        key = "social.example/media/packs/a"
        begun = bucket.admin.create_multipart_upload(Bucket=bucket.name, Key=key)
        bucket.admin.upload_part(
            Bucket=bucket.name, Key=key, UploadId=begun["UploadId"], PartNumber=1, Body=b"1"
        )
        assert bucket.destination().abandon(3600) == 0
        assert bucket.destination().abandon(-60) == 1
        assert not bucket.admin.list_multipart_uploads(Bucket=bucket.name).get("Uploads")

    @pytest.mark.parametrize(
        ("changes", "match"),
        [({"key": "wrong"}, "SignatureDoesNotMatch"), ({"name": "no-such-bucket"}, "NoSuchBucket")],
    )
    def test_a_refusal_has_the_words_of_the_store(self, bucket: Bucket, changes, match) -> None:
        with pytest.raises(OperationFailed, match=match) as caught:
            put(bucket.destination(**changes), "a", b"1")
        assert "wrong" not in str(caught.value)
        with pytest.raises(OperationFailed, match=match):
            list(bucket.destination(**changes).listed())

    def test_a_private_bucket_is_no_danger(self, bucket: Bucket) -> None:
        assert bucket.destination(media="media").dangers("/", 365) == ()

    def test_the_bucket_of_the_media_is_one(self, bucket: Bucket) -> None:
        assert [one.slug for one in bucket.destination(media=bucket.name).dangers("/", 365)] == [
            "media-bucket"
        ]

    def test_a_bucket_that_anybody_reads_is_one(self, bucket: Bucket) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket.name}",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        bucket.admin.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))
        assert [one.slug for one in bucket.destination().dangers("/", 365)] == ["public-bucket"]

    def test_a_lock_longer_than_retention_is_one_and_keeps_objects(self, ceph: str) -> None:
        bucket = Bucket(ceph, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
        bucket.admin.put_object_lock_configuration(
            Bucket=bucket.name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        place = bucket.destination()
        assert [one.slug for one in place.dangers("/", 14)] == ["long-lock"]
        assert place.dangers("/", 31) == ()
        put(place, "sets/1.json", b"{}")
        assert place.delete("sets/1.json") is False
        assert [one.key for one in place.listed()] == ["sets/1.json"]

    def test_a_store_that_stops_is_unreachable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        wanted = BackupDestination(kind="s3", bucket="b", endpoint=f"http://127.0.0.1:{port}")
        place = BucketDestination(wanted, "i", Secret("a"), Secret("b"))
        with pytest.raises(Unreachable, match="the store does not answer"):
            put(place, "a", b"1")
