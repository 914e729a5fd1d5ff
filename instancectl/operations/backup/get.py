"""Takes one thing out of a set, without restoring the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from instancectl.core.backup import database, picking, reviving
from instancectl.core.backup.index import Entry
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import DUMP, MEDIA
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.backup.choosing import choose
from instancectl.operations.backup.database_back import VOLUME
from instancectl.operations.backup.few_files import few, take
from instancectl.operations.backup.media_back import MediaBack, unpack
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Repository
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.index_desk import IndexDesk
from instancectl.ports.media_target import MediaTarget
from instancectl.ports.private_file import PrivateFile
from instancectl.ports.volume_files import VolumeFiles

KINDS = ("secrets", "media", "account", "table")
SECRETS = "secrets.env"


@dataclass(frozen=True, slots=True)
class Getting:
    """Where it comes from and where it goes.

    Attributes:
        target: a directory for files.
        file: one file, for what is secret.
    """

    repository: Repository
    opener: Opener
    desk: IndexDesk
    target: MediaTarget
    file: PrivateFile
    streams: ContainerStreams
    volumes: VolumeFiles
    stack: str


def get(ground: Getting, set_id: str, what: str, name: str) -> Result:
    """Get it.

    Raises:
        Refused: something is there already, or `name` is missing.
        InstanceError: the set is not whole, or holds no such thing.
    """
    if ground.file.exists():
        raise Refused(
            f"`{ground.file.location}` exists; nothing was changed",
            hint="name another place with `--to`",
            subject=ground.file.location,
        )
    if what != "secrets" and not name:
        raise Refused(f"which {what}?", hint=f"`instancectl backup get {what} NAME --to PATH`", subject=what)
    set_ = choose(ground.repository, ground.opener, set_id, ()).set
    kinds: dict[str, Callable[[Getting, BackupSet, str], int]] = {
        "secrets": _secrets, "media": _media, "account": _account, "table": _table,
    }  # fmt: skip
    size = kinds[what](ground, set_, name)
    said = f"{what} {name}".strip()
    return Result(
        Status.CHANGED,
        {"set": set_.id, "what": what, "name": name, "path": ground.file.location, "bytes": size},
        (f"{said} of {set_.id} is in {ground.file.location} ({show_bytes(size)})",),
    )


def _secrets(ground: Getting, set_: BackupSet, _: str) -> int:
    content = ground.opener.files(set_).get(SECRETS)
    if content is None:
        raise OperationFailed(f"the set `{set_.id}` holds no `{SECRETS}`", subject=set_.id)
    ground.file.create(content.decode())
    return len(content)


def _media(ground: Getting, set_: BackupSet, name: str) -> int:
    return _files(ground, set_, (name,))


def _account(ground: Getting, set_: BackupSet, account: str) -> int:
    with _dump(ground, set_):
        lines = _lines(_restored(ground, picking.ATTACHMENTS))
        attachments = tuple(picking.ids_of(lines, "account_id", account))
    return _files(ground, set_, picking.of_account(account, attachments))


def _files(ground: Getting, set_: BackupSet, names: tuple[str, ...]) -> int:
    if set_.part(MEDIA) is None:
        raise OperationFailed(f"the set `{set_.id}` holds no media: they are in a bucket of their own")
    wanted = frozenset(name.encode() for name in names)
    try:
        MediaBack(ground.opener, ground.desk, ground.target).read_index(set_)
        found: dict[str, list[Entry]] = {}
        for entry in ground.desk.whole():
            if picking.below(entry, wanted):
                found.setdefault(entry.pack, []).append(entry)
        if not found:
            raise OperationFailed(f"the set `{set_.id}` holds nothing of it", subject=names[0])
        _unpack(ground, set_, found)
    finally:
        ground.desk.remove()
    return sum(entry.size for entries in found.values() for entry in entries)


def _unpack(ground: Getting, set_: BackupSet, found: dict[str, list[Entry]]) -> None:
    stored = {one.key: one for one in set_.packs}
    ground.target.begin()
    for pack, entries in sorted(found.items()):
        entries.sort(key=lambda one: one.offset)
        if pack in stored and few(entries, stored[pack]):
            take(ground.opener, stored[pack], entries, ground.target)
            continue
        for entry, target in unpack(ground.opener, stored, pack, entries, ground.target):
            ground.target.link(entry, target)


def _table(ground: Getting, set_: BackupSet, table: str) -> int:
    with _dump(ground, set_):
        content = b"".join(_restored(ground, table))
    if b"\nCOPY " not in content:
        raise OperationFailed(f"the set `{set_.id}` holds no table `{table}`", subject=table)
    ground.file.create(content.decode())
    return len(content)


@contextmanager
def _dump(ground: Getting, set_: BackupSet) -> Iterator[None]:
    """The dump lies where the database's container sees it, for a while."""
    try:
        with ground.volumes.create(VOLUME, reviving.DUMP_FILE) as sink:
            ground.opener.part(set_, DUMP, sink.write)
        yield
    finally:
        ground.volumes.remove(VOLUME, reviving.DUMP_FILE)


def _restored(ground: Getting, table: str) -> Iterator[bytes]:
    with ground.streams.start(ground.stack, "db", picking.table_argv(table)) as running:
        yield from running.output()
        if running.code():
            raise OperationFailed(f"cannot read the dump{database.why(running.said)}", subject=table)


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode() for line in whole)
