"""A bucket: the fake one, and a real S3 server (Ceph RGW) that checks signatures, ACLs and policies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config

from instancectl.adapters.s3 import S3Bucket
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Unreachable
from instancectl.ports.object_store import ObjectStore
from tests.fakes.object_store import FakeStore

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "testbed/ceph-rgw:18"
BUCKET = "media"
KEYS = ("access-key", "secret-key")


class Bench(Protocol):
    def store(self, **changes: str) -> ObjectStore:
        """The bucket, reached with these settings changed: `key`, `bucket`, `permission`."""

    def open_to_all(self) -> None:
        """Let anybody list the bucket."""

    def kind(self, key: str) -> str:
        """The media type that a browser is told."""


class FakeBench:
    def __init__(self) -> None:
        self._store = FakeStore()

    def store(self, **changes: str) -> ObjectStore:
        refusal = {
            "key": "SignatureDoesNotMatch: x",
            "key_id": "InvalidAccessKeyId: x",
            "bucket": "NoSuchBucket: x",
        }
        for name in changes.keys() & refusal.keys():
            self._store.refuses = dict.fromkeys(("put", "get", "delete", "list"), refusal[name])
        return self._store

    def open_to_all(self) -> None:
        self._store.listable = True

    def kind(self, key: str) -> str:
        return self._store.kinds[key]


class CephBench:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.admin: Any = boto3.session.Session().client(
            "s3",
            region_name="us-east-1",
            endpoint_url=endpoint,
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            config=Config(s3={"addressing_style": "path"}),
        )
        self.bucket = f"{BUCKET}-{time.monotonic_ns()}"
        self.admin.create_bucket(Bucket=self.bucket)

    def store(self, **changes: str) -> S3Bucket:
        return S3Bucket(
            changes.get("bucket", self.bucket),
            "us-east-1",
            self.endpoint,
            Secret(changes.get("key_id", KEYS[0])),
            Secret(changes.get("key", KEYS[1])),
            changes.get("permission", "public-read"),
            path_style=True,
        )

    def open_to_all(self) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{self.bucket}",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.admin.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))

    def kind(self, key: str) -> str:
        with urllib.request.urlopen(f"{self.endpoint}/{self.bucket}/{key}", timeout=10) as answer:
            assert answer.headers["Cache-Control"] == "no-cache"
            return answer.headers["Content-Type"]


@pytest.fixture(scope="session")
def ceph() -> Iterator[str]:
    """The endpoint of a real S3 server, in a container of this test."""
    subprocess.run(
        [sys.executable, ROOT / "tests/testbed/build.py", "ceph-rgw"], check=True, capture_output=True
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = subprocess.run(
        ["docker", "run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:7480", IMAGE],
        check=True,
        capture_output=True,
        text=True,
    )
    container = started.stdout.strip()
    try:
        wait_ready(container)
        yield f"http://127.0.0.1:{port}"
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], check=False, capture_output=True)


def wait_ready(container: str) -> None:
    deadline = time.monotonic() + 120
    while subprocess.run(
        ["docker", "exec", container, "test", "-f", "/run/rgw-ready"], check=False
    ).returncode:
        assert time.monotonic() < deadline, "the S3 server did not start"
        time.sleep(0.5)


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.contract, pytest.mark.slow])])
def bench(request: pytest.FixtureRequest) -> Bench:
    return FakeBench() if request.param == "fake" else CephBench(request.getfixturevalue("ceph"))


def test_what_was_written_is_read_back_and_removed(bench: Bench) -> None:
    store = bench.store()
    store.put("check/1", b"content")
    assert store.get("check/1") == b"content"
    store.delete("check/1")
    with pytest.raises(OperationFailed, match="NoSuchKey"):
        store.get("check/1")


def test_a_page_keeps_its_media_type_and_strangers_can_read_it(bench: Bench) -> None:
    bench.store().put("status/index.html", b"<!doctype html>", kind="text/html; charset=utf-8")
    assert bench.kind("status/index.html") == "text/html; charset=utf-8"


def test_removing_what_is_not_there_is_fine(bench: Bench) -> None:
    bench.store().delete("check/never")


def test_strangers_cannot_list_a_bucket_by_default(bench: Bench) -> None:
    assert bench.store().anybody_can_list() is False


def test_a_bucket_that_strangers_can_list_is_seen(bench: Bench) -> None:
    bench.open_to_all()
    assert bench.store().anybody_can_list() is True


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("key", "wrong", "SignatureDoesNotMatch"),
        ("key_id", "nobody", "InvalidAccessKeyId"),
        ("bucket", "no-such-bucket", "NoSuchBucket"),
    ],
)
def test_a_refusal_has_the_code_of_the_store(bench: Bench, setting: str, value: str, code: str) -> None:
    store = bench.store(**{setting: value})
    with pytest.raises(OperationFailed, match=code) as caught:
        store.put("check/1", b"content")
    assert "wrong" not in str(caught.value)


@pytest.mark.contract
@pytest.mark.slow
class TestCeph:
    def test_the_permission_of_media_is_set(self, ceph: str) -> None:
        bench = CephBench(ceph)
        bench.store().put("check/public", b"x")
        grants = bench.admin.get_object_acl(Bucket=bench.bucket, Key="check/public")["Grants"]
        assert [
            one
            for one in grants
            if one["Permission"] == "READ" and "AllUsers" in one["Grantee"].get("URI", "")
        ]
        bench.store(permission="").put("check/private", b"x")
        grants = bench.admin.get_object_acl(Bucket=bench.bucket, Key="check/private")["Grants"]
        assert not [one for one in grants if "AllUsers" in one["Grantee"].get("URI", "")]


@pytest.mark.contract
class TestNobodyThere:
    def test_a_store_that_does_not_answer_is_unreachable_at_once(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        store = S3Bucket(
            "media", "us-east-1", f"http://127.0.0.1:{port}", Secret("a"), Secret("b"), path_style=True
        )
        started = time.monotonic()
        with pytest.raises(Unreachable, match="cannot reach bucket `media`"):
            store.put("check/1", b"content")
        assert time.monotonic() - started < 3
