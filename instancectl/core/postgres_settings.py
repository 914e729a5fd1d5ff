"""postgresql.conf from memory, connections and cores.

Rules of thumb of PostgreSQL's own documentation ("Resource Consumption", "Write Ahead Log"); what
they are a share of is the memory of `db`, not the machine's, because other services live beside it.
"""

from __future__ import annotations

from instancectl.core.units import MIB


def postgres_settings(memory: int, max_connections: int, cores: int) -> tuple[tuple[str, str], ...]:
    """Settings sorted by name; `memory` is the limit of `db` in bytes."""
    settings = {
        "max_connections": str(max_connections),
        "shared_buffers": _mb(memory // 4, least=32),
        "effective_cache_size": _mb(memory * 3 // 4, least=96),
        "work_mem": _mb(memory // (max_connections * 4), least=4, most=64),
        "maintenance_work_mem": _mb(memory // 16, least=16, most=1024),
        "max_worker_processes": str(max(8, cores)),
        "max_parallel_workers": str(cores),
        "max_parallel_workers_per_gather": str(min(2, cores // 2)),
        "max_wal_size": _mb(memory, least=512, most=4096),
        "checkpoint_completion_target": "0.9",
        "wal_compression": "on",
        "random_page_cost": "1.1",  # solid-state disks
        "jit": "off",  # Mastodon's queries are short; compiling them costs more than it saves
    }
    return tuple(sorted(settings.items()))


def shared_memory(memory: int) -> int:
    """Bytes of `/dev/shm`, which parallel queries use; Docker's 64 MiB are too few."""
    return max(64 * MIB, min(256 * MIB, memory // 4 // MIB * MIB))


def _mb(amount: int, *, least: int, most: int = 1 << 30) -> str:
    return f"{max(least, min(most, amount // MIB))}MB"
