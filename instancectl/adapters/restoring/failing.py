"""What a full or broken disk is called while files come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from instancectl.errors import InstanceError, OperationFailed

UNTOUCHED = "what is live was not touched, run the same command again"


@contextmanager
def translated(action: str, *, hint: str = f"see `df -h`; {UNTOUCHED}") -> Iterator[None]:
    """Turn errors of the file system into ours; `action` is what was attempted, e.g. ``write `/x` ``.

    Raises:
        OperationFailed: with the system's own words, and what to type.
    """
    try:
        yield
    except InstanceError:
        raise
    except OSError as error:
        raise OperationFailed(
            f"cannot {action}: {(error.strerror or str(error)).lower()}", hint=hint
        ) from error
