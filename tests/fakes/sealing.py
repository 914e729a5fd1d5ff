"""Sealing without cryptography: everything stays readable in a failing test, and nothing costs time.

sealing = FakeSealing()
identity, recipient = sealing.new_identity()
sealing.seal([b"plain"], [recipient], sink.extend)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed

SEALED, END = b"sealed for ", b"\nend"


class FakeSealing:
    """See `ports.sealing.Sealing`."""

    def __init__(self) -> None:
        self._count = 0

    def hasher(self):
        return hashlib.blake2s()

    def random_hex(self) -> str:
        self._count += 1
        return f"{self._count:08x}" + "0" * 24

    def compress(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        yield b"{"
        yield from chunks
        yield b"}"

    def decompress(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        content = b"".join(chunks)
        if not content.startswith(b"{"):
            raise OperationFailed("the stream is damaged")
        if not content.endswith(b"}"):
            raise OperationFailed("the stream is cut short")
        yield content[1:-1]

    def seal(
        self, chunks: Iterable[bytes], recipients: Sequence[str], write: Callable[[bytes], object]
    ) -> None:
        for recipient in recipients:
            if not self.is_recipient(recipient):
                raise OperationFailed(f"`{recipient}` is no public key")
        write(SEALED + ",".join(recipients).encode() + b"\n")
        for chunk in chunks:
            write(chunk)
        write(END)

    def open(self, chunks: Iterable[bytes], identity: Secret, write: Callable[[bytes], object]) -> None:
        head, _, content = b"".join(chunks).partition(b"\n")
        if not head.startswith(SEALED) or not content.endswith(END):
            raise OperationFailed("the stream is damaged")
        if self.recipient_of(identity) not in head.removeprefix(SEALED).decode().split(","):
            raise OperationFailed("the private key does not open this: it was sealed for another one")
        write(content[: -len(END)])

    def open_range(
        self, fetch: Callable[[int, int], bytes], size: int, identity: Secret, span: tuple[int, int]
    ) -> Iterator[bytes]:
        out = bytearray()
        self.open([fetch(0, size)], identity, out.extend)
        yield bytes(out[span[0] : span[0] + span[1]])

    def unpack(self, chunks: Iterable[bytes], identity: Secret, write: Callable[[bytes], object]) -> None:
        packed = bytearray()
        self.open(chunks, identity, packed.extend)
        for piece in self.decompress([bytes(packed)]):
            write(piece)

    def new_identity(self) -> tuple[Secret, str]:
        number = self.random_hex()[:8].upper()
        identity = Secret(f"AGE-SECRET-KEY-1{number}")
        return identity, self.recipient_of(identity)

    def is_recipient(self, text: str) -> bool:
        return text.startswith("age1")

    def recipient_of(self, identity: Secret) -> str:
        text = identity.reveal().strip()
        if not text.startswith("AGE-SECRET-KEY-1"):
            raise OperationFailed("this is no private key")
        return "age1" + text.removeprefix("AGE-SECRET-KEY-1").lower()

    def new_signing_key(self) -> tuple[Secret, str]:
        key = Secret(self.random_hex() * 2)
        return key, self.public_of(key)

    def sign(self, key: Secret, document: bytes) -> bytes:
        return self._signature(self.public_of(key), document)

    def signed(self, public: str, document: bytes, signature: bytes) -> bool:
        return signature == self._signature(public, document)

    def public_of(self, key: Secret) -> str:
        if len(key.reveal()) != 64:
            raise OperationFailed("the signing key is mangled")
        return f"-----BEGIN PUBLIC KEY-----\n{key.reveal()[:8]}\n-----END PUBLIC KEY-----\n"

    def _signature(self, public: str, document: bytes) -> bytes:
        return hashlib.blake2s(public.encode() + document).digest()
