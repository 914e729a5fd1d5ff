"""What is known about stores that speak S3, as data; whatever is not listed is asked, and works as Ceph does.

Sources, read 2026-11-22: https://litestream.io/guides/s3-compatible/ (path style, parts at a time),
https://developers.cloudflare.com/r2/api/s3/api/ (no object lock, region `auto`),
https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api,
https://docs.wasabi.com/apidocs/object-lock-on-buckets-with-the-wasabi-s3-api,
https://docs.hetzner.com/storage/object-storage/supported-actions/,
https://www.scaleway.com/en/docs/object-storage/how-to/use-object-lock/,
https://docs.digitalocean.com/products/spaces/reference/s3-compatibility/ (lists no object lock),
https://garagehq.deuxfleurs.fr/documentation/reference-manual/s3-compatibility (no versions, so no lock),
https://github.com/kopia/kopia/issues/5590 (object lock on OVHcloud).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instancectl.errors import Refused

PARTS_IN_FLIGHT: Final = 4


@dataclass(frozen=True, slots=True)
class Provider:
    """One store.

    Attributes:
        name: what people type.
        title: what it calls itself.
        endpoint: its address with `{region}`; empty for AWS itself. A capital word must be filled in by hand.
        host: what the end of its host name is; empty for software that runs anywhere.
        path_style: whether the bucket stands in the path.
        object_lock: whether objects can be locked through S3.
        in_flight: parts it takes at the same time.
        region: of a store that has but one.
    """

    name: str
    title: str
    endpoint: str
    host: str = ""
    path_style: bool = True
    object_lock: bool = True
    in_flight: int = PARTS_IN_FLIGHT
    region: str = ""


PROVIDERS: Final = (
    Provider("aws", "Amazon S3", "", ".amazonaws.com", path_style=False),
    Provider("backblaze", "Backblaze B2", "https://s3.{region}.backblazeb2.com", ".backblazeb2.com"),
    Provider("wasabi", "Wasabi", "https://s3.{region}.wasabisys.com", ".wasabisys.com"),
    Provider(
        "cloudflare", "Cloudflare R2", "https://ACCOUNT.r2.cloudflarestorage.com",
        ".r2.cloudflarestorage.com", object_lock=False, in_flight=2, region="auto",
    ),
    Provider("hetzner", "Hetzner", "https://{region}.your-objectstorage.com", ".your-objectstorage.com"),
    Provider("scaleway", "Scaleway", "https://s3.{region}.scw.cloud", ".scw.cloud"),
    Provider("ovh", "OVHcloud", "https://s3.{region}.io.cloud.ovh.net", ".cloud.ovh.net"),
    Provider(
        "digitalocean", "DigitalOcean Spaces", "https://{region}.digitaloceanspaces.com",
        ".digitaloceanspaces.com", object_lock=False,
    ),
    Provider("ceph", "Ceph RGW", "https://ADDRESS"),
    Provider("minio", "MinIO", "https://ADDRESS"),
    Provider("garage", "Garage", "https://ADDRESS", object_lock=False, region="garage"),
)  # fmt: skip

NAMES: Final = tuple(one.name for one in PROVIDERS)


def named(name: str) -> Provider:
    """The provider of that name, which is one of `NAMES`."""
    return next(one for one in PROVIDERS if one.name == name)


def at(endpoint: str) -> Provider | None:
    """Whose store answers there; None when nobody knows."""
    if not endpoint:
        return named("aws")
    host = endpoint.partition("://")[2].partition("/")[0].partition(":")[0].lower()
    return next((one for one in PROVIDERS if one.host and host.endswith(one.host)), None)


def endpoint(provider: Provider, region: str) -> str:
    """Its address in a region.

    Raises:
        Refused: the address holds a name that only the admin knows.
    """
    found = provider.endpoint.format(region=region)
    if found != found.lower():
        raise Refused(
            f"cannot tell the address of {provider.title}; nothing was changed",
            hint=f"add `--endpoint {found}`",
            subject=provider.name,
        )
    return found
