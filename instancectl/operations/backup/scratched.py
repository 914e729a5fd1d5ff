"""Containers beside the instance that hold the data of a set, from the images that ran when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instancectl.core.backup.model import BackupSet
from instancectl.core.secret_set import SecretSet
from instancectl.ports.scratch import Scratched
from instancectl.ports.swarm import Swarm

POSTGRES_USER_ID: Final = 999
POSTGRES_DIRECTORY: Final = "/var/lib/postgresql/data"


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a set, as they ran."""

    swarm: Swarm
    set: BackupSet

    def of(self, reference: str) -> str:
        """On this host; `Unreachable` when it cannot be had."""
        deployed = self.set.images.get(reference, reference)
        return self.swarm.resolve_image(deployed, pull=True) or deployed


def scratch_database(image: str, secrets: SecretSet) -> Scratched:
    """PostgreSQL with a cluster of its own in the volume `db`."""
    return Scratched(
        "db",
        image,
        ("postgres",),
        (
            ("PGDATA", f"{POSTGRES_DIRECTORY}/pgdata"),
            ("POSTGRES_DB", "mastodon_production"),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db_password"),
            ("POSTGRES_USER", "mastodon"),
        ),
        (("/run/secrets/db_password", secrets.get("DB_PASS"), POSTGRES_USER_ID),),
        (("db", POSTGRES_DIRECTORY),),
    )
