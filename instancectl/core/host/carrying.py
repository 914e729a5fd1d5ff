"""An instance's files on their way to its host: what is the same, what must not be replaced."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instancectl.core.config import InstanceConfig

INSTANCE_FILE = "instance.toml"
SECRETS_FILE = "secrets.env"
ALERTS_FILE = "alerts.env"
_ELSEWHERE = ("hosts.",)
"""Keys about the machine that the file is on; they may differ between here and the host."""


def differing(here: bytes, there: bytes) -> tuple[str, ...]:
    """Keys that both instance files say, and say differently, or that only the one here says."""
    ours, theirs = dict(_flat(here)), dict(_flat(there))
    return tuple(key for key, value in ours.items() if theirs.get(key) != value)


def is_signpost(text: bytes) -> bool:
    """Whether an instance file says no more than which instance it is, and where that is managed."""
    return {key for key, _ in _flat(text)} <= {"instance.domain"}


def beside(config: InstanceConfig) -> tuple[str, ...]:
    """Further files in the instance's directory that its settings name."""
    tls = config.tls
    return tuple(
        name
        for name in (tls.certificate, tls.key, tls.acme_ca_root)
        if name and not name.startswith(("/", "~"))
    )


def signpost(domain: str, manager: str) -> tuple[str, ...]:
    """Lines of an instance file for other machines: with it, commands need no `--host`."""
    return ("[instance]", f'domain = "{domain}"', "", "[hosts]", f'manager = "{manager}"')


def _flat(text: bytes) -> Iterator[tuple[str, Any]]:
    yield from (
        (key, value)
        for key, value in _leaves(tomllib.loads(text.decode()), "")
        if not key.startswith(_ELSEWHERE)
    )


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
