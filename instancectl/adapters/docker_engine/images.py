"""The `ImageStore` port on a real Docker Engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Final

from docker.errors import ImageNotFound

from instancectl.adapters.docker_engine.engine import DockerSwarm, failure_in, translation
from instancectl.adapters.docker_engine.spec import Json
from instancectl.errors import OperationFailed, Unreachable

RUNS: Final = ("Entrypoint", "Cmd", "Env", "User", "WorkingDir")
"""Of an image's configuration: what a container of it becomes, besides its files."""


class DockerImages:
    """See `ports.image_store.ImageStore`."""

    def __init__(self, swarm: DockerSwarm) -> None:
        """Over the same connection; streams get one of their own."""
        self._swarm = swarm

    def image_id(self, reference: str) -> str:
        """What identifies the content; empty when the image is not here."""
        with translation("inspect the image"):
            try:
                return identity(self._swarm.api.inspect_image(reference))
            except ImageNotFound:
                return ""

    def image_bytes(self, reference: str) -> int:
        """Size of an image that is here."""
        with translation("inspect the image"):
            return int(self._swarm.api.inspect_image(reference).get("Size", 0))

    def pull(self, reference: str) -> bool:
        """Have it from its registry; False when that cannot be done."""
        try:
            self._swarm.pull(reference)
        except Unreachable:
            return False
        return True

    def export(self, reference: str) -> Iterator[bytes]:
        """The image as one stream; a slow reader is waited for."""
        with translation("save the image"):
            yield from self._swarm.connect(None).get_image(reference)

    def load(self, chunks: Iterator[bytes]) -> None:
        """Take in such a stream."""
        with translation("load the image"):
            for event in self._swarm.connect(None).load_image(chunks):
                if said := failure_in(event):
                    raise OperationFailed(f"Docker refused to load the image: {said}")


def identity(found: Json) -> str:
    """From the Engine's description of an image: the same wherever the same content lies.

    Its `Id` is the digest of the configuration in Docker's own store, and of the manifest in containerd's,
    which Engines from 29 on begin with. Layers and what runs are told alike by both.
    """
    layers = (found.get("RootFS") or {}).get("Layers")
    if not layers:
        return str(found["Id"])
    config = found.get("Config") or {}
    told = [layers, *(config.get(name) or None for name in RUNS)]
    return f"sha256:{hashlib.sha256(json.dumps(told).encode()).hexdigest()}"
