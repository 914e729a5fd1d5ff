"""The `ImageStore` port on a real Docker Engine."""

from __future__ import annotations

from collections.abc import Iterator

from docker.errors import ImageNotFound

from instancectl.adapters.docker_engine.engine import DockerSwarm, translation
from instancectl.errors import OperationFailed, Unreachable


class DockerImages:
    """See `ports.image_store.ImageStore`."""

    def __init__(self, swarm: DockerSwarm) -> None:
        """Over the same connection; streams get one of their own."""
        self._swarm = swarm

    def image_id(self, reference: str) -> str:
        """What identifies the content; empty when the image is not here."""
        with translation("inspect the image"):
            try:
                return str(self._swarm.api.inspect_image(reference)["Id"])
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
                if "error" in event:
                    raise OperationFailed(f"Docker refused to load the image: {event['error']}")
