"""What is not in WAL, on its way to whoever takes over: media, packed twice."""

from __future__ import annotations

from dataclasses import dataclass

from instancectl.core.backup import naming
from instancectl.core.backup.model import StoredObject
from instancectl.errors import Refused
from instancectl.operations.backup import media as packing
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.run import usable_packs
from instancectl.operations.backup.subject import Subject
from instancectl.operations.backup.writing import Writer
from instancectl.ports.media_source import MediaSource


@dataclass(slots=True)
class LastMedia:
    """Packed while everybody is served, and once more at the end: then little is new.

    Attributes:
        usable: packs that need not be written again.
        newest: sequence of the newest pack in the destination.
        had: the last set has files.
    """

    source: MediaSource
    subject: Subject
    usable: dict[str, StoredObject]
    newest: int
    had: bool

    def pack(self, writer: Writer) -> packing.Packed:
        """Pack what is new since the last time.

        Raises:
            Refused: nothing is there any more; it is not even mounted, perhaps.
        """
        run = packing.MediaRun(self.source, self.subject.index, writer, dict(self.usable), self.newest)
        packed = run.run()
        if self.had and not packed.media.files:
            raise Refused(
                f"cannot hand over: `{self.source.place}` is empty, and the last set has media",
                hint="is its disk mounted?",
                subject=self.source.place,
            )
        self.subject.index.keep()
        self.usable |= {one.key: one for one in packed.packs}
        return packed


def last_media(subject: Subject, repository: Repository) -> LastMedia | None:
    """None when media live in a bucket."""
    if subject.media is None:
        return None
    contents = repository.look()
    last = contents.newest.set if contents.newest else None
    newest = max(map(naming.pack_sequence, contents.listed), default=0)
    had = bool(last and last.media.files)
    return LastMedia(subject.media, subject, usable_packs(contents), newest, had)
