"""Which requests tell what of an instance is alive, and what their answers mean.

Mastodon's own health pages see neither PostgreSQL nor Redis, so the database is seen by webfinger, Redis
by `/api/v2/instance`, and streaming's database by a WebSocket with a made-up token. None of them is signed:
a signature whose key cannot be fetched closes the server to signed deliveries from that address for five
minutes.

The requests go to every replica directly, from inside the overlay network; through the edge they would meet
its cache, which answers webfinger for three days. One round is two throttled requests per web replica;
Mastodon allows 300 in five minutes for the address they come from.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from instancectl.core.config import InstanceConfig

TIMEOUT_SECONDS = 3
"""For one request; a probe that takes longer has failed for a person too."""

WEB_PORT = 3000
STREAMING_PORT = 4000

VANTAGES = ("cache", "web")
"""Services to ask from, first choice first: both images have curl and sit in the overlay network."""

WEBSOCKET_HEADERS = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
"""A handshake; the key is the example of RFC 6455."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request and how to read its answer.

    Attributes:
        surface: what a person would say is working; the slug of its check.
        service: whose replicas are asked.
        expect: statuses that mean well.
        sees: what must be alive for that answer, the service itself included.
    """

    surface: str
    service: str
    port: int
    path: str
    headers: tuple[tuple[str, str], ...]
    expect: frozenset[int]
    sees: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplicaAnswer:
    """What one replica answered.

    Attributes:
        address: of the replica in the overlay network; empty when no replica was found.
        status: HTTP status; 0 when there was no answer.
        seconds: until the answer.
        reason: why there was none.
    """

    surface: str
    address: str
    status: int
    seconds: float = 0.0
    reason: str = ""


def probes(config: InstanceConfig) -> tuple[Probe, ...]:
    """The probes of an instance."""
    site = (("Host", config.site), ("X-Forwarded-Proto", "https"))
    acct = f"acct:{config.owner.username}@{config.instance.domain}"  # both are plain URL characters
    return (
        Probe("web", "web", WEB_PORT, "/health", (), frozenset({200}), ("web",)),
        # 404 is an answer of the database, too: there is no such account.
        Probe(
            "federation",
            "web",
            WEB_PORT,
            f"/.well-known/webfinger?resource={acct}",
            site,
            frozenset({200, 404}),
            ("web", "db"),
        ),
        Probe("api", "web", WEB_PORT, "/api/v2/instance", site, frozenset({200}), ("web", "redis")),
        Probe(
            "streaming",
            "streaming",
            STREAMING_PORT,
            "/api/v1/streaming?stream=user&access_token=probe",
            (("Host", config.site), *WEBSOCKET_HEADERS),
            frozenset({401}),
            ("streaming", "db"),
        ),
    )


def argv(wanted: Iterable[Probe]) -> tuple[str, ...]:
    """A command that asks every replica of every probe at once and prints one line for each answer.

    Needs `sh`, `getent` and `curl`; takes little more than `TIMEOUT_SECONDS` when nothing answers.
    """
    asked = tuple(wanted)
    lines = [_FUNCTIONS]
    lines += [f"ask {_words(probe)} &" for probe in asked]
    return ("sh", "-c", "\n".join([*lines, "wait"]))


def read(output: str) -> tuple[ReplicaAnswer, ...]:
    """The answers that `argv` printed, in a stable order; other lines are skipped."""
    answers = (_answer(line) for line in output.splitlines())
    return tuple(
        sorted((found for found in answers if found), key=lambda found: (found.surface, found.address))
    )


def is_well(probe: Probe, answer: ReplicaAnswer) -> bool:
    """Whether an answer means that everything the probe sees is alive."""
    return answer.status in probe.expect


# `getent` lists every replica: the services' endpoints are DNS round robin.
_FUNCTIONS = rf"""one() {{
  surface=$1; address=$2; url=$3; shift 3
  got=$(curl -s -o /dev/null --http1.1 --noproxy '*' --max-time {TIMEOUT_SECONDS} \
    -w '%{{http_code}} %{{time_total}}' "$@" "$url")
  printf 'probe %s %s %s %s\n' "$surface" "$address" "$?" "$got"
}}
ask() {{
  surface=$1; service=$2; port=$3; path=$4; shift 4
  found=$(getent ahosts "$service" | cut -d' ' -f1 | sort -u)
  [ -n "$found" ] || printf 'probe %s - 6 000 0\n' "$surface"
  for address in $found; do
    case $address in *:*) host="[$address]" ;; *) host=$address ;; esac
    one "$surface" "$address" "http://$host:$port$path" "$@" &
  done
  wait
}}"""


def _words(probe: Probe) -> str:
    words = [probe.surface, probe.service, str(probe.port), probe.path]
    for name, value in probe.headers:
        words += ["-H", f"{name}: {value}"]
    return shlex.join(words)


# Exit codes of curl that name what happened (curl.se/docs/manpage.html#EXIT).
_CURL = {
    6: "no replica is in the network",
    7: "connection refused",
    28: f"no answer within {TIMEOUT_SECONDS} s",
    52: "the connection closed without an answer",
    56: "the connection was cut",
}


def _answer(line: str) -> ReplicaAnswer | None:
    words = line.split()
    if len(words) != 6 or words[0] != "probe":
        return None
    _, surface, address, code, status, seconds = words
    try:
        failed, number, took = int(code), int(status), float(seconds)
    except ValueError:
        return None
    reason = "" if failed == 0 else _CURL.get(failed, f"curl ended with {failed}")
    where = "" if address == "-" else address
    return ReplicaAnswer(surface, where, 0 if failed and not number else number, took, reason)
