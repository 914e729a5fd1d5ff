"""The check of indexes on text: whether the C library that orders text is the one they were made with.

Images of PostgreSQL change it without a word: `postgres:17` moved from Debian 12 to 13, and Alpine has
another one. Rows are then not found in indexes, and what must be unique is so no more.
"""

from __future__ import annotations

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.questions import TextOrder
from instancectl.core.unknown import Unknown

SLUG = "text-order"
_NEEDED = "indexes made with the C library of the image that runs"


def text_order(facts: Facts) -> Judgement:
    """The recorded C library is the one that runs."""
    if not isinstance(facts.stack, Unknown) and not facts.stack.services:
        return Skipped(SLUG, "nothing is deployed yet")
    answer = facts.postgres
    if isinstance(answer, Unknown):
        return unknown(SLUG, answer, _NEEDED)
    if isinstance(answer, NoAnswer):
        return unknown(SLUG, Unknown(f"PostgreSQL does not answer: {answer.reason}"), _NEEDED)
    if answer.text_order is None:
        return Skipped(SLUG, "no C library orders this database's text, or PostgreSQL is older than 15")
    return _judged(answer.text_order, facts.config.stack)


def _judged(order: TextOrder, stack: str) -> Finding:
    if order.musl == bool(order.recorded) and (order.musl or order.now):
        before, now = ("glibc", "musl") if order.musl else ("musl", "glibc")
        return fail(
            SLUG,
            f"indexes were made with {before}, {now} looks things up in them",
            _NEEDED,
            f"set `images.db` back to an image with {before} and deploy; "
            "to change it, restore a backup into a new instance",
        )
    if order.recorded and order.now and order.recorded != order.now:
        psql = f"docker exec $(docker ps -qf name={stack}_db.1) psql -U mastodon -d mastodon_production"
        return fail(
            SLUG,
            f"indexes were made with glibc {order.recorded}, {order.now} looks things up in them",
            _NEEDED,
            f'type `instancectl maintenance on`, then `{psql} -c "reindex database mastodon_production" '
            '-c "alter database mastodon_production refresh collation version"`',
        )
    return ok(SLUG, f"as when the indexes were made ({'musl' if order.musl else f'glibc {order.recorded}'})")
