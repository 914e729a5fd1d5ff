"""Settings and secrets of a set, on their way to an empty host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from instancectl.core.applied import Applied
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import revived
from instancectl.errors import InstanceError, OperationFailed

if TYPE_CHECKING:
    from instancectl.operations.backup.ground import Ground

INSTANCE_FILE = "instance.toml"
STATE = "state/"
APPLIED = "state/applied.json"


def instance_file(files: Mapping[str, bytes]) -> str:
    """The text of `instance.toml`.

    Raises:
        OperationFailed: the set has none.
    """
    found = next((content for name, content in files.items() if name.endswith(".toml")), None)
    if found is None:
        raise OperationFailed(f"the set holds no `{INSTANCE_FILE}`", subject=INSTANCE_FILE)
    return found.decode()


def recorded(files: Mapping[str, bytes]) -> Applied:
    """What was done when the set was made; nothing when it does not say."""
    try:
        return Applied.from_json(json.loads(files.get(APPLIED, b"{}")))
    except (ValueError, TypeError) as error:
        raise OperationFailed(f"`{APPLIED}` of the set is malformed", subject=APPLIED) from error


def put(ground: Ground, set_: BackupSet) -> list[str]:
    """Write everything; what to say about it."""
    files = ground.opener.files(set_)
    ground.handed.remove()  # whoever comes back to an empty host is no longer the one who left
    notes = []
    for name, content in sorted(files.items()):
        if name.startswith(STATE):
            continue
        name_here = INSTANCE_FILE if name.endswith(".toml") else name
        if moved := ground.files.put(name_here, content):
            notes.append(f"another `{name_here}` was here: it is now `{moved}`")
    notes += _elsewhere(ground, files)
    images, troubles = _images(ground, set_.images)
    ground.state.save(revived(recorded(files), images))
    return notes + troubles


def _elsewhere(ground: Ground, files: Mapping[str, bytes]) -> list[str]:
    """Certificates that the settings look for in another directory than the one they are put into."""
    tls = ground.understood(instance_file(files)).tls
    absolute = [name for name in (tls.certificate, tls.key, tls.acme_ca_root) if name.startswith("/")]
    return [
        f"copy `{name.rpartition('/')[2]}` from {ground.files.location} to `{name}`, where the settings "
        "look for it"
        for name in absolute
    ]


def _images(ground: Ground, wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Exactly the images that ran, as far as they can be had."""
    found, troubles = {}, []
    for reference, deployed in wanted.items():
        try:
            found[reference] = ground.swarm.resolve_image(deployed, pull=True) or deployed
        except InstanceError:
            troubles.append(f"`{deployed}` cannot be had any more: what `{reference}` means now is taken")
    return found, troubles
