"""What a drill starts and asks: PostgreSQL, Redis and the web tier of the set, beside the instance."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from instancectl.core.backup.index import Entry
from instancectl.core.mastodon_env import DATABASE, USER
from instancectl.core.secrets import Secret

Argv = tuple[str, ...]

SAMPLE_FILES: Final = 200
SAMPLE_PACKS: Final = 4
"""Of 128 MiB: what is read of the media of a set of any size."""

DATABASE_READY: Final[Argv] = ("pg_isready", "-q", "-h", "127.0.0.1", "-U", USER, "-d", DATABASE)

_ENCRYPTED = """
Rails.application.eager_load!
seen = {}
ActiveRecord::Base.descendants.each do |model|
  next if model.abstract_class? || !model.table_exists?
  (model.encrypted_attributes || []).each do |name|
    next if seen.key?(key = "#{model.table_name}.#{name}")
    seen[key] = 0
    model.unscoped.where.not(name => nil).limit(20).each do |row|
      row.public_send(name)
      seen[key] += 1
    end
  rescue ActiveRecord::Encryption::Errors::Base => error
    seen[key] = error.class.name
  end
end
puts "instancectl: #{JSON.generate(seen)}"
"""

DECRYPT: Final[Argv] = ("bin/rails", "runner", _ENCRYPTED)
"""Reads up to twenty rows of every encrypted column, by Mastodon's own models."""

_TOLD = re.compile(r"^instancectl: (\{.*\})$", re.MULTILINE)


def asks(site: str) -> Mapping[str, Argv]:
    """What the booted instance must answer, from inside its own container: surface → command."""
    curl = ("curl", "-fsS", "-o", "/dev/null", "-m", "20", "--noproxy", "*")
    asked = (*curl, "-H", f"Host: {site}", "-H", "X-Forwarded-Proto: https")
    base = "http://127.0.0.1:3000"
    paths = {"health": "/health", "instance": "/api/v1/instance", "page": "/about"}
    return {surface: (*asked, f"{base}{path}") for surface, path in paths.items()}


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What the secrets of a set could read of its database: column → rows; and what they could not."""

    rows: Mapping[str, int]
    unreadable: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """For people; says so when nothing was there to prove anything."""
        proven = [f"{count} of `{column}`" for column, count in sorted(self.rows.items()) if count]
        if proven:
            return f"the secrets of the set read {', '.join(proven)}"
        return "no row of the database is encrypted: whether the secrets of the set fit is not proven"


def decrypted(output: str) -> Decrypted | None:
    """From the output of `DECRYPT`; None when it says nothing."""
    found = _TOLD.search(output)
    if not found:
        return None
    told = json.loads(found[1])
    return Decrypted(
        {column: count for column, count in told.items() if isinstance(count, int)},
        tuple(sorted(column for column, count in told.items() if not isinstance(count, int))),
    )


def redis_conf(password: Secret) -> Secret:
    """Enough for a Redis that nobody but the drill reaches."""
    return Secret(f"dir /data\nbind * -::*\nprotected-mode no\nrequirepass {password.reveal()}\n")


def sampled_packs(packs: Iterable[str], order: Sequence[str]) -> tuple[str, ...]:
    """A few packs, in an order that nobody can foresee: `order` has one random word for each."""
    shuffled = sorted(zip(order, packs, strict=False))
    return tuple(pack for _, pack in shuffled[:SAMPLE_PACKS])


def sampled(entries: Sequence[Entry], most: int) -> list[Entry]:
    """At most so many files, spread evenly over a pack."""
    files = [one for one in entries if one.kind == "f"]
    step = max(1, len(files) // max(1, most))
    return files[::step][:most]
