"""Swap and kernel settings, sized to the machine; each number with its reason."""

from __future__ import annotations

from instancectl.core.host.facts import HostFacts
from instancectl.core.host.settings import HostSettings
from instancectl.core.units import GIB, MIB

DISK_SHARE = 10
"""Swap takes at most a tenth of the free disk: images and media need the rest."""


def swap_mib(settings: HostSettings, facts: HostFacts) -> int:
    """Size of our swap file, MiB; 0 makes none.

    As much as the memory up to 2 GiB, then 2 GiB, then 4 GiB from 16 GiB on: it gives Redis' fork and a
    migration room, it is no place to work in. A host that has swap of its own, or shares its kernel with
    others, gets none.
    """
    if facts.container:
        return 0
    if settings.swap_mib >= 0:
        return settings.swap_mib
    ours = facts.record is not None and bool(facts.record.get("swap_mib"))
    if facts.swap_bytes and not ours:
        return 0
    if ours and facts.record is not None:
        return int(facts.record["swap_mib"])  # sized once: the free disk of today says nothing about it
    wanted = min(facts.memory_bytes, 2 * GIB) if facts.memory_bytes < 15 * GIB else 4 * GIB
    room = facts.disk_free_bytes if facts.disk_free_bytes is not None else 0
    fitting = min(wanted, room // DISK_SHARE)
    return fitting // MIB // 64 * 64


def kernel_settings(facts: HostFacts) -> dict[str, str]:
    """Sysctl → value.

    Sources: redis.io/docs administration (overcommit, somaxconn), quic-go's UDP buffer note (7.5 MB),
    kernel documentation of vm.swappiness.
    """
    queue = 4096 if facts.memory_bytes >= 4 * GIB else 1024
    return {
        # Redis forks to save: without overcommit the fork fails although its pages are shared.
        "vm.overcommit_memory": "1",
        # Swap is for what is never touched; a swapped-out Puma is a slow instance.
        "vm.swappiness": "10",
        # Connections that wait to be accepted: a surge must not be answered with resets.
        "net.core.somaxconn": str(queue),
        "net.ipv4.tcp_max_syn_backlog": str(queue),
        # HTTP/3 reads from one UDP socket.
        "net.core.rmem_max": "7500000",
        "net.core.wmem_max": "7500000",
        # Every container watches files.
        "fs.inotify.max_user_instances": "1024",
        # Reboot ten seconds after a panic instead of hanging till somebody comes.
        "kernel.panic": "10",
    }


def open_files(facts: HostFacts) -> int:
    """Files a login or service may open: 16384 for each GiB of memory, 65536 at least, 1048576 at most."""
    return max(65536, min(1048576, facts.memory_bytes // GIB * 16384))
