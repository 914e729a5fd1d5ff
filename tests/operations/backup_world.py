"""An instance in memory with everything a backup touches, and a way to restore a set by its own words."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace

from instancectl.core.backup import index as indexing
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.retention import Policy
from instancectl.core.config import InstanceConfig
from instancectl.core.result import Result
from instancectl.errors import OperationFailed
from instancectl.operations.backup.create import create
from instancectl.operations.backup.expire import expire
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.subject import Subject, Tools
from instancectl.operations.backup.verify import verify
from tests.fakes.backup_figures import FakeFigures
from tests.fakes.clock import FakeClock
from tests.fakes.container_streams import FakeStreams
from tests.fakes.destination import FakeDestination
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.media import FakeIndex, FakeMedia
from tests.fakes.progress import FakeProgress
from tests.fakes.reporter import FakeReporter
from tests.fakes.sealing import FakeSealing

DAY = 86_400


class World:
    def __init__(self, places: int = 1) -> None:
        self.clock, self.sealing = FakeClock(), FakeSealing()
        self.streams, self.media, self.index = FakeStreams(), FakeMedia(), FakeIndex()
        self.places = [FakeDestination(self.clock, f"place-{number}") for number in range(places)]
        self.reporter, self.journal, self.progress = FakeReporter(), FakeJournal(), FakeProgress()
        self.figures = FakeFigures()
        self.lock_table: dict[str, str] = {}
        self.identity, self.recipient = self.sealing.new_identity()
        self.signing, self.public = self.sealing.new_signing_key()
        self.media.write("accounts/1.jpg", b"one")
        self.policy = Policy(3, 2, 2)

    @property
    def config(self) -> InstanceConfig:
        return InstanceConfig.model_validate({
            "instance": {"domain": "social.example"},
            "mail": {"mode": "none"},
            "backup": {"recipients": [self.recipient]},
        })  # fmt: skip

    @property
    def subject(self) -> Subject:
        return Subject(
            self.config,
            self.streams,
            {"secrets.env": b"SECRET_KEY_BASE=x\n"},
            {"SECRET_KEY_BASE": "abc"},
            self.media,
            self.index,
            {"web": "web@sha256:1"},
            "1.0",
        )

    @property
    def tools(self) -> Tools:
        return Tools(self.sealing, self.clock, self.reporter, self.progress)

    @property
    def place(self) -> Place:
        return Place(
            [self.repository(one) for one in self.places],
            FakeLock(self.lock_table),
            self.journal,
            self.figures,
        )

    def repository(self, one: FakeDestination | None = None) -> Repository:
        return Repository(one or self.places[0], self.sealing, self.public, self.signing)

    def create(self, *accepted: str, **changes: object) -> Result:
        return create(replace(self.subject, **changes), self.tools, self.place, accepted)

    def expire(self, *forget: str, dry_run: bool = False) -> Result:
        return expire(self.place, self.tools, self.policy, forget=forget, dry_run=dry_run)

    def expire_elsewhere(self) -> Result:
        """The same from another machine, whose lock is another."""
        return expire(replace(self.place, lock=FakeLock()), self.tools, self.policy, dry_run=False)

    def verify(self, set_id: str = "latest", *, read: bool = False) -> Result:
        return verify(self.place, self.tools, set_id, read=read)

    def sets(self, place: int = 0) -> list[str]:
        return sorted(one.id for one in self.repository(self.places[place]).look().sets)

    def days_pass(self, days: float) -> None:
        self.clock.now += days * DAY

    def restored(self, set_id: str, place: int = 0) -> dict[str, object]:
        """Everything a set says, read with the private key; raises when any of it is missing or wrong."""
        repository = self.repository(self.places[place])
        set_, _ = repository.read_set(set_id)
        content = {part.name.partition(".")[0]: self._open(set_, part.name, place) for part in set_.parts}
        media = {}
        for line in content["media"].splitlines(keepends=True):
            entry = indexing.parse(line)
            pack = self._opened([entry.pack], place)
            found = pack[entry.offset : entry.offset + entry.size]
            assert self._digest(found) == entry.blake3, entry
            with tarfile.open(fileobj=io.BytesIO(pack)) as archive:
                members = [one for one in archive.getmembers() if one.name.encode() == entry.path]
                assert archive.extractfile(members[-1]).read() == found
            media[entry.path.decode()] = found
        about = json.loads(content["about"])
        assert (
            json.loads(content["database"].removeprefix(b"PGDMP").partition(b"}")[0] + b"}") == about["rows"]
        )
        return {"tables": about["rows"], "media": media}

    def _open(self, set_: BackupSet, name: str, place: int) -> bytes:
        part = set_.part(name)
        for one in part.objects:
            assert self._digest(self.places[place].objects[one.key]) == one.blake3
        return b"".join(self.sealing.decompress([self._opened([one.key for one in part.objects], place)]))

    def _opened(self, keys: list[str], place: int) -> bytes:
        out = bytearray()
        for key in keys:
            if key not in self.places[place].objects:
                raise OperationFailed(f"`{key}` is missing")
        self.sealing.open([self.places[place].objects[key] for key in keys], self.identity, out.extend)
        return bytes(out)

    def _digest(self, content: bytes) -> str:
        hasher = self.sealing.hasher()
        hasher.update(content)
        return hasher.hexdigest()

    @property
    def now(self) -> dict[str, object]:
        """What a set made now must restore."""
        media = {path.decode(): content for path, (content, _) in self.media.files.items()}
        return {"tables": dict(self.streams.tables), "media": media}
