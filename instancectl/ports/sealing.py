"""Encryption to public keys, signatures, content hashes, compression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from instancectl.core.secrets import Secret


class Hasher(Protocol):
    """A running content hash (BLAKE3)."""

    def update(self, data: bytes, /) -> object:
        """Take more."""

    def hexdigest(self) -> str:
        """So far."""


class Sealing(Protocol):
    """What turns plain streams into what may leave the host, and back."""

    def hasher(self) -> Hasher:
        """A new content hash."""

    def random_hex(self) -> str:
        """32 hex digits nobody can guess."""

    def compress(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """One zstd frame."""

    def decompress(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Back; `OperationFailed` when it is damaged or cut short."""

    def seal(
        self, chunks: Iterable[bytes], recipients: Sequence[str], write: Callable[[bytes], object]
    ) -> None:
        """Encrypt to public keys (age); whatever `chunks` or `write` raises comes out as it is."""

    def open(self, chunks: Iterable[bytes], identity: Secret, write: Callable[[bytes], object]) -> None:
        """Decrypt; `OperationFailed` for a wrong key or a damaged stream."""

    def open_range(
        self, fetch: Callable[[int, int], bytes], size: int, identity: Secret, span: tuple[int, int]
    ) -> Iterator[bytes]:
        """Decrypt so many plain bytes (offset, length) of a stream of `size` bytes.

        `fetch` is given position and length. `OperationFailed` for a wrong key or a damaged piece; what is
        not fetched is not proven, so compare what comes with a hash that is.
        """

    def unpack(self, chunks: Iterable[bytes], identity: Secret, write: Callable[[bytes], object]) -> None:
        """Decrypt and decompress one zstd frame; `OperationFailed` as `open` and `decompress` do."""

    def new_identity(self) -> tuple[Secret, str]:
        """A new key pair: the private half, the public half."""

    def is_recipient(self, text: str) -> bool:
        """Whether it is a public key."""

    def recipient_of(self, identity: Secret) -> str:
        """The public half; `OperationFailed` when it is no private key."""

    def new_signing_key(self) -> tuple[Secret, str]:
        """A new signing key: the private half, the public half (PEM)."""

    def sign(self, key: Secret, document: bytes) -> bytes:
        """The signature (Ed25519, 64 bytes)."""

    def signed(self, public: str, document: bytes, signature: bytes) -> bool:
        """Whether the signature is of this document by this key."""

    def public_of(self, key: Secret) -> str:
        """The public half (PEM) of a signing key; `OperationFailed` when it is none."""
