"""Images on hosts, and the manager's courier between them.

store = FakeImages({"web:1": b"content"})          # on this host
courier = FakeCourier({"10.86.0.2": FakeImages({})})
courier.hosts["10.86.0.2"].registry = {"web:1@sha256:a": b"content"}    # what that host can pull
courier.down.add("10.86.0.2")                      # does not answer
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from instancectl.errors import OperationFailed, Unreachable

CHUNK = 4


class FakeImages:
    """See `ports.image_store.ImageStore`."""

    def __init__(self, images: Mapping[str, bytes]) -> None:
        self.images = dict(images)
        self.registry: dict[str, bytes] = {}
        self.full = False

    def image_id(self, reference: str) -> str:
        content = self.images.get(reference)
        return f"sha256:{hashlib.sha256(content).hexdigest()}" if content is not None else ""

    def image_bytes(self, reference: str) -> int:
        return len(self.images[reference])

    def pull(self, reference: str) -> bool:
        if reference not in self.registry:
            return False
        self.images[reference] = self.images[reference.partition("@")[0]] = self.registry[reference]
        return True

    def export(self, reference: str) -> Iterator[bytes]:
        whole = f"{reference}\n".encode() + self.images[reference]
        yield from (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))

    def load(self, chunks: Iterator[bytes]) -> None:
        name, _, content = b"".join(chunks).partition(b"\n")
        if not name:
            raise OperationFailed("Docker refused to load the image: unexpected EOF")
        if not self.full:
            self.images[name.decode()] = content


class FakeCourier:
    """See `ports.image_courier.ImageCourier`. `left` lists hosts that were told to leave."""

    def __init__(self, hosts: Mapping[str, FakeImages]) -> None:
        self.hosts = dict(hosts)
        self.down: set[str] = set()
        self.left: list[str] = []
        self.on_leave: Callable[[str], None] = lambda _address: None

    def _host(self, address: str) -> FakeImages:
        if address in self.down or address not in self.hosts:
            raise Unreachable(f"cannot reach {address}")
        return self.hosts[address]

    def have(self, address: str, references: Sequence[str]) -> Mapping[str, str]:
        return {reference: self._host(address).image_id(reference) for reference in references}

    def pull(self, address: str, reference: str) -> bool:
        return self._host(address).pull(reference)

    def send(
        self, address: str, chunks: Iterator[bytes], tell: Callable[[int], None] = lambda _count: None
    ) -> None:
        whole = b"".join(chunks)
        tell(len(whole))
        self._host(address).load(iter((whole,)))

    def leave(self, address: str) -> None:
        self._host(address)
        self.left.append(address)
        self.on_leave(address)
