"""A bucket whose store misbehaves: a fault proxy in front of a real S3 server (Ceph RGW)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from instancectl.errors import OperationFailed, Unreachable
from tests.contract.fault_proxy import Fault, FaultProxy
from tests.contract.test_destinations import Bucket, content, put

pytestmark = [pytest.mark.contract, pytest.mark.slow]

ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>try again</Message></Error>"
SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>slow down</Message></Error>"
LARGE = [os.urandom(6_000_000) for _ in range(6)]


@pytest.fixture
def proxy(ceph: str) -> Iterator[FaultProxy]:
    host, port = ceph.removeprefix("http://").split(":")
    with FaultProxy(host, int(port)) as running:
        yield running


@pytest.fixture
def bucket(ceph: str) -> Bucket:
    return Bucket(ceph)


SURVIVED = {
    "slow-down": Fault("PUT", status=503, body=SLOW_DOWN, times=3),
    "part-fails": Fault("PUT", "partNumber=2", status=500, body=ERROR),
    "part-lost": Fault("PUT", "partNumber=2", lost=True),
    "begin-fails": Fault("POST", r"\?uploads", status=500, body=ERROR),
    "error-in-success": Fault("POST", "uploadId=", status=200, body=ERROR),
    "answer-to-complete-lost": Fault("POST", "uploadId=", lost=True),
}


@pytest.mark.parametrize("name", SURVIVED)
def test_a_large_object_survives(proxy: FaultProxy, bucket: Bucket, name: str) -> None:
    fault = SURVIVED[name]
    fault.seen = 0
    proxy.faults.append(fault)
    put(bucket.destination(endpoint=proxy.url), "media/packs/a", *LARGE)
    assert fault.seen == fault.times
    assert content(bucket.destination(), "media/packs/a") == b"".join(LARGE)
    assert not bucket.admin.list_multipart_uploads(Bucket=bucket.name).get("Uploads")


def test_the_lost_answer_to_a_small_object_is_no_conflict(proxy: FaultProxy, bucket: Bucket) -> None:
    proxy.faults.append(Fault("PUT", lost=True))
    put(bucket.destination(endpoint=proxy.url), "sets/1.json", b"{}")
    assert content(bucket.destination(), "sets/1.json") == b"{}"
    assert sum(one.startswith("PUT") for one in proxy.requests) == 2


@pytest.mark.parametrize("cut_after", [0, 1, 1_000_000, 5_999_999])
def test_a_download_that_is_cut_is_resumed(proxy: FaultProxy, bucket: Bucket, cut_after: int) -> None:
    put(bucket.destination(), "a", LARGE[0])
    proxy.faults.append(Fault("GET", "/a", cut_after=cut_after))
    assert content(bucket.destination(endpoint=proxy.url), "a") == LARGE[0]


def test_a_store_that_is_unwell_for_long_is_unreachable_and_holds_nothing(
    proxy: FaultProxy, bucket: Bucket
) -> None:
    proxy.faults.append(Fault("PUT", status=503, body=SLOW_DOWN, times=10_000))
    with pytest.raises(Unreachable, match="SlowDown"):
        put(bucket.destination(endpoint=proxy.url), "a", b"1")
    assert list(bucket.destination().listed()) == []


def test_keys_that_are_revoked_half_way_end_the_upload(proxy: FaultProxy, bucket: Bucket) -> None:
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
    proxy.faults.append(Fault("PUT", "partNumber=3", status=403, body=denied, times=10_000))
    with pytest.raises(OperationFailed, match="AccessDenied"):
        put(bucket.destination(endpoint=proxy.url), "a", *LARGE)
    assert list(bucket.destination().listed()) == []


def test_a_key_that_may_not_remove_keeps_the_object(proxy: FaultProxy, bucket: Bucket) -> None:
    put(bucket.destination(), "a", b"1")
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
    proxy.faults.append(Fault("DELETE", status=403, body=denied))
    assert bucket.destination(endpoint=proxy.url).delete("a") is False
    assert content(bucket.destination(), "a") == b"1"


def test_a_listing_that_fails_is_no_empty_bucket(proxy: FaultProxy, bucket: Bucket) -> None:
    put(bucket.destination(), "a", b"1")
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
    proxy.faults.append(Fault("GET", "list-type", status=403, body=denied))
    with pytest.raises(OperationFailed, match="AccessDenied"):
        list(bucket.destination(endpoint=proxy.url).listed())
