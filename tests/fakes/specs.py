"""Any Swarm service, for Hypothesis.

@given(services())
def test_…(spec): …
"""

from __future__ import annotations

from hypothesis import strategies as st

from instancectl.core.service import (
    HOST_NETWORK,
    Attachment,
    FileRef,
    HealthCheck,
    Mount,
    PublishedPort,
    ServiceSpec,
    UpdatePolicy,
)

_names = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
_words = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)
_paths = st.from_regex(r"(/[a-z0-9._-]{1,8}){1,3}", fullmatch=True)
_seconds = st.integers(1, 600)
_bytes = st.integers(0, 2**40)
_pairs = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True), _words | st.just(""), max_size=4
)


def _sorted(values):
    return st.lists(values, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))


_mounts = st.one_of(
    st.builds(Mount, _paths, _names, st.just("volume"), st.booleans()),
    st.builds(Mount, _paths, st.just(""), st.just("tmpfs"), st.booleans(), _bytes),
    st.builds(Mount, _paths, _paths, st.just("bind"), st.booleans()),
)
_files = st.builds(
    FileRef, _names, _paths, st.sampled_from(["0", "991"]), st.just("0"), st.sampled_from([0o400, 0o444])
)
_checks = st.builds(
    HealthCheck,
    st.lists(_words, min_size=1, max_size=4).map(tuple),
    _seconds,
    _seconds,
    st.integers(1, 9),
    _seconds,
)
_policies = st.builds(
    UpdatePolicy,
    st.sampled_from(["start-first", "stop-first"]),
    st.sampled_from(["rollback", "pause"]),
    st.integers(1, 5),
    st.integers(0, 60),
    _seconds,
)
_ports = st.builds(
    PublishedPort, st.integers(1, 65535), st.integers(1, 65535), st.sampled_from(["tcp", "udp"])
)


@st.composite
def services(draw) -> ServiceSpec:
    """Every field takes every kind of value; tuples whose order means nothing are sorted."""
    name = draw(_names)
    aliases = _names.filter(lambda alias: alias != name)
    networks = st.builds(
        Attachment, _names, st.lists(aliases, max_size=2, unique=True).map(lambda a: tuple(sorted(a)))
    )
    return ServiceSpec(
        name=name,
        image=draw(st.sampled_from(["web:1", "ghcr.io/mastodon/mastodon:v4.6.3@sha256:" + "a" * 64])),
        entrypoint=draw(st.lists(_words, max_size=2).map(tuple)),
        command=draw(st.lists(_words, max_size=4).map(tuple)),
        environment=tuple(sorted(draw(_pairs).items())),
        user=draw(st.sampled_from(["", "991", "mastodon"])),
        init=draw(st.booleans()),
        stop_signal=draw(st.sampled_from(["", "SIGQUIT"])),
        stop_grace_seconds=draw(_seconds),
        health=draw(st.none() | _checks),
        mounts=draw(_sorted(_mounts)),
        secrets=draw(_sorted(_files)),
        configs=draw(_sorted(_files)),
        networks=draw(_sorted(networks | st.just(Attachment(HOST_NETWORK)))),
        ports=draw(_sorted(_ports)),
        replicas=draw(st.integers(0, 9)),
        constraints=draw(st.lists(_words, max_size=2).map(tuple)),
        max_replicas_per_node=draw(st.integers(0, 9)),
        memory_bytes=draw(_bytes),
        memory_reservation_bytes=draw(_bytes),
        cpu_nano=draw(_bytes),
        update=draw(_policies),
        restart_condition=draw(st.sampled_from(["any", "on-failure", "none"])),
        restart_delay_seconds=draw(_seconds),
        log_max_megabytes=draw(st.integers(1, 500)),
        labels=tuple(sorted(draw(_pairs).items())),
    )
