"""What is taken out of a set when not all of it is wanted: files by path, an account's media, one table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from instancectl.core.backup.index import Entry
from instancectl.core.backup.reviving import DIRECTORY, DUMP_FILE
from instancectl.errors import Refused

ATTACHMENTS: Final = "public.media_attachments"
_TABLE = re.compile(r"(?:[a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*")
_COPY = re.compile(r"COPY \S+ \((?P<columns>.*)\) FROM stdin;")


def table_argv(table: str) -> tuple[str, ...]:
    """One table of a dump as SQL on stdout; no database is touched.

    Raises:
        Refused: it is no name of a table.
    """
    if not _TABLE.fullmatch(table):
        raise Refused(f"`{table}` is no name of a table", hint="for example `public.accounts`", subject=table)
    schema, _, name = table.rpartition(".")
    return (
        "pg_restore", "--no-owner", "--data-only", "-n", schema or "public", "-t", name, "-f", "-",
        f"{DIRECTORY}/{DUMP_FILE}",
    )  # fmt: skip


def ids_of(lines: Iterable[str], column: str, value: str) -> Iterator[str]:
    """The `id` of every row of a dumped table whose `column` is `value`."""
    columns: list[str] = []
    for line in lines:
        if found := _COPY.fullmatch(line):
            columns = found["columns"].replace('"', "").split(", ")
        elif line == "\\.":
            columns = []
        elif columns:
            row = dict(zip(columns, line.split("\t"), strict=False))
            if row.get(column) == value:
                yield row["id"]


def partitions(identifier: str) -> tuple[str, ...]:
    """Where Mastodon keeps what belongs to an id: its digits in groups of three, nine or eighteen of them."""
    digits = (identifier.rjust(width, "0") for width in (9, 18))
    return tuple(dict.fromkeys("/".join(d[at : at + 3] for at in range(0, len(d), 3)) for d in digits))


def of_account(account: str, attachments: Iterable[str]) -> tuple[str, ...]:
    """Directories that hold the media of an account, with a slash at the end."""
    own = [f"accounts/{kind}/{where}/" for kind in ("avatars", "headers") for where in partitions(account)]
    media = [f"media_attachments/files/{where}/" for one in attachments for where in partitions(one)]
    return (*own, *media)


def below(entry: Entry, prefixes: frozenset[bytes]) -> bool:
    """Whether a file is one of the paths, or lies below one that ends with a slash."""
    if entry.path in prefixes:
        return True
    at = entry.path.find(b"/")
    while at >= 0:
        if entry.path[: at + 1] in prefixes:
            return True
        at = entry.path.find(b"/", at + 1)
    return False
