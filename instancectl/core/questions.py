"""Questions put to a running service or to an image, and how to read the answers.

Each is a command for a container; nothing of an answer is a secret, and no secret is part of a command: the
passwords are read from the container's own files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instancectl.core.releases import Version, parse_version

POSTGRES_VERSION_ARGV = ("postgres", "--version")
REDIS_VERSION_ARGV = ("redis-server", "--version")
"""For an image that does not run yet; neither needs a network."""


@dataclass(frozen=True, slots=True)
class TextOrder:
    """The C library by which the database orders text, and so its indexes.

    Attributes:
        recorded: glibc's version when the database was made or last refreshed; empty with musl.
        now: glibc's version in the image that runs; empty with musl, or when nobody knows.
        musl: whether the image has musl, as those of Alpine have.
    """

    recorded: str
    now: str
    musl: bool


@dataclass(frozen=True, slots=True)
class PostgresAnswer:
    """What PostgreSQL said about itself.

    Attributes:
        connections: open now, ours included.
        max_connections: its limit.
        database_bytes: size of Mastodon's database.
        text_order: None where no C library decides, and before PostgreSQL 15, which did not record it.
    """

    version: Version
    connections: int
    max_connections: int
    database_bytes: int
    text_order: TextOrder | None = None


_SQL = (
    "select current_setting('server_version'), "
    "(select count(*) from pg_stat_activity where backend_type = 'client backend'), "
    "current_setting('max_connections'), pg_database_size(current_database()), "
    # By way of JSON: older versions have no such columns, and would complain in their log at every look.
    "coalesce(to_jsonb(d)->>'datlocprovider', ''), d.datcollate, "
    "coalesce(to_jsonb(d)->>'datcollversion', ''), "
    "coalesce((select pg_collation_actual_version(c.oid) from pg_collation c where c.collprovider = 'c' "
    "and lower(replace(c.collname, '-', '')) = lower(replace(d.datcollate, '-', '')) limit 1), ''), "
    "version() ~ 'musl' from pg_database d where d.datname = current_database()"
)

POSTGRES_ARGV = (
    "sh",
    "-c",
    (
        'export PGPASSWORD="$(cat /run/secrets/db_password)"; export PGCONNECT_TIMEOUT=4; '
        'export PGOPTIONS="-c statement_timeout=3000"; exec psql -XAtq -h 127.0.0.1 '
        f'-U mastodon -d mastodon_production -c "{_SQL}"'
    ),
)
"""Over TCP with the password, as Mastodon comes in."""


def read_postgres(output: str) -> PostgresAnswer | None:
    """The answer to `POSTGRES_ARGV`, or None when it is none."""
    words = output.strip().splitlines()[-1:]
    parts = words[0].split("|") if words else []
    version = parse_version(parts[0]) if len(parts) == 9 else None
    if version is None or not all(part.isdigit() for part in parts[1:4]):
        return None
    return PostgresAnswer(version, int(parts[1]), int(parts[2]), int(parts[3]), _text_order(*parts[4:]))


def _text_order(provider: str, collate: str, recorded: str, now: str, musl: str) -> TextOrder | None:
    by_bytes = collate.upper().partition(".")[0] in {"C", "POSIX"}
    return TextOrder(recorded, now, musl == "t") if provider == "c" and not by_bytes else None


@dataclass(frozen=True, slots=True)
class SidekiqProcess:
    """One Sidekiq process as its heartbeat shows it.

    Attributes:
        beat_age_seconds: since its last heartbeat; it beats every 10 s.
        quiet: it takes no new jobs.
    """

    identity: str
    queues: tuple[str, ...]
    beat_age_seconds: float
    quiet: bool
    busy: int
    threads: int


@dataclass(frozen=True, slots=True)
class RedisAnswer:
    """What Redis said about itself and about Sidekiq.

    Attributes:
        policy: what it does when memory is full; must be `noeviction`.
        aof_healthy: its log on disk is written without errors.
        sizes: queue → jobs waiting.
        latencies: queue → seconds the oldest job in it has waited; 0 for an empty one.
        failed: jobs that ended in an error since the counter began.
    """

    version: Version
    policy: str
    appendonly: bool
    aof_healthy: bool
    used_bytes: int
    max_bytes: int
    processes: tuple[SidekiqProcess, ...]
    sizes: Mapping[str, int]
    retries: int
    dead: int
    failed: int
    latencies: Mapping[str, float] = field(default_factory=dict)


MILLISECONDS_ABOVE = 1e11
"""No time in seconds is that large before the year 5138."""

# One round trip; cost grows with processes and queues, never with jobs. Arguments of jobs carry tokens and
# never leave Redis. Ages come from Redis' own clock, so no other clock matters.
_LUA = """
local now = redis.call('time')
local out = {now = tonumber(now[1]), processes = {}, sizes = {}, oldest = {}, info = redis.call('info')}
for _, id in ipairs(redis.call('smembers', 'processes')) do
  local h = redis.call('hmget', id, 'info', 'beat', 'quiet', 'busy', 'concurrency')
  if h[1] then table.insert(out.processes, {id, h[1], h[2], h[3], h[4], h[5]}) end
end
for _, name in ipairs(redis.call('smembers', 'queues')) do
  out.sizes[name] = redis.call('llen', 'queue:' .. name)
  local job = redis.call('lindex', 'queue:' .. name, -1)
  local read, payload = pcall(cjson.decode, job or '{}')
  if read then out.oldest[name] = payload.enqueued_at end
end
out.retries = redis.call('zcard', 'retry')
out.dead = redis.call('zcard', 'dead')
out.failed = tonumber(redis.call('get', 'stat:failed') or 0)
return cjson.encode(out)
"""

REDIS_ARGV = (
    "sh",
    "-c",
    'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli --no-auth-warning --raw EVAL "$1" 0',
    "sh",
    _LUA,
)


def read_redis(output: str) -> RedisAnswer | None:
    """The answer to `REDIS_ARGV`, or None when it is none (an error of Redis, or of `redis-cli`)."""
    try:
        found = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        info = dict(line.split(":", 1) for line in found["info"].splitlines() if ":" in line)
        return RedisAnswer(
            version=parse_version(info["redis_version"]) or (),
            policy=info.get("maxmemory_policy", ""),
            appendonly=info.get("aof_enabled") == "1",
            aof_healthy=info.get("aof_last_write_status") == "ok"
            and info.get("aof_last_bgrewrite_status") == "ok",
            used_bytes=int(info.get("used_memory", 0)),
            max_bytes=int(info.get("maxmemory", 0)),
            # Lua encodes an empty table as an object.
            processes=tuple(_process(row, found["now"]) for row in found["processes"] or ()),
            sizes={name: int(size) for name, size in dict(found["sizes"] or {}).items()},
            retries=int(found["retries"]),
            dead=int(found["dead"]),
            failed=int(found["failed"]),
            latencies={
                name: _waited_seconds(dict(found["oldest"] or {}).get(name), found["now"])
                for name in dict(found["sizes"] or {})
            },
        )
    except (KeyError, StopIteration, TypeError, ValueError):
        return None


def _waited_seconds(enqueued_at: float | None, now: float) -> float:
    """Sidekiq 8 counts in milliseconds, older ones in seconds; both may be in one queue after an upgrade."""
    if enqueued_at is None:
        return 0.0
    seconds = enqueued_at / 1000 if enqueued_at > MILLISECONDS_ABOVE else enqueued_at
    return max(0.0, now - seconds)


def _process(row: list[Any], now: float) -> SidekiqProcess:
    identity, info, beat, quiet, busy, threads = row
    told = json.loads(info)
    queues = tuple(str(name) for name in told["queues"])
    # Up to Sidekiq 8.0 (Mastodon 4.5) the number of threads stood in `info`.
    number = int(threads or told.get("concurrency") or 0)
    return SidekiqProcess(
        str(identity), queues, max(0.0, now - float(beat)), quiet == "true", int(busy or 0), number
    )


@dataclass(frozen=True, slots=True)
class MailDomain:
    """What the DNS says about a mail domain, asked from inside a container.

    Attributes:
        exchangers: MX hosts; a single `.` says that the domain takes no mail.
        addresses: A and AAAA of the domain and of its exchangers.
        error: why nobody could ask; empty when somebody did.
        from_container: false while only the host itself could ask.
    """

    exchangers: tuple[str, ...]
    addresses: tuple[str, ...]
    error: str = ""
    from_container: bool = True

    @property
    def reachable(self) -> bool:
        """Mastodon's own rule: the domain or one of its exchangers has an address."""
        return bool(self.addresses)


# The same questions as app/validators/email_mx_validator.rb. Resolv answers a timeout with an empty list,
# which must not read as "no record"; hence the look at the clock.
_RUBY = """
name = ARGV.fetch(0)
started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
begin
  Resolv::DNS.open do |dns|
    dns.timeouts = [2]
    mx = dns.getresources(name, Resolv::DNS::Resource::IN::MX).map { |r| r.exchange.to_s }
    names = mx == [''] ? [] : [name, *mx].uniq
    kinds = [Resolv::DNS::Resource::IN::A, Resolv::DNS::Resource::IN::AAAA]
    records = names.product(kinds).flat_map { |host, kind| dns.getresources(host, kind) }
    found = records.map { |r| r.address.to_s }
    silent = found.empty? && Process.clock_gettime(Process::CLOCK_MONOTONIC) - started >= 2
    raise 'no name server answered within 2 s' if silent
    puts "mail-domain mx=#{mx.map { |host| host.empty? ? '.' : host }.join(',')} address=#{found.join(',')}"
  end
rescue StandardError => error
  puts "mail-domain error=#{error.message}"
end
"""


def mail_domain_argv(domain: str) -> tuple[str, ...]:
    """A command for the web image; the domain is an argument, never part of the program."""
    return ("ruby", "-rresolv", "-e", _RUBY, "--", domain)


def read_mail_domain(output: str) -> MailDomain | None:
    """The answer to `mail_domain_argv`, or None when it is none."""
    line = next((text for text in output.splitlines() if text.startswith("mail-domain ")), "")
    if line.startswith("mail-domain error="):
        return MailDomain((), (), line.removeprefix("mail-domain error="))
    words = dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)
    if "mx" not in words or "address" not in words:
        return None
    return MailDomain(_listed(words["mx"]), _listed(words["address"]))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
