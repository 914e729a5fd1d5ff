"""What is started once for all tests against real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.backup_harness import built, s3_server


@pytest.fixture(scope="session")
def ceph() -> Iterator[str]:
    """A real S3 server; every test makes buckets of its own."""
    built("ceph-rgw")
    with s3_server() as url:
        yield url
