"""The emergency kit: one page that opens every backup set, for a drawer far from the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed

_IDENTITY = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\n.*?\n-----END PUBLIC KEY-----\n", re.DOTALL)
_INSTANCE = re.compile(r"EMERGENCY KIT of (\S+), made on")
_CODE = re.compile(r"kit code: ([0-9A-F]{4}-[0-9A-F]{4})")


@dataclass(frozen=True, slots=True)
class Kit:
    """What is on the page.

    Attributes:
        recipient: public half of `identity`.
        public: public half of the signing key, PEM.
        code: what somebody who holds the kit can type.
        destinations: as people write them.
        fingerprints: of the secrets that cannot be made again: name → fingerprint.
    """

    instance: str
    identity: Secret
    recipient: str
    public: str
    code: str
    destinations: tuple[str, ...]
    made: float = 0.0
    fingerprints: Mapping[str, str] = field(default_factory=dict)


def code(random_hex: str) -> str:
    """A kit code from random hex digits."""
    return f"{random_hex[:4]}-{random_hex[4:8]}".upper()


def render(kit: Kit) -> str:
    """The page. It holds the private key: whoever reads it reads every backup."""
    day = datetime.fromtimestamp(kit.made, UTC).strftime("%Y-%m-%d")
    prints = [f"    {name}  {value}" for name, value in sorted(kit.fingerprints.items())]
    places = [f"    {place}" for place in kit.destinations]
    return "\n".join([
        f"EMERGENCY KIT of {kit.instance}, made on {day} (UTC)",
        "",
        "Whoever holds this page can read every backup set. Print it, keep it away from the server,",
        "and give a second copy to somebody you trust. Without it no backup set can be opened, by nobody.",
        "",
        "The private key:",
        "",
        f"    {kit.identity.reveal()}",
        "",
        f"Its public half, which every set names: {kit.recipient}",
        "",
        "The public key that proves that a set was made by this server:",
        "",
        kit.public.rstrip(),
        "",
        "The backup sets are in:",
        "",
        *places,
        "",
        "To restore by hand: read the file FORMAT there. It needs age, zstd, tar and pg_restore only.",
        "",
        "Fingerprints of secrets that cannot be made again (first 12 hex digits of SHA-256):",
        "",
        *prints,
        "",
        f"kit code: {kit.code}",
        "",
    ])  # fmt: skip


def opens(page: str) -> tuple[Secret, str, str]:
    """The private key, the public signing key and the code that a page holds.

    Raises:
        OperationFailed: it lacks one of them.
    """
    identity, public, kit_code = _IDENTITY.search(page), _PEM.search(page), _CODE.search(page)
    if not (identity and public and kit_code):
        raise OperationFailed("this is no emergency kit: it lacks a key or its code")
    return Secret(identity[0]), public[0], kit_code[1]


def instance_of(page: str) -> str:
    """The instance whose kit it is.

    Raises:
        OperationFailed: it does not say so.
    """
    found = _INSTANCE.search(page)
    if not found:
        raise OperationFailed("this is no emergency kit: its first line is missing")
    return found[1]
