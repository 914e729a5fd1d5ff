"""Uploads of unknown length to S3: equal parts, some in flight, committed once and only once."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from instancectl.errors import OperationFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 * 1024 * 1024
"""All parts but the last are equal, which some stores demand; 10,000 of them are 156 GiB."""

ONLY_NEW = {"IfNoneMatch": "*"}
"""Write once; stores that do not know it are asked without."""

UNKNOWN_WORDS = frozenset({"NotImplemented", "InvalidArgument", "InvalidRequest"})
TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})


class Multipart:
    """One object on its way; `upload_id` once it turned out to be more than one part."""

    def __init__(self, client: S3Client, bucket: str, key: str, locking: Mapping[str, Any]) -> None:
        """Nothing is sent yet; `locking` goes with the request that makes the object."""
        self._client = client
        self._where: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._locking = dict(locking)
        self.key = key
        self.upload_id = ""

    def begin(self) -> None:
        """Ask for an upload; some stores heed `IfNoneMatch` for whole objects only, so look first."""
        try:
            self._client.head_object(**self._where)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404:
                raise
        else:
            raise self._taken()
        self.upload_id = self._client.create_multipart_upload(**self._where, **self._locking)["UploadId"]

    def part(self, number: int, content: bytes) -> CompletedPartTypeDef:
        """Send one part; the store compares its MD5."""
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        sent = self._client.upload_part(
            **self._where,
            UploadId=self.upload_id,
            PartNumber=number,
            Body=content,
            ContentMD5=base64.b64encode(digest).decode(),
        )
        return {"ETag": sent["ETag"], "PartNumber": number}

    def complete(self, parts: list[CompletedPartTypeDef], size: int) -> None:
        """Make the object exist."""
        call = self._client.complete_multipart_upload
        self._once(
            lambda only_new: call(
                **self._where, UploadId=self.upload_id, MultipartUpload={"Parts": parts}, **only_new
            ),
            _joined_etag(parts),
            size,
        )

    def whole(self, content: bytes) -> None:
        """A small object in one request."""
        digest = hashlib.md5(content, usedforsecurity=False)
        checked = base64.b64encode(digest.digest()).decode()
        self._once(
            lambda only_new: self._client.put_object(
                **self._where, Body=content, ContentMD5=checked, **self._locking, **only_new
            ),
            digest.hexdigest(),
            len(content),
        )

    def _once(self, call: Callable[[dict[str, Any]], object], etag: str, size: int) -> None:
        """Commit; whatever the answer was, or whether there was one: what counts is what is there now."""
        refused: Exception | None = None
        try:
            call(ONLY_NEW)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in UNKNOWN_WORDS:
                call({})
            else:
                refused = error
        except BotoCoreError as error:
            refused = error
        self._see(etag, size, refused)

    def _see(self, etag: str, size: int, refused: Exception | None) -> None:
        try:
            found = self._client.head_object(**self._where)
        except ClientError:
            raise refused or OperationFailed(f"`{self.key}` was acknowledged and is not there") from refused
        # An answer that got lost: the store had committed what we sent, a second attempt found it taken.
        if found["ContentLength"] == size and (refused is None or found["ETag"].strip('"') == etag):
            return
        if isinstance(refused, ClientError) and refused.response.get("Error", {}).get("Code") in TAKEN:
            raise self._taken() from None
        raise refused or OperationFailed(
            f"`{self.key}` arrived with {found['ContentLength']} of {size} bytes"
        )

    def _taken(self) -> OperationFailed:
        return OperationFailed(f"`{self.key}` exists already", subject=self.key)

    def abort(self) -> None:
        """Give the parts back; a later `abandon` does it when nobody answers now."""
        if self.upload_id:
            with contextlib.suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**self._where, UploadId=self.upload_id)


class Sink:
    """See `ports.destination.ObjectSink`: collects equal parts and keeps a few in flight."""

    def __init__(
        self,
        upload: Multipart,
        pool: ThreadPoolExecutor,
        in_flight: int,
        translated: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        """`translated` turns the SDK's exceptions into ours."""
        self._upload, self._pool, self._translated = upload, pool, translated
        self._in_flight = in_flight
        self._buffer = bytearray()
        self._size = self._number = 0
        self._flying: deque[Future[CompletedPartTypeDef]] = deque()
        self._done: list[CompletedPartTypeDef] = []

    def write(self, chunk: bytes, /) -> None:
        """Take more; waits while too much is in flight."""
        self._buffer += chunk
        self._size += len(chunk)
        while len(self._buffer) > PART_BYTES:
            part = bytes(self._buffer[:PART_BYTES])
            del self._buffer[:PART_BYTES]
            with self._translated(f"write `{self._upload.key}`"):
                self._send(part)

    def finish(self) -> None:
        """Send the rest and commit."""
        if not self._number:
            self._upload.whole(bytes(self._buffer))
            return
        self._send(bytes(self._buffer))
        while self._flying:
            self._done.append(self._flying.popleft().result())
        self._upload.complete(self._done, self._size)

    def abort(self) -> None:
        """Forget everything."""
        for one in self._flying:
            one.cancel()
        for one in self._flying:
            with contextlib.suppress(Exception):
                one.exception()
        self._upload.abort()

    def _send(self, part: bytes) -> None:
        if not self._number:
            self._upload.begin()
        self._number += 1
        self._flying.append(self._pool.submit(self._upload.part, self._number, part))
        while len(self._flying) >= self._in_flight:
            self._done.append(self._flying.popleft().result())


def _joined_etag(parts: list[CompletedPartTypeDef]) -> str:
    """What every store makes of the parts' own tags."""
    joined = hashlib.md5(usedforsecurity=False)
    for one in parts:
        tag = one["ETag"].strip('"')
        with contextlib.suppress(ValueError):
            joined.update(bytes.fromhex(tag))
    return f"{joined.hexdigest()}-{len(parts)}"
