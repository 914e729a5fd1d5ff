"""PostgreSQL's databases in memory, as the scripts of a restore see them: name → table → rows.

databases = FakeDatabases(volumes, fuse)
databases.all["mastodon_production"] = {"public.accounts": 3}
databases.loses = "public.accounts"     # a restored table has one row less
"""

from __future__ import annotations

import json

from instancectl.core.backup import reviving
from instancectl.core.backup.database import TOLD
from tests.fakes.fuse import Fuse
from tests.fakes.volumes import FakeVolumes

PRODUCTION = "mastodon_production"


class FakeDatabases:
    """Carries out `core.backup.reviving`; each script is one point of the fuse before and one after."""

    def __init__(self, volumes: FakeVolumes, fuse: Fuse) -> None:
        self.volumes, self.fuse = volumes, fuse
        self.all: dict[str, dict[str, int]] = {PRODUCTION: {}}
        self.loses = ""
        self.refuses = ""
        self.roles: list[str] = []
        self.present = ["mastodon"]

    def run(self, argv: tuple[str, ...]) -> tuple[bytes, str, int] | None:
        """Output, what is said, exit code; None for what is none of ours."""
        known = {
            reviving.RESTORE: self._restore,
            reviving.ANALYZE: lambda: "",
            reviving.COUNT: self._count,
            reviving.LOOK: self._look,
            reviving.INDEXES: lambda: "12\n",
            reviving.ROLES: self._roles,
            reviving.LIST_ROLES: lambda: "\n".join([*self.present, ""]),
        }
        handler = known.get(argv) or self._renaming(argv) or self._dropping(argv)
        if handler is None:
            return None
        self.fuse.point()
        if self.refuses and argv == reviving.RESTORE:
            return b"", f"pg_restore: error: {self.refuses}", 1
        answer = handler()
        self.fuse.point()
        return answer.encode(), "", 0

    def _restore(self) -> str:
        dump = self.volumes.live["db"][reviving.DUMP_FILE]
        self.all[reviving.RESTORED] = json.loads(dump.removeprefix(b"PGDMP").partition(b"}")[0] + b"}")
        if self.loses:
            self.all[reviving.RESTORED][self.loses] -= 1
        return ""

    def _roles(self) -> str:
        self.roles.append(self.volumes.live["db"][reviving.GLOBALS_FILE].decode())
        return ""

    def _count(self) -> str:
        rows = self.all[reviving.RESTORED]
        return "".join(f"{TOLD}rows {table} {count}\n" for table, count in rows.items())

    def _look(self) -> str:
        return "\n".join([*self.all, f"tables {len(self.all.get(PRODUCTION, {}))}"]) + "\n"

    def _renaming(self, argv: tuple[str, ...]):
        names = (PRODUCTION, reviving.RESTORED, reviving.BEFORE)
        for pairs in (
            {reviving.RESTORED: PRODUCTION},
            {PRODUCTION: reviving.BEFORE, reviving.RESTORED: PRODUCTION},
            {PRODUCTION: reviving.RESTORED, reviving.BEFORE: PRODUCTION},
        ):
            assert set(pairs) <= set(names)
            if argv == reviving.rename(pairs):
                return lambda pairs=pairs: self._rename(pairs)
        return None

    def _rename(self, pairs: dict[str, str]) -> str:
        moved = {new: self.all.pop(old) for old, new in pairs.items()}
        assert not set(moved) & set(self.all), "a database has that name"
        self.all.update(moved)
        return ""

    def _dropping(self, argv: tuple[str, ...]):
        for name in (PRODUCTION, reviving.RESTORED, reviving.BEFORE):
            if argv == reviving.drop(name):
                return lambda name=name: str(self.all.pop(name, "") and "")
        return None
