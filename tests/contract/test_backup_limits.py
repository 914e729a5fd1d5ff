"""Full disks and small memories, for real: in a mount namespace, and in a process that is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

FILES = int(os.environ.get("BACKUP_TREE_FILES", "60000"))
MEMORY_MIB = 100

FULL = """
import sys
from pathlib import Path
from instancectl.adapters.media_index_file import MediaIndexFile
from instancectl.core.backup.index import Entry
from instancectl.errors import OperationFailed

index = MediaIndexFile(Path(sys.argv[1]) / "state" / "media.tsv")
def entry(number):
    return Entry(b"%d" % number + b"x" * 100, "f", 1, 1, "0" * 64, "media/packs/1", 1, 1)
index.begin()
index.add(entry(1))
index.keep()
try:
    index.begin()
    for number in range(20_000):
        index.add(entry(number))
    index.keep()
except OperationFailed as error:
    print(error.message)
print(sum(1 for _ in index.known()))
"""


def test_a_full_disk_of_the_host_is_told_and_the_last_index_stays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=1m none {disk} && exec "$@"', "-"]
    done = subprocess.run(
        [*mounted, sys.executable, "-c", FULL, disk], capture_output=True, text=True, check=True
    )
    said, left = done.stdout.splitlines()
    assert "no space left on device" in said.lower()
    assert left == "1"


MANY = """
import sys
from pathlib import Path
from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.adapters.media_index_file import MediaIndexFile
from instancectl.adapters.system_clock import SystemClock
from instancectl.core.backup.index import Found
from instancectl.operations.backup.media import MediaRun
from instancectl.operations.backup.writing import Throttle, Writer
from tests.fakes.media import FakeReading
from tests.fakes.progress import FakeProgress

directory, files = Path(sys.argv[1]), int(sys.argv[2])
crypto, clock = BackupCrypto(), SystemClock()
_, recipient = crypto.new_identity()

class Many:
    place = "/media"
    reads = 0
    def walk(self):
        for number in range(files):
            yield Found(b"media_attachments/%09d/original.jpg" % number, "f", 10, 1, 1)
    def read(self, file):
        self.reads += 1
        yield FakeReading(file, b"0123456789", True)

usable, source = {}, Many()
for night in ("first", "second"):
    place = DirectoryDestination(directory, "social.example")
    set_id = "2026-11-22T030000Z-00000000" if night == "first" else "2026-11-23T030000Z-00000000"
    writer = Writer(set_id, place, crypto, [recipient], FakeProgress(), Throttle(clock, 0))
    index = MediaIndexFile(directory / "media.tsv")
    packed = MediaRun(source, index, writer, usable).run()
    index.keep()
    usable = {one.key: one for one in packed.packs}
    print(night, packed.media.files, packed.media.new_files)
# Not `ru_maxrss`: that begins with the peak of the process that started this one.
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_a_tree_of_any_size_takes_the_same_memory(tmp_path: Path) -> None:
    """`BACKUP_TREE_FILES=1000000` takes a minute or two."""
    done = subprocess.run(
        [sys.executable, "-c", MANY, tmp_path, str(FILES)],
        capture_output=True, text=True, check=True, timeout=600, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    first, second, mib = done.stdout.splitlines()
    assert first == f"first {FILES} {FILES}"
    assert second == f"second {FILES} 0"
    assert int(mib) <= MEMORY_MIB
