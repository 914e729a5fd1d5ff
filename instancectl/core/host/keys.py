"""Public keys: which lines of an authorized_keys let a person in."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEY = re.compile(
    r"(?:^|\s)((?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d+)(?:@openssh\.com)?)\s+([A-Za-z0-9+/=]{40,})"
)


def usable(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines that give a login of their own, each key once.

    A line with `command=` lets nobody work (cloud images put one on root), one with an expiry does so only
    for a while; both stay where they are and are not copied.
    """
    found: dict[str, str] = {}
    for line in lines:
        text = " ".join(line.split())
        match = _KEY.search(text)
        options = text[: match.start()] if match else ""
        if match and not text.startswith("#") and not re.search(r"command=|expiry-time=", options):
            found.setdefault(match[2], text)
    return tuple(found.values())


def is_key(line: str) -> bool:
    """Whether a line is a public key at all."""
    return _KEY.search(line) is not None and "\n" not in line
