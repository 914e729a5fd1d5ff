"""Sets of every format that was ever released are read for ever; a golden set is never made anew."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.core.backup import index, model
from instancectl.core.backup.verdict import Level
from instancectl.core.secrets import Secret
from instancectl.operations.backup.repository import Repository

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "backup"
FORMATS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and path.name.isdigit())


def test_the_current_format_has_a_golden_set() -> None:
    assert str(model.FORMAT) in FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_a_golden_set_is_read_and_opened(name: str) -> None:
    directory = GOLDEN / name
    crypto = BackupCrypto()
    identity = Secret((directory / "identity").read_text())
    place = DirectoryDestination(directory, "sets")
    contents = Repository(place, crypto, (directory / "signing.pub").read_text()).look()
    (known,) = contents.sets
    assert known.verdict.level >= Level.PRESENT

    def opened(keys: list[str]) -> bytes:
        out = bytearray()
        crypto.open((piece for key in keys for piece in place.read(key)), identity, out.extend)
        return bytes(out)

    def part(part_name: str) -> bytes:
        return b"".join(crypto.decompress([opened([one.key for one in known.set.part(part_name).objects])]))

    assert part("database.dump.zst.age").startswith(b"PGDMP")
    assert json.loads(part("about.json.zst.age"))["rows"] == {"public.accounts": 1}
    with tarfile.open(fileobj=io.BytesIO(part("configuration.tar.zst.age"))) as archive:
        assert archive.extractfile("secrets.env").read() == b"SECRET_KEY_BASE=x\n"
    found = {}
    for line in part("media.tsv.zst.age").splitlines(keepends=True):
        entry = index.parse(line)
        found[entry.path.decode()] = opened([entry.pack])[entry.offset : entry.offset + entry.size]
    assert found == {"accounts/1.jpg": b"one", "accounts/avatars/ümlaut \n.jpg": b"golden"}
