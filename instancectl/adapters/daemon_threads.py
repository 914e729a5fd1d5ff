"""Looks side by side in daemon threads: one that hangs does not keep the process alive."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from instancectl.core.unknown import Unknown
from instancectl.errors import InstanceError

T = TypeVar("T")


class DaemonThreads:
    """See `ports.together.Together`."""

    def run(self, looks: Mapping[str, Callable[[], T]], timeout_seconds: float) -> Mapping[str, T | Unknown]:
        """What each look returned, or why not."""
        deadline = time.monotonic() + timeout_seconds
        back: queue.SimpleQueue[tuple[str, T | Unknown]] = queue.SimpleQueue()
        for name, look in looks.items():
            work = _reporting(name, look, back)
            threading.Thread(target=work, name=f"look-{name}", daemon=True).start()
        found: dict[str, T | Unknown] = {}
        while len(found) < len(looks):
            left = deadline - time.monotonic()
            try:
                name, value = back.get(timeout=max(0.0, left))
            except queue.Empty:
                break
            found[name] = value
        late = Unknown(f"no answer within {timeout_seconds:.0f} s")
        return {name: found.get(name, late) for name in looks}


def _reporting(
    name: str, look: Callable[[], T], back: queue.SimpleQueue[tuple[str, T | Unknown]]
) -> Callable[[], None]:
    def work() -> None:
        back.put((name, guarded(name, look)))

    return work


def guarded(name: str, look: Callable[[], T]) -> T | Unknown:
    """What a look returned, or `Unknown`: one broken look must not hide what the others saw."""
    try:
        return look()
    except InstanceError as error:
        return Unknown(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - see above
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Unknown(
            f"looking at {name} ended in an unexpected error ({said})",
            "this is a bug in instancectl: report it",
        )


def in_background(work: Callable[[], None]) -> None:
    """Run beside everything else, for as long as the process lives."""
    threading.Thread(target=work, name="background", daemon=True).start()
