"""Checks of what is installed: images, and the versions of PostgreSQL and Redis."""

from __future__ import annotations

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import fail, ok, unknown, warn
from instancectl.core.checks.seen import VersionSeen
from instancectl.core.releases import (
    CORRUPTING_POSTGRES,
    Version,
    at_least,
    parse_version,
    requirements_of,
    show_version,
)
from instancectl.core.unknown import Known, Unknown

_HOW = {"running": "it says so itself", "image": "the image says so", "tag": "by the image's tag"}


def images(facts: Facts) -> Finding:
    """Every image is on this host, or will be fetched."""
    found = facts.images
    if isinstance(found, Unknown):
        return unknown("images", found, "images on this host")
    missing = [image.reference for image in found if not image.present]
    if not missing:
        return ok("images", f"all {len(found)} on this host")
    return ok(
        "images", f"{len(found) - len(missing)} of {len(found)} on this host; to fetch: {', '.join(missing)}"
    )


def postgres_version(facts: Facts) -> Finding:
    """PostgreSQL is new enough for the release's migrations."""
    release = facts.config.instance.release
    minimum = requirements_of(release).postgres_minimum
    finding = _judge("postgresql-version", "PostgreSQL", facts.postgres_version, minimum, release)
    changed = major_change(facts)
    if changed:
        return fail(
            "postgresql-version",
            changed,
            "the major version that runs",
            _upgrade("PostgreSQL", "running", minimum),
        )
    version = _version(facts.postgres_version)
    low, high = CORRUPTING_POSTGRES
    if version is not None and len(version) > 1 and low <= version[:2] <= high:
        return warn(
            "postgresql-version",
            f"PostgreSQL {show_version(version)} can corrupt indexes (fixed in 14.4)",
            "14.4 or newer of the same major version",
            'set `images.db = "postgres:14"` and deploy: minor versions change in place',
        )
    return finding


def major_change(facts: Facts) -> str:
    """Why the image wanted cannot read the data that runs; empty when it can, or nobody knows."""
    running, wanted = facts.postgres_version, tag_version(facts.config.images.db)
    if isinstance(running, Unknown) or running.how != "running" or wanted is None:
        return ""
    version = parse_version(running.text)
    if version is None or version[0] == wanted[0]:
        return ""
    return f"PostgreSQL {version[0]} runs, `images.db` is {wanted[0]}, which cannot read its files"


def tag_version(reference: str) -> Version | None:
    """The version in an image's tag, e.g. of `postgres:17-bookworm`; None without one."""
    tag = reference.partition("@")[0].rpartition("/")[2].partition(":")[2].removeprefix("v")
    return parse_version(tag) if tag[:1].isdigit() else None


def redis_version(facts: Facts) -> Finding:
    """Redis is new enough for the release's Sidekiq."""
    release = facts.config.instance.release
    minimum = requirements_of(release).redis_minimum
    return _judge("redis-version", "Redis", facts.redis_version, minimum, release)


def _judge(slug: str, name: str, seen: Known[VersionSeen], minimum: Version, release: str) -> Finding:
    needed = f"{name} {show_version(minimum)} or newer for Mastodon {release}"
    key = "images.db" if name == "PostgreSQL" else "images.redis"
    if isinstance(seen, Unknown):
        return unknown(slug, seen, needed, f"type `docker run --rm {key} --version` with your image")
    version = parse_version(seen.text)
    if version is None:
        return unknown(slug, Unknown(f"`{seen.text}` holds no version"), needed, f"see `{key}`")
    told = f"{name} {show_version(version)} ({_HOW[seen.how]})"
    if at_least(version, minimum):
        return ok(slug, f"{told}; {show_version(minimum)} is enough")
    return fail(slug, told, needed, _upgrade(name, seen.how, minimum))


def _upgrade(name: str, how: str, minimum: Version) -> str:
    if name == "Redis":
        return f'set `images.redis` to Redis {show_version(minimum)} or newer, e.g. "redis:8"'
    if how == "running":
        return "a major version never changes in place: dump, set `images.db`, restore into the new one"
    return 'set `images.db` to a newer one, e.g. "postgres:17"'


def _version(seen: Known[VersionSeen]) -> Version | None:
    return None if isinstance(seen, Unknown) else parse_version(seen.text)
