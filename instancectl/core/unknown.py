"""A value nobody could look at: never zero, never empty, never well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why there is no value.

    Attributes:
        reason: what was attempted and what was seen; lower case, no final full stop.
        hint: something to type; may be empty.
    """

    reason: str
    hint: str = ""


Known: TypeAlias = T | Unknown
"""What was seen, or why it could not be seen."""

NOT_LOOKED = Unknown("nobody looked")
"""Default of every observed field."""
