"""Sets of every format that was ever released are restored for ever, by the code that restores today's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.adapters.media_tree import MediaTree
from instancectl.adapters.restoring.media_target import MediaDirectory
from instancectl.adapters.restoring.restore_desk import DeskDirectory
from instancectl.core.secrets import Secret
from instancectl.operations.backup.choosing import choose
from instancectl.operations.backup.media_back import MediaBack
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Repository
from tests.fakes.progress import FakeProgress

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "backup"
FORMATS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and path.name.isdigit())


@pytest.mark.parametrize("name", FORMATS)
def test_a_golden_set_is_restored(name: str, tmp_path: Path) -> None:
    directory, crypto = GOLDEN / name, BackupCrypto()
    place = DirectoryDestination(directory, "sets")
    opener = Opener(place, crypto, Secret((directory / "identity").read_text()), FakeProgress())
    repository = Repository(place, crypto, (directory / "signing.pub").read_text())

    set_ = choose(repository, opener, "latest", ()).set

    assert opener.files(set_)["secrets.env"] == b"SECRET_KEY_BASE=x\n"
    assert opener.about(set_)["rows"] == {"public.accounts": 1}
    dump = bytearray()
    opener.part(set_, "database.dump.zst.age", dump.extend)
    assert dump.startswith(b"PGDMP")
    assert json.loads(dump.removeprefix(b"PGDMP").partition(b"}")[0] + b"}") == {"public.accounts": 1}
    target = MediaDirectory(lambda: tmp_path / "media", lambda root: MediaTree(root, ()).walk(), None)
    said = MediaBack(opener, DeskDirectory(tmp_path / "desk"), target).run(set_)
    assert said == "2 files, 9 B"
    assert (tmp_path / "media/accounts/1.jpg").read_bytes() == b"one"
    assert (tmp_path / "media/accounts/avatars/ümlaut \n.jpg").read_bytes() == b"golden"
