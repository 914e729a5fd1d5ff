"""`db`, `redis` and `pgbouncer`; and `wal`, where moments are to be restored."""

from __future__ import annotations

from instancectl.core.backup import receiving
from instancectl.core.service import Attachment, HealthCheck, Mount, ServiceSpec, UpdatePolicy
from instancectl.core.topology.parts import BACKEND, Builder, beside, pinned

BOUNCE = 'ulimit -n "$(ulimit -H -n)"; exec pgbouncer /etc/pgbouncer/pgbouncer.ini'
"""From Engine 29 on, containers begin with 1024 files, and every client is one."""

LISTENS = "grep -qE ':1920 [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6"
"""A listener (state 0A) on port 6432 (0x1920): PgBouncer's images agree on no client to ask with."""


def db(build: Builder) -> ServiceSpec:
    """PostgreSQL, tuned to its share of the memory."""
    plan = build.layout.db
    settings = [word for key, value in (*plan.settings, *_kept(build)) for word in ("-c", f"{key}={value}")]
    # Docker gives /dev/shm 64 MB, too little for parallel queries.
    shared_memory = Mount("/dev/shm", kind="tmpfs", size_bytes=plan.shm_bytes)  # noqa: S108 - POSIX shared memory
    return ServiceSpec(
        name="db",
        image=build.image(build.config.images.db),
        command=("postgres", *settings),
        environment=(
            ("PGDATA", "/var/lib/postgresql/data/pgdata"),
            ("POSTGRES_DB", "mastodon_production"),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db_password"),
            ("POSTGRES_USER", "mastodon"),
        ),
        stop_grace_seconds=120,
        # Over TCP: while the image initialises the cluster, its temporary server listens on the socket only.
        health=HealthCheck(
            ("CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "mastodon", "-d", "mastodon_production"),
            interval_seconds=2,
            retries=5,
            start_period_seconds=120,
        ),
        mounts=(Mount("/var/lib/postgresql/data", "db"), shared_memory, *_socket(build)),
        secrets=(build.secret("db-password", build.rendered.database_password, "db_password", mode=0o444),),
        networks=(Attachment(BACKEND),),
        constraints=pinned(build),
        memory_bytes=plan.memory_bytes,
    )


def _kept(build: Builder) -> tuple[tuple[str, str], ...]:
    """What a receiver that is away may hold back: rather a gap than a full disk."""
    backup = build.config.backup
    return (("max_slot_wal_keep_size", f"{backup.wal_keep_mib}MB"),) if backup.point_in_time else ()


def _socket(build: Builder) -> tuple[Mount, ...]:
    if not build.config.backup.point_in_time:
        return ()
    return (Mount(receiving.SOCKET, receiving.SOCKET_VOLUME),)


def wal(build: Builder) -> list[ServiceSpec]:
    """Takes WAL while it is written, where moments are to be restored; from there it is sent away."""
    if not build.config.backup.point_in_time:
        return []
    return [
        ServiceSpec(
            name=receiving.SERVICE,
            image=build.image(build.config.images.db),
            command=receiving.RECEIVE,
            environment=(("KEEP_MIB", str(build.config.backup.wal_keep_mib)),),
            mounts=(Mount(receiving.DIRECTORY, receiving.VOLUME), *_socket(build)),
            secrets=(
                build.secret("db-password", build.rendered.database_password, "db_password", mode=0o444),
            ),
            networks=(Attachment(BACKEND),),
            constraints=pinned(build),
            memory_bytes=build.layout.db.receiver_memory_bytes,
        )
    ]


def redis(build: Builder) -> ServiceSpec:
    """Redis: jobs, feeds and caches; its password only in files."""
    rendered = build.rendered
    # MISCONF: it cannot save, and to kill it would lose what is not on disk yet.
    answers = "grep -q -e PONG -e MISCONF"
    ping = f'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli ping | {answers}'
    return ServiceSpec(
        name="redis",
        image=build.image(build.config.images.redis),
        command=("redis-server", "/run/secrets/redis.conf"),
        stop_grace_seconds=60,
        health=HealthCheck(("CMD-SHELL", ping), interval_seconds=2, retries=5, start_period_seconds=120),
        mounts=(Mount("/data", "redis"),),
        secrets=(
            # The image's entry point becomes uid 999 before Redis reads its file.
            build.secret("redis-conf", rendered.redis_conf, "redis.conf", "999"),
            build.secret("redis-password", rendered.redis_password, "redis_password", "999"),
        ),
        networks=(Attachment(BACKEND),),
        constraints=pinned(build),
        memory_bytes=build.layout.redis.memory_bytes,
    )


def pgbouncer(build: Builder) -> list[ServiceSpec]:
    """PgBouncer where the layout needs it: threads that wait hold no database connection."""
    plan = build.layout.pgbouncer
    if plan is None:
        return []
    return [
        ServiceSpec(
            name="pgbouncer",
            image=build.image(build.config.images.pgbouncer),
            command=("sh", "-c", BOUNCE),
            # Lets transactions end. With TERM it waits for clients to leave (1.23 and newer), which stay.
            stop_signal="SIGINT",
            stop_grace_seconds=30,
            health=HealthCheck(("CMD-SHELL", LISTENS), interval_seconds=2, start_period_seconds=20),
            secrets=(
                build.secret(
                    "pgbouncer-users", build.rendered.pgbouncer_users, "pgbouncer_users", mode=0o444
                ),
            ),
            configs=(build.file("pgbouncer", "/etc/pgbouncer/pgbouncer.ini", build.rendered.pgbouncer_ini),),
            networks=(Attachment(BACKEND),),
            constraints=beside(build),
            memory_bytes=plan.memory_bytes,
            update=UpdatePolicy(order="start-first"),
        )
    ]
