"""The check of the object store that holds media."""

from __future__ import annotations

from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.config import Media
from instancectl.core.unknown import Unknown

_NEEDED = {
    "put": "permission to write (`s3:PutObject`; with `media.s3_permission` also `s3:PutObjectAcl`)",
    "get": "permission to read (`s3:GetObject`)",
    "delete": "permission to delete (`s3:DeleteObject`)",
}


def endpoint_url(media: Media) -> str:
    """The store's URL; `https` where the configuration names none, empty for AWS itself."""
    endpoint = media.s3_endpoint
    return endpoint if "://" in endpoint or not endpoint else f"https://{endpoint}"


def store(facts: Facts) -> Judgement:
    """A small object can be written, read and deleted; strangers cannot list the bucket."""
    media, trial = facts.config.media, facts.store
    if media.storage != "s3":
        return Skipped("s3", 'media are stored on this host (`media.storage = "local"`)')
    where = f"bucket `{media.s3_bucket}` at {media.s3_endpoint or 'AWS'}"
    if isinstance(trial, Unknown):
        return unknown("s3", trial, f"an answer of {where}", trial.hint or "see `media.s3_endpoint`")
    if trial.failed_at is not None:
        return fail(
            "s3",
            f"{where}: cannot {trial.failed_at} an object: {trial.said}",
            _NEEDED[trial.failed_at],
            _hint(trial.said),
        )
    if trial.listable:
        return warn(
            "s3",
            f"{where} works, but anybody can list it, and so find media of deleted and private posts",
            "a bucket that strangers cannot list",
            "remove `s3:ListBucket` for everybody from the bucket's policy or ACL",
        )
    listed = (
        "strangers cannot list it" if trial.listable is False else "whether strangers can list it is unknown"
    )
    return ok("s3", f"{where}: written, read, deleted; {listed}")


def _hint(said: str) -> str:
    hints = {
        "NoSuchBucket": "create the bucket, or see `media.s3_bucket`",
        "InvalidAccessKeyId": "see AWS_ACCESS_KEY_ID in `secrets.env`",
        "SignatureDoesNotMatch": "see AWS_SECRET_ACCESS_KEY in `secrets.env`, and `media.s3_region`",
        "RequestTimeTooSkewed": "see the `clock` check",
        "AccessControlListNotSupported": 'set `media.s3_permission = ""`: this store has no ACLs',
        "AuthorizationHeaderMalformed": "see `media.s3_region`",
        "PermanentRedirect": "see `media.s3_region` and `media.s3_endpoint`",
    }
    return next((hint for word, hint in hints.items() if word in said), "see the store's policy for this key")
