"""The write path as a person uses it: a post is accepted, arrives live, and is deleted again.

The post is `direct` and mentions nobody: Mastodon delivers it to its author alone, no follower and no other
server gets it, and no timeline but the author's shows it. It enters at the cache, where the proxy would hand
it over, so that the token never leaves the instance's own network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.core.monitoring.sli import Verdict
from instancectl.core.monitoring.surfaces import CACHE_PORT
from instancectl.core.probes import WEBSOCKET_HEADERS
from instancectl.core.secrets import Secret
from instancectl.core.unknown import Known, Unknown

EVERY_SECONDS: Final = 300.0
"""Twelve posts and as many deletions an hour; Mastodon allows 30 deletions in half an hour."""

AGAIN_SECONDS: Final = 60.0
"""After a failure: 30 deletions in half an hour are just allowed."""

PATIENCE_SECONDS: Final = 30.0
"""A post that has not arrived by then is counted as lost."""

SLOW_SECONDS: Final = 10.0
"""A post that takes longer to arrive makes its slices bad."""

OLD_SECONDS: Final = 2 * EVERY_SECONDS + PATIENCE_SECONDS
"""What was seen so long ago says nothing about now."""

TOKEN: Final = "CANARY_TOKEN"  # noqa: S105 - its name in `alerts.env`
PURPOSE: Final = "token of the canary's account, with read:statuses and write:statuses"
MARK: Final = "instancectl canary"
LISTED: Final = 40

Stage = Literal["", "reach", "stream", "post", "arrival"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run.

    Attributes:
        at: when it began, seconds since 1970.
        failed_at: empty when the post arrived.
        seconds: from the answer to the post until it arrived.
        said: for a person: what went wrong.
    """

    at: float
    failed_at: Stage = ""
    seconds: float = 0.0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the canary enters, and as whom.

    Attributes:
        site: the instance's name on the web.
        address: of a replica of `cache` in the overlay network.
    """

    site: str
    address: str
    token: Secret


@dataclass(frozen=True, slots=True)
class Post:
    """A post of ours."""

    id: str
    account: str


def text(nonce: str) -> str:
    """What is posted: recognised when it arrives, and when it was left behind."""
    return f"{MARK} {nonce}"


def live(door: Door) -> Request:
    """Opens the live timeline of the account; the token is in a header, which no log keeps."""
    return _request(door, "/api/v1/streaming?stream=user", WEBSOCKET_HEADERS)


def post(door: Door, nonce: str) -> Request:
    """Posts; sent twice it is one post."""
    body = json.dumps({"status": text(nonce), "visibility": "direct"}).encode()
    headers = (("Content-Type", "application/json"), ("Idempotency-Key", text(nonce)))
    return _request(door, "/api/v1/statuses", headers, "POST", body)


def delete(door: Door, post_id: str) -> Request:
    """Deletes a post."""
    return _request(door, f"/api/v1/statuses/{post_id}", method="DELETE")


def own_posts(door: Door, account: str) -> Request:
    """Lists the newest posts of the account."""
    return _request(door, f"/api/v1/accounts/{account}/statuses?limit={LISTED}")


def _request(
    door: Door,
    path: str,
    headers: tuple[tuple[str, str], ...] = (),
    method: str = "GET",
    body: bytes = b"",
) -> Request:
    host = f"[{door.address}]" if ":" in door.address else door.address
    return Request(
        f"http://{host}:{CACHE_PORT}{path}",
        connect_to=door.address,
        headers=(("Host", door.site), ("Authorization", f"Bearer {door.token.reveal()}"), *headers),
        method=method,
        limit_bytes=1 << 20,
        body=body,
    )


def refused(answer: Answer | NoAnswer) -> Unknown | None:
    """That the account may not post is the canary's trouble, not the instance's; None when it may."""
    if isinstance(answer, NoAnswer) or answer.status not in {401, 403}:
        return None
    return Unknown(
        f"the canary's token is not accepted (answered {answer.status})",
        f"put a token with read:statuses and write:statuses into `alerts.env` as {TOKEN}",
    )


def told(answer: Answer | NoAnswer, doing: str) -> str:
    """Why something did not work."""
    if isinstance(answer, NoAnswer):
        return f"{doing} got no answer: {answer.reason}"
    return f"{doing} was answered {answer.status}"


def accepted(answer: Answer | NoAnswer) -> Post | None:
    """The post that was made; None when none was."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return None
    found = _object(answer.body)
    post_id, account = found.get("id"), found.get("account")
    who = account.get("id") if isinstance(account, dict) else None
    return Post(post_id, who) if isinstance(post_id, str) and isinstance(who, str) else None


def arrived(message: str, post_id: str) -> bool:
    """Whether a message of the live timeline is that post."""
    found = _object(message.encode())
    if found.get("event") != "update" or not isinstance(found.get("payload"), str):
        return False
    return bool(_object(found["payload"].encode()).get("id") == post_id)


def left_behind(answer: Answer | NoAnswer) -> tuple[str, ...]:
    """Posts of ours among an account's; nobody else's words are ever touched."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return ()
    try:
        found = json.loads(answer.body)
    except ValueError:
        return ()
    listed = found if isinstance(found, list) else []
    return tuple(str(one["id"]) for one in listed if isinstance(one, dict) and _ours(one))


def _ours(status: dict[str, Any]) -> bool:
    content = status.get("content")
    return status.get("visibility") == "direct" and isinstance(content, str) and f"<p>{MARK} " in content


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def verdict(outcome: Known[Outcome | None]) -> tuple[Verdict, str]:
    """What the slices are until the next run."""
    if isinstance(outcome, Unknown):
        return Verdict.UNKNOWN, outcome.reason
    if outcome is None:
        return Verdict.UNKNOWN, "no canary is wanted"
    if outcome.failed_at:
        return Verdict.BAD, outcome.said
    if outcome.seconds > SLOW_SECONDS:
        return Verdict.BAD, f"a post took {outcome.seconds:.0f} s to arrive, {SLOW_SECONDS:.0f} s are allowed"
    return Verdict.GOOD, ""
