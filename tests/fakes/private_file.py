"""A private file in memory.

page = FakePrivateFile()
page.garbles = True         # reads back something else than was written
"""

from __future__ import annotations

from instancectl.errors import OperationFailed


class FakePrivateFile:
    """See `ports.private_file.PrivateFile`."""

    location = "/etc/instancectl/backup-kit.txt"

    def __init__(self) -> None:
        self.text: str | None = None
        self.garbles = False

    def exists(self) -> bool:
        return self.text is not None

    def create(self, text: str) -> None:
        if self.text is not None:
            raise OperationFailed(f"cannot write `{self.location}`: file exists")
        self.text = text[: len(text) // 2] if self.garbles else text

    def read(self) -> str:
        if self.text is None:
            raise OperationFailed(f"cannot read `{self.location}`")
        return self.text

    def remove(self) -> None:
        self.text = None
