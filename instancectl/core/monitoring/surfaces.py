"""Which requests prove a surface, put to every replica directly and to the edge past its cache.

Mastodon's own health page sees neither PostgreSQL nor Redis. What each request needs alive was measured on
the real one: webfinger and the inbox see PostgreSQL, `/api/v2/instance` sees Redis, a WebSocket with a
made-up token sees streaming's database. None of them is signed: a signature whose key cannot be fetched
closes the server to signed deliveries from that address for five minutes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final, Literal

from instancectl.core.checks.seen import Answer, Request
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.sli import SLIS, TIMELINE
from instancectl.core.probes import STREAMING_PORT, WEB_PORT, WEBSOCKET_HEADERS

TIMEOUT_SECONDS: Final = 3.0
"""For one request; what takes longer has failed for a person too."""

RETRY_AFTER_SECONDS: Final = 2.0
"""A failed request gets one more chance within its slice."""

CACHE_PORT: Final = 8080

THROTTLED_REPLICAS: Final = 8
"""At most so many replicas a slice get the one request that Mastodon throttles (300 in five minutes for the
address all probes share): 160 of these."""

VANTAGES: Final = ("cache", "web", "streaming", "sidekiq", "proxy")
"""Services whose network the probes are made from, first choice first; all are in the same overlay."""

DELETE: Final = json.dumps({
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": "https://probe.invalid/1#delete",
    "type": "Delete",
    "actor": "https://probe.invalid/1",
    "object": "https://probe.invalid/1",
}).encode()  # fmt: skip
"""From an actor nobody knows: the inbox asks PostgreSQL for it, answers 202 and queues nothing."""

JSON_LD = ("Content-Type", "application/activity+json")

MADE_UP_TOKEN: Final = "/api/v1/streaming?stream=user&access_token=probe"  # noqa: S105 - made up on purpose
"""401 is well: streaming asked its database and found nobody."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a surface.

    Attributes:
        part: names it among those of its surface.
        service: whose replicas are asked; `edge` is the published port of this host.
        expect: statuses that mean well.
        holds: text a good answer holds.
        everywhere: every replica is asked, not one in turn.
        throttled: Mastodon counts it against the address it comes from.
    """

    surface: str
    part: str
    service: Literal["web", "streaming", "cache", "edge"]
    path: str
    headers: tuple[tuple[str, str], ...]
    expect: frozenset[int] = frozenset({200})
    holds: bytes = b""
    body: bytes = b""
    everywhere: bool = True
    throttled: bool = False

    @property
    def port(self) -> int:
        """Of the service in the overlay network."""
        return {"web": WEB_PORT, "streaming": STREAMING_PORT, "cache": CACHE_PORT}.get(self.service, 0)


Failure = Literal["", "dns", "connect", "tls", "timeout", "status", "body", "absent"]


@dataclass(frozen=True, slots=True)
class Answered:
    """How one request to one replica went.

    Attributes:
        replica: which one was asked; empty when there was none to ask.
        failure: empty when all was well.
        status: 0 without an answer.
        said: for a person: what was wrong.
        cache: what the edge's cache said of its answer.
    """

    ask: Ask
    replica: str
    failure: Failure = ""
    status: int = 0
    seconds: float = 0.0
    said: str = ""
    cache: str = ""
    body: bytes = b""


def asks(config: InstanceConfig) -> tuple[Ask, ...]:
    """Every request of a slice."""
    site = (("Host", config.site), ("X-Forwarded-Proto", "https"))
    edge = (("Host", config.site),)
    resource = f"acct:{config.owner.username}@{config.instance.domain}"  # both are plain URL characters
    return (
        Ask("web", "alive", "web", "/health", ()),
        Ask("web", "instance", "web", "/api/v2/instance", site, holds=b'"version"', throttled=True),
        # Never cached, and answered by Puma with PostgreSQL: proves the whole way in.
        Ask("web", "edge", "edge", "/inbox", (*edge, JSON_LD), frozenset({202}), body=DELETE),
        Ask("web", "cache", "cache", "/-/health", ()),
        Ask("login", "form", "web", "/auth/sign_in", site, holds=b"user[password]", everywhere=False),
        # 404 is an answer of the database, too: there is no such account.
        Ask("federation", "webfinger", "web", f"/.well-known/webfinger?resource={resource}", site,
            frozenset({200, 404})),
        Ask("federation", "nodeinfo", "web", "/nodeinfo/2.0", site, holds=b'"software"', everywhere=False),
        Ask("federation", "inbox", "web", "/inbox", (*site, JSON_LD), frozenset({202}), body=DELETE),
        Ask("streaming", "alive", "streaming", "/api/v1/streaming/health", edge),
        Ask("streaming", "token", "streaming", MADE_UP_TOKEN, (*edge, *WEBSOCKET_HEADERS), frozenset({401})),
        *_media(config),
    )  # fmt: skip


def _media(config: InstanceConfig) -> tuple[Ask, ...]:
    """The folder of uploads as the edge serves it: its listing is refused, which needs it to be there."""
    if config.media.storage == "s3":
        return ()
    headers = (("Host", config.site),)
    return (Ask("media", "folder", "edge", "/system/", headers, frozenset({403})),)


def slis_of(config: InstanceConfig) -> tuple[str, ...]:
    """What an instance is measured by: no mail without a mail server, no media in somebody else's store."""
    absent = set()
    if config.mail.mode != "smtp" or not config.mail.server:
        absent.add("mail")
    if config.media.storage == "s3":
        absent.add("media")
    if not config.monitoring.canary:
        absent.add(TIMELINE)
    return tuple(name for name in SLIS if name not in absent)


def reader(config: InstanceConfig) -> Ask:
    """What an anonymous reader gets from the edge, maybe from its cache: counted, and never proof of up."""
    return Ask("reader", "instance", "edge", "/api/v2/instance", (("Host", config.site),))


def request(ask: Ask, config: InstanceConfig, address: str) -> Request:
    """The request to one replica, or to the edge of this host."""
    origin = f"https://{config.site}:{config.proxy.https_port}"
    if ask.service != "edge":
        host = f"[{address}]" if ":" in address else address
        origin = f"http://{host}:{ask.port}"
    return Request(
        f"{origin}{ask.path}",
        connect_to=address,
        headers=ask.headers,
        method="POST" if ask.body else "GET",
        body=ask.body,
    )


def answered(ask: Ask, replica: str, answer: Answer) -> Answered:
    """What came back, not judged yet."""
    return Answered(
        ask, replica, status=answer.status, seconds=answer.seconds,
        cache=answer.header("x-cached"), body=answer.body,
    )  # fmt: skip


def judged(answer: Answered) -> Answered:
    """The answer with what is wrong about its status or body."""
    ask = answer.ask
    if answer.failure:
        return answer
    if answer.status not in ask.expect:
        wanted = " or ".join(str(status) for status in sorted(ask.expect))
        return replace(answer, failure="status", said=f"answered {answer.status}, not {wanted}")
    if ask.holds and ask.holds not in answer.body:
        return replace(answer, failure="body", said=f"answered without `{ask.holds.decode()}`")
    return answer


def chosen(ask: Ask, replicas: tuple[str, ...], slice_number: int) -> tuple[str, ...]:
    """Addresses to ask in one slice: all of them, or those whose turn it is."""
    if not replicas:
        return ()
    most = 1 if not ask.everywhere else THROTTLED_REPLICAS if ask.throttled else len(replicas)
    if most >= len(replicas):
        return replicas
    first = slice_number * most % len(replicas)
    return tuple(replicas[(first + step) % len(replicas)] for step in range(most))


def cache_word(header: str, status: int) -> str:
    """Label of what the cache said: `stale` answers hide that nobody is behind them."""
    words = {"HIT": "hit", "REVALIDATED": "hit", "STALE": "stale", "UPDATING": "stale"}
    if not status or status >= 500:
        return "none"
    return words.get(header.upper(), "fresh")


def release(body: bytes) -> str:
    """Mastodon's version out of `/api/v2/instance`; empty when it is not there."""
    try:
        found = json.loads(body).get("version", "")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""
