"""Makes the golden set of the current format; run once per format, then never again.

python -m tests.golden.backup.make tests/golden/backup/1
"""

from __future__ import annotations

import sys
from pathlib import Path

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.operations.backup.create import create
from tests.operations.backup_world import World


def main(directory: Path) -> None:
    """A set of the world in memory, sealed and signed for real."""
    directory.mkdir(parents=True)
    world = World()
    world.sealing = BackupCrypto(threads=1)
    world.identity, world.recipient = world.sealing.new_identity()
    world.signing, world.public = world.sealing.new_signing_key()
    world.media.write("accounts/avatars/ümlaut \n.jpg", b"golden")
    world.places = [DirectoryDestination(directory, "sets")]
    create(world.subject, world.tools, world.place)
    (directory / "identity").write_text(world.identity.reveal() + "\n")
    (directory / "signing.pub").write_text(world.public)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
