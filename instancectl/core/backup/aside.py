"""Names, inside a volume, of what is restored and not yet live, and of what was live before."""

from __future__ import annotations

from typing import Final

RESTORED: Final = ".instancectl-restored"
BEFORE: Final = ".instancectl-before"
MOVING: Final = ".instancectl-moving"
"""`BEFORE` while it is filled: only a finished one gets its name."""

RETURNING: Final = ".instancectl-returning"
"""`BEFORE` on its way back: nothing restored is live any more."""

OURS: Final = frozenset({RESTORED, BEFORE, MOVING, RETURNING})

MODE: Final = 0o700
"""Nobody is served what lies in them: only root may enter."""
