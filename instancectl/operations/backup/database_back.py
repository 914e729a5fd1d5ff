"""Brings a database back beside the present one, proves it, and swaps the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instancectl.core.backup import database, reviving
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import DUMP, GLOBALS
from instancectl.core.backup.reviving import Original
from instancectl.core.mastodon_env import DATABASE
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.operations.backup.opening import Opener, Write
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.volume_files import VolumeFiles

VOLUME = "db"


@dataclass(frozen=True, slots=True)
class DatabaseBack:
    """The database of one stack, whose service `db` runs on this host."""

    streams: ContainerStreams
    volumes: VolumeFiles
    stack: str

    def restore(self, opener: Opener, set_: BackupSet) -> str:
        """Restore and prove; the present database is not touched. What to say about it.

        Raises:
            Unhealthy: the restored rows are not those that were counted.
        """
        rows = {str(table): int(count) for table, count in opener.about(set_)["rows"].items()}
        original = Original(rows, opener.small(set_, GLOBALS))

        def fill(write: Write) -> Original:
            opener.part(set_, DUMP, write)
            return original

        return self.revive(fill)

    def revive(self, fill: Callable[[Write], Original]) -> str:
        """The same for any dump: `fill` writes it, and knows what it is of."""
        try:
            with self.volumes.create(VOLUME, reviving.DUMP_FILE) as sink:
                original = fill(sink.write)
            self._roles(original.globals_sql.decode(errors="replace"))
            self._ask(reviving.RESTORE, "restore the database")
        finally:
            self.volumes.remove(VOLUME, reviving.DUMP_FILE)
        self._ask(reviving.ANALYZE, "analyse the database")
        rows = original.rows
        self.compare(rows)
        return f"{sum(rows.values())} rows in {len(rows)} tables, as counted"

    def _roles(self, globals_sql: str) -> None:
        """Those that are missing here: what the dump grants, it grants to them."""
        present = self._ask(reviving.LIST_ROLES, "list the roles").split("\n")
        text = reviving.missing_roles(globals_sql, present)
        if not text:
            return
        with self.volumes.create(VOLUME, reviving.GLOBALS_FILE) as sink:
            sink.write(text.encode())
        try:
            self._ask(reviving.ROLES, "restore the roles")
        finally:
            self.volumes.remove(VOLUME, reviving.GLOBALS_FILE)

    def compare(self, rows: Mapping[str, int]) -> None:
        """Every table has as many rows as were counted in the view of the dump.

        Raises:
            Unhealthy: one has not.
        """
        found = database.rows_told(self._ask(reviving.COUNT, "count the rows"))
        if different := reviving.differing_rows(rows, found):
            more = f" and {len(different) - 1} more" if len(different) > 1 else ""
            raise Unhealthy(
                f"the restored database is not the one that was dumped: {different[0]}{more}",
                hint="see `instancectl backup list` for another set; the present database is untouched",
                subject="db",
            )

    def indexes(self) -> int:
        """How many indexes were looked at and are sound; `OperationFailed` names one that is not."""
        return int(self._ask(reviving.INDEXES, "check the indexes").strip() or 0)

    def swap(self) -> bool:
        """The restored database gets the name; whether the one before is kept (an empty one is not)."""
        names, tables = self._look()
        if reviving.RESTORED not in names:
            return reviving.BEFORE in names  # a killed run did it
        if DATABASE not in names:
            self._rename({reviving.RESTORED: DATABASE})
        elif not tables:
            self._ask(reviving.drop(DATABASE), "drop the empty database")
            self._rename({reviving.RESTORED: DATABASE})
        else:
            self._rename({DATABASE: reviving.BEFORE, reviving.RESTORED: DATABASE})
            return True
        return False

    def swap_back(self) -> None:
        """The database before gets its name again; the restored one is put beside."""
        names, _ = self._look()
        if reviving.BEFORE in names:
            self._rename({DATABASE: reviving.RESTORED, reviving.BEFORE: DATABASE})

    def drop(self) -> None:
        """Remove what is beside."""
        for name in (reviving.RESTORED, reviving.BEFORE):
            self._ask(reviving.drop(name), f"drop `{name}`")

    def _look(self) -> tuple[frozenset[str], int]:
        said = self._ask(reviving.LOOK, "look at the databases").split("\n")
        tables = [line.removeprefix("tables ") for line in said if line.startswith("tables ")]
        return frozenset(line for line in said if line.startswith("mastodon_")), int(
            tables[0]
        ) if tables else 0

    def _rename(self, pairs: dict[str, str]) -> None:
        self._ask(reviving.rename(pairs), "rename the databases")

    def _ask(self, argv: tuple[str, ...], what: str) -> str:
        with self.streams.start(self.stack, "db", argv) as running:
            answer = b"".join(running.output()).decode(errors="replace")
            if code := running.code():
                raise OperationFailed(
                    f"cannot {what}: exit code {code}{database.why(running.said)}", subject="db"
                )
        return answer
