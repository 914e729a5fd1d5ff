"""What one process of each kind needs: the measured table behind every layout.

Measured on Mastodon 4.6.3 with jemalloc, fresh and after 10,000 requests or 30,000 jobs.
Rows marked "assumed" were not measured; they are generous and documented as such.
"""

from __future__ import annotations

from typing import Final

from instancectl.core.units import GIB, MB, MIB

WEB_MASTER: Final = 138 * MB  # Puma's master (PSS)
WEB_PROCESS_FRESH: Final = 133 * MB  # each Puma process when started (PSS)
WEB_PROCESS_LOADED: Final = 262 * MB  # after 10,000 requests: (662 - 138) / 2
SIDEKIQ_LOADED: Final = 326 * MB  # one Sidekiq process with 5 threads after 30,000 jobs
SIDEKIQ_PER_THREAD: Final = 400_000  # 343 MB at 50 threads: (343 - 326) / 45 for each beyond 5
SIDEKIQ_MEASURED_THREADS: Final = 5
STREAMING_LOADED: Final = 125 * MB  # one Node process
ONE_SHOT: Final = 300 * MB  # a Rails boot: tootctl, migrations
PGBOUNCER: Final = 32 * MIB  # assumed: about 2 kB a client and its buffers
MAIL_CATCHER: Final = 48 * MIB  # assumed
WAL_RECEIVER: Final = 32 * MIB  # assumed: a shell and pg_receivewal
PROMETHEUS: Final = 160 * MIB  # 57 MB with 749 series; about 2,300 and a month of rules fit
ALERTMANAGER: Final = 64 * MIB  # 33 MB
KNEE: Final = 2 * GIB  # up to here a machine is tight and shares are smaller


def web_loaded(processes: int) -> int:
    """Bytes of one `web` replica that has served for a while."""
    return WEB_MASTER + processes * WEB_PROCESS_LOADED


def web_fresh(processes: int) -> int:
    """Bytes of one `web` replica that has just started."""
    return WEB_MASTER + processes * WEB_PROCESS_FRESH


def sidekiq_loaded(threads: int) -> int:
    """Bytes of one Sidekiq process; threads hardly matter."""
    return SIDEKIQ_LOADED + max(0, threads - SIDEKIQ_MEASURED_THREADS) * SIDEKIQ_PER_THREAD


def system_reserve(memory: int) -> int:
    """Bytes left to the kernel, Docker and the host's own services: 160 MiB + 5 % (assumed)."""
    return 160 * MIB + memory * 5 // 100


def database_share(memory: int) -> int:
    """Bytes for PostgreSQL with its page cache: 15 % of the first 2 GiB, 30 % of the rest."""
    return share(memory, percent_below=15, percent_above=30)


def redis_share(memory: int) -> int:
    """Bytes for Redis: 5 % of the first 2 GiB, 8 % of the rest, 80 MiB at least."""
    return max(80 * MIB, share(memory, percent_below=5, percent_above=8))


def proxy_share(memory: int) -> int:
    """Bytes for the TLS proxy: 48 MiB + 1 % (assumed)."""
    return 48 * MIB + memory // 100


def cache_share(memory: int) -> int:
    """Bytes for one replica of the cache tier: 32 MiB + 1 % (assumed; pages live on disk)."""
    return 32 * MIB + memory // 100


def streaming_sockets(memory: int) -> int:
    """Bytes for many open sockets on top of a streaming process: 1 % of what exceeds 2 GiB (assumed)."""
    return max(0, memory - KNEE) // 100


def share(memory: int, *, percent_below: int, percent_above: int) -> int:
    """A share that is smaller up to 2 GiB, where every MiB is contested; never falls as memory grows."""
    return (min(memory, KNEE) * percent_below + max(0, memory - KNEE) * percent_above) // 100
