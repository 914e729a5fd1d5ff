"""A bucket of an S3-compatible store as a place for backup sets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from instancectl.adapters.destinations import versions
from instancectl.adapters.destinations.multipart import Multipart, Sink
from instancectl.adapters.destinations.versions import Versions
from instancectl.core.backup import naming, object_lock, providers
from instancectl.core.backup.danger import LONG_LOCK, MEDIA_BUCKET, NO_LOCK, PUBLIC_BUCKET, Danger
from instancectl.core.backup.garbage import Listed
from instancectl.core.config_backup import BackupDestination
from instancectl.core.secrets import Secret
from instancectl.errors import InstanceError, OperationFailed, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef, ObjectVersionTypeDef

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 5
"""Botocore's standard mode waits up to 20 s between them: what a store wants that says `SlowDown`."""

RESUMES = 3
PIECE = 1024 * 1024
EVERYBODY = ("http://acs.amazonaws.com/groups/global/AllUsers", "AuthenticatedUsers")
_DENIED = frozenset({400, 401, 403, 404, 405})
_GONE = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})


class BucketDestination:
    """See `ports.destination.Destination`. Every part carries its MD5, which the store checks."""

    def __init__(
        self,
        wanted: BackupDestination,
        instance: str,
        key_id: Secret,
        key: Secret,
        media_bucket: str = "",
        *,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """Nothing is asked before a method is called; `media_bucket` must be another one."""
        self._read_seconds = read_seconds
        self._wanted, self._prefix, self._media_bucket = wanted, f"{instance}/", media_bucket
        self._key_id, self._key = key_id, key

    @property
    def name(self) -> str:
        """As S3 tools write it."""
        return f"s3://{self._wanted.bucket}/{self._prefix.rstrip('/')}"

    @property
    def off_site(self) -> bool:
        """A bucket is somebody else's machine."""
        return True

    @cached_property
    def _client(self) -> S3Client:
        return self._connect(Config(signature_version="s3v4"), self._key_id.reveal(), self._key.reveal())

    def _connect(self, config: Config, key_id: str | None = None, key: str | None = None) -> S3Client:
        endpoint = self._wanted.endpoint or None
        # Newer checksums break stores other than AWS, which take them for content; MD5 is understood by all.
        checksums: Literal["when_required", "when_supported"] = (
            "when_required" if endpoint else "when_supported"
        )
        common = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=self._read_seconds,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint and self._wanted.path_style else "auto"},
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
        )
        return boto3.session.Session().client(
            "s3",
            region_name=self._wanted.region,
            endpoint_url=endpoint,
            config=common.merge(config),
            aws_access_key_id=key_id,
            aws_secret_access_key=key,
        )

    @property
    def lock_days(self) -> int:
        """As configured; what is written is locked for so long."""
        return self._wanted.lock_days

    @cached_property
    def _versions(self) -> Versions | None:
        """None without object lock: then what is there now is all there is."""
        with self._translated("look"):
            if not self.lock_days and not versions.enabled(self._client, self._wanted.bucket):
                return None
        return Versions(self._client, self._wanted.bucket)

    @cached_property
    def _in_flight(self) -> int:
        known = providers.at(self._wanted.endpoint)
        return known.in_flight if known else providers.PARTS_IN_FLIGHT

    def _named(self, key: str) -> dict[str, Any]:
        found = self._versions
        return found.of(self._prefix + key) if found else {"Key": self._prefix + key}

    def _locking(self, key: str) -> dict[str, Any]:
        if not self.lock_days or not naming.lasting(key):
            return {}
        return versions.locking(self._wanted.lock_mode, object_lock.ends(self.lock_days, time.time()))

    @contextmanager
    def create(self, key: str) -> Iterator[Sink]:
        """A new object: in one request when it is small, in parts when it is not."""
        with self._translated(f"write `{key}`"):
            if self._versions and "VersionId" in self._named(key):
                # Where versions are kept, Ceph takes a second object of a name, which would then be ignored.
                raise OperationFailed(f"`{key}` exists already in {self.name}", subject=key)
        upload = Multipart(self._client, self._wanted.bucket, self._prefix + key, self._locking(key))
        with ThreadPoolExecutor(self._in_flight) as pool:
            sink = Sink(upload, pool, self._in_flight, self._translated)
            try:
                yield sink
                with self._translated(f"write `{key}`"):
                    sink.finish()
            except BaseException:
                sink.abort()
                raise
        if naming.lasting(key):
            # Ceph forgets the lock of an object that was sent in parts: look, and lock it then.
            now = object_lock.term(self.lock_days, time.time())
            self.hold(key, now.at_least, now.until)

    def read(self, key: str) -> Iterator[bytes]:
        """Its content; a connection that is cut is resumed where it broke."""
        offset, etag = 0, ""
        for attempts_left in reversed(range(RESUMES)):
            try:
                with self._translated(f"read `{key}`"):
                    # The same object, or none: a resumed read must not splice two of them.
                    ranged: dict[str, Any] = {"Range": f"bytes={offset}-", "IfMatch": etag} if offset else {}
                    found = self._client.get_object(Bucket=self._wanted.bucket, **self._named(key), **ranged)
                    etag = found.get("ETag", "")
                    if not etag:
                        raise OperationFailed(f"cannot read `{key}` in {self.name}: what came is no object")
                    for piece in found["Body"].iter_chunks(PIECE):
                        offset += len(piece)
                        yield piece
                    return
            except Unreachable:
                if not attempts_left:
                    raise

    def part_of(self, key: str, offset: int, size: int) -> bytes:
        """Some bytes of it, in one request."""
        with self._translated(f"read `{key}`"):
            span = f"bytes={offset}-{offset + size - 1}"
            found = self._client.get_object(Bucket=self._wanted.bucket, Range=span, **self._named(key))
            return found["Body"].read()

    def listed(self, prefix: str = "") -> Iterator[Listed]:
        """Every object below the prefix, sorted by key."""
        with self._translated("list"):
            for one in self._objects(self._prefix + prefix):
                key = one["Key"].removeprefix(self._prefix)
                yield Listed(key, one["Size"], one["LastModified"].timestamp())

    def _objects(self, prefix: str) -> Iterator[ObjectTypeDef | ObjectVersionTypeDef]:
        if self._versions:
            yield from self._versions.firsts(prefix)
            return
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._wanted.bucket, Prefix=prefix):
            yield from page.get("Contents", ())

    def delete(self, key: str) -> bool:
        """Remove it; a lock, or a key that may not remove, keeps it."""
        try:
            with self._translated(f"remove `{key}`"):
                if self._versions:
                    self._versions.remove(self._prefix + key)
                else:
                    self._client.delete_object(Bucket=self._wanted.bucket, Key=self._prefix + key)
        except OperationFailed as error:
            if error.subject in versions.REFUSALS:
                return False
            raise
        return True

    def hold(self, key: str, at_least: float, until: float) -> bool:
        """Extend its lock when it ends too early."""
        if not self.lock_days or not self._versions:
            return False
        with self._translated(f"lock `{key}`"):
            if self._versions.locked_until(self._prefix + key) >= at_least:
                return False
            self._versions.lock(self._prefix + key, self._wanted.lock_mode, until)
            return True

    def abandon(self, older_than_seconds: float) -> int:
        """Abort uploads that never ended: stores charge for them, and list them nowhere."""
        aborted = 0
        with self._translated("tidy up"):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._wanted.bucket, Prefix=self._prefix):
                for one in page.get("Uploads", ()):
                    if one["Initiated"].timestamp() < time.time() - older_than_seconds:
                        self._client.abort_multipart_upload(
                            Bucket=self._wanted.bucket, Key=one["Key"], UploadId=one["UploadId"]
                        )
                        aborted += 1
        return aborted

    def free_bytes(self) -> int | None:
        """Buckets do not say."""
        return None

    def dangers(self, data_path: str, kept_days: int) -> tuple[Danger, ...]:  # noqa: ARG002 - far from any disk
        """Readable by anybody, used for media, or locked for longer than sets are kept."""
        bucket, found = self._wanted.bucket, []
        if bucket == self._media_bucket:
            seen = f"bucket `{bucket}` holds the media: a mistake there would take both"
            found.append(Danger(MEDIA_BUCKET, seen))
        if self._public():
            found.append(Danger(PUBLIC_BUCKET, f"anybody can list or read bucket `{bucket}`"))
        with self._translated("look"):
            found += self._lock_dangers(kept_days)
        return tuple(found)

    def _lock_dangers(self, kept_days: int) -> Iterator[Danger]:
        bucket, days = self._wanted.bucket, self.lock_days
        if days and not versions.enabled(self._client, bucket):
            yield Danger(
                NO_LOCK, f"bucket `{bucket}` has no object lock: it is switched on when one is created"
            )
        days = max(days, versions.default_days(self._client, bucket))
        if days > kept_days:
            seen = f"bucket `{bucket}` locks objects for {days} days, sets are kept {kept_days}"
            yield Danger(LONG_LOCK, f"{seen}: what they need stays longer than they do")

    def _public(self) -> bool:
        with self._translated("look"):
            try:
                self._connect(Config(signature_version=UNSIGNED)).list_objects_v2(
                    Bucket=self._wanted.bucket, MaxKeys=1
                )
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") not in _DENIED:
                    raise
            else:
                return True
            try:
                grants = self._client.get_bucket_acl(Bucket=self._wanted.bucket)["Grants"]
            except ClientError:
                return False  # a store without ACLs, or a key that may not read them
            return any(one["Grantee"].get("URI", "").endswith(EVERYBODY) for one in grants)

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        try:
            yield
        except InstanceError:
            raise
        except ClientError as error:
            raise self._refusal(action, error) from error
        except BotoCoreError as error:
            raise Unreachable(
                f"cannot {action} in {self.name}: the store does not answer",
                hint=f"is `{self._wanted.endpoint or 'AWS'}` right, and up? run the same command again later",
                subject=self.name,
            ) from error

    def _refusal(self, action: str, error: ClientError) -> InstanceError:
        said = error.response.get("Error", {})
        code = str(said.get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        message = f"cannot {action} in {self.name}: {code}"
        if reason := said.get("Message"):
            message += f": {reason}"
        if status >= 500:
            return Unreachable(message, hint="the store is unwell; run the same command again later")
        hint = "" if code in _GONE else "see the bucket's policy, and the keys in `backup.env`"
        return OperationFailed(message, hint=hint, subject=code)
