"""A bucket of an S3-compatible store; the only importer of boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from instancectl.core.secrets import Secret
from instancectl.errors import InstanceError, OperationFailed, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS = 3
READ_SECONDS = 5
_DENIED = frozenset({400, 401, 403, 404, 405})


class S3Bucket:
    """See `ports.object_store.ObjectStore`. Mastodon's own timeouts, no hidden retries."""

    def __init__(  # noqa: PLR0913 - the six settings of upstream
        self,
        bucket: str,
        region: str,
        endpoint: str,
        key_id: Secret,
        key: Secret,
        permission: str = "",
        *,
        path_style: bool = False,
    ) -> None:
        """Nothing is asked before a method is called."""
        self._bucket, self._permission = bucket, permission
        self._where = f"bucket `{bucket}` at {endpoint or 'AWS'}"
        self._path_style = path_style
        self._region, self._endpoint = region, endpoint or None
        self._key_id, self._key = key_id, key

    def put(self, key: str, content: bytes, *, kind: str = "") -> None:
        """Store an object with the permission that media get; with a media type, browsers ask for it anew."""
        grant: dict[str, Any] = {"ACL": self._permission} if self._permission else {}
        if kind:
            grant |= {"ContentType": kind, "CacheControl": "no-cache"}
        try:
            self._signed().put_object(Bucket=self._bucket, Key=key, Body=content, **grant)
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error) from error

    def get(self, key: str) -> bytes:
        """Read it."""
        try:
            return self._signed().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error) from error

    def delete(self, key: str) -> None:
        """Remove it; absent is fine."""
        try:
            self._signed().delete_object(Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error) from error

    def anybody_can_list(self) -> bool:
        """Whether a request without a signature lists the bucket."""
        try:
            self._client(Config(signature_version=UNSIGNED)).list_objects_v2(Bucket=self._bucket, MaxKeys=1)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _DENIED:
                return False
            raise self._translated(error) from error
        except BotoCoreError as error:
            raise self._translated(error) from error
        return True

    def _signed(self) -> S3Client:
        return self._client(Config(signature_version="s3v4"), self._key_id.reveal(), self._key.reveal())

    def _client(self, config: Config, key_id: str | None = None, key: str | None = None) -> S3Client:
        common = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if self._path_style else "auto"},
        )
        # A session of its own: the default one is shared between threads, and reads the admin's own profile.
        session = boto3.session.Session()
        return session.client(
            "s3",
            region_name=self._region,
            endpoint_url=self._endpoint,
            config=common.merge(config),
            aws_access_key_id=key_id,
            aws_secret_access_key=key,
        )

    def _translated(self, error: BotoCoreError | ClientError) -> InstanceError:
        if isinstance(error, ClientError):
            said = error.response.get("Error", {})
            return OperationFailed(f"{said.get('Code', '')}: {said.get('Message') or 'no reason given'}")
        return Unreachable(f"cannot reach {self._where}: {error}", hint="see `media.s3_endpoint`")
