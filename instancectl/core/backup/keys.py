"""Names in `backup.env`: what the host needs to make backup sets; what opens them is not among it."""

from __future__ import annotations

from collections.abc import Mapping

SIGNING_KEY = "BACKUP_SIGNING_KEY"
KIT_CODE = "BACKUP_KIT_CODE"
"""Proves that somebody holds the emergency kit."""

IDENTITY = "BACKUP_IDENTITY"
"""The private key, when the admin asked to keep it here."""


def store_keys(section: str) -> tuple[str, str]:
    """Names of the two halves of a bucket's key, for the section `destination` or `second`."""
    return f"BACKUP_{section.upper()}_KEY_ID", f"BACKUP_{section.upper()}_KEY"


PURPOSES: Mapping[str, str] = {
    SIGNING_KEY: "signs backup sets; losing it means that new sets cannot be told from forged ones",
    IDENTITY: "opens every backup set; whoever has it has them all",
    KIT_CODE: "stands in the emergency kit; `backup init --kit-code` with it removes the kit from this host",
    **{
        name: "key of the bucket for backup sets"
        for section in ("destination", "second")
        for name in store_keys(section)
    },
}
