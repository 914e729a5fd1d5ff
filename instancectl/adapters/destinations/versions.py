"""Versions of objects in a bucket with object lock, where nothing that was written is really replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef

REFUSALS = frozenset({"AccessDenied", "InvalidRequest", "ObjectLocked"})
"""What stores say about an object that is locked, or whose key may not be used to remove it."""


class Versions:
    """One bucket.

    Every key is written once, so the oldest version of it is the one that was meant. Whatever somebody with
    the bucket's key puts on top, a marker that says `removed` or another content, changes nothing.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Nothing is asked yet."""
        self._client, self._bucket = client, bucket
        self._first: dict[str, str] = {}

    def firsts(self, prefix: str) -> Iterator[ObjectVersionTypeDef]:
        """The oldest version of every key below a prefix, sorted by key."""
        pages = self._client.get_paginator("list_object_versions")
        last: ObjectVersionTypeDef | None = None
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            # Newest first within a key.
            for one in page.get("Versions", ()):
                if last is not None and last["Key"] != one["Key"]:
                    yield self._remembered(last)
                last = one
        if last is not None:
            yield self._remembered(last)

    def _remembered(self, one: ObjectVersionTypeDef) -> ObjectVersionTypeDef:
        self._first[one["Key"]] = one["VersionId"]
        return one

    def of(self, key: str) -> dict[str, Any]:
        """What names the object in a request; as a plain key when there is none."""
        if key not in self._first:
            next((one for one in self.firsts(key) if one["Key"] == key), None)
        version = self._first.get(key)
        return {"Key": key, "VersionId": version} if version else {"Key": key}

    def remove(self, key: str) -> None:
        """Remove every version and marker of a key, the oldest first: it is the one that may be locked."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
        found = [
            one["VersionId"]
            for page in pages
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if one["Key"] == key
        ]
        first = self.of(key).get("VersionId") if found else None
        for version in sorted(found, key=lambda one: one != first):
            self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version)
        self._first.pop(key, None)

    def locked_until(self, key: str) -> float:
        """When its lock ends, epoch seconds; 0 without one."""
        found: Mapping[str, Any] = self._client.head_object(Bucket=self._bucket, **self.of(key))
        end = found.get("ObjectLockRetainUntilDate")
        return float(end.timestamp()) if end else 0.0

    def lock(self, key: str, mode: str, until: float) -> None:
        """Lock it until then; stores refuse to shorten a lock."""
        self._client.put_object_retention(
            Bucket=self._bucket,
            Retention={
                "Mode": "GOVERNANCE" if mode == "governance" else "COMPLIANCE",
                "RetainUntilDate": _date(until),
            },
            **self.of(key),
        )


def locking(mode: str, until: float) -> dict[str, Any]:
    """What a request adds that writes a locked object."""
    return {"ObjectLockMode": mode.upper(), "ObjectLockRetainUntilDate": _date(until)}


def enabled(client: S3Client, bucket: str) -> bool:
    """Whether a bucket has object lock; a store that knows none says no.

    Raises:
        ClientError: the store is unwell, so nobody knows.
    """
    return bool(_configuration(client, bucket).get("ObjectLockEnabled") == "Enabled")


def default_days(client: S3Client, bucket: str) -> int:
    """For how long everything is locked that is written without a word about it."""
    rule = _configuration(client, bucket).get("Rule", {}).get("DefaultRetention", {})
    return int(rule.get("Days", 0)) or int(rule.get("Years", 0)) * 365


def _configuration(client: S3Client, bucket: str) -> dict[str, Any]:
    try:
        found = client.get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status in {500, 502, 503, 504}:
            raise
        return {}  # no lock, a store that knows none (501), or a key that may not ask
    return dict(found.get("ObjectLockConfiguration", {}))


def _date(epoch_seconds: float) -> datetime:
    return datetime.fromtimestamp(epoch_seconds, UTC)
