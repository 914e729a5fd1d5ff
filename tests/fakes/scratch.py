"""Containers of a drill in memory; commands in them are answered by a table.

scratch = FakeScratch(fuse)
scratch.silent.add("web")                   # never answers
scratch.version = "postgres (PostgreSQL) 18.1"     # of the image
scratch.answers[drilling.DECRYPT] = (0, 'instancectl: {"users.otp_secret": 2}')
"""

from __future__ import annotations

from collections.abc import Sequence

from instancectl.core.backup import recovery
from instancectl.ports.scratch import Scratched
from tests.fakes.fuse import Fuse


class FakeScratch:
    """See `ports.scratch.Scratch`."""

    stack = "social-example-drill"

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.there: dict[str, Scratched] = {}
        self.volumes: set[str] = set()
        self.silent: set[str] = set()
        self.answers: dict[tuple[str, ...], tuple[int, str]] = {}
        self.began: list[str] = []
        self.ended: dict[str, int] = {}
        self.version = "postgres (PostgreSQL) 17.6 (Debian 17.6-1.pgdg13+1)"

    def sweep(self) -> int:
        self.fuse.point()
        count = len(self.there)
        self.there.clear()
        self.volumes.clear()
        return count

    def begin(self, volumes: Sequence[str]) -> None:
        assert not self.there, "an earlier one is still there"
        self.fuse.point()
        self.volumes |= set(volumes)

    def start(self, one: Scratched) -> None:
        self.fuse.point()
        self.there[one.name] = one
        self.began.append(one.name)
        self.fuse.point()

    def end(self, name: str, seconds: int) -> int:
        self.fuse.point()
        code = 0 if self.there.pop(name, None) else 137
        self.fuse.point()
        return code

    def exit_code(self, name: str) -> int | None:
        return 0 if self._says_its_version(name) else self.ended.get(name)

    def last_words(self, name: str) -> str:
        if self._says_its_version(name):
            return self.version
        return f"last words of {name}"

    def _says_its_version(self, name: str) -> bool:
        return name in self.there and self.there[name].command == recovery.VERSION

    def run(self, service: str, argv: tuple[str, ...]) -> tuple[bytes, str, int] | None:
        """What a command in one of the containers answers; None when it is none of these."""
        if service in self.silent:
            return b"", "", 1
        if argv in self.answers:
            code, said = self.answers[argv]
            return said.encode(), "", code
        return (b"", "", 0) if argv[0] in {"pg_isready", "curl"} else None
