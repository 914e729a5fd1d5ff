"""The documents of a destination: sets, proofs and lists of marked objects, each checked when it is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instancectl.core.backup import garbage, model, naming, verdict, wal
from instancectl.core.backup.garbage import Listed, Marked
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.verdict import Proof, Verdict
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed
from instancectl.ports.destination import Destination
from instancectl.ports.sealing import Sealing

DOCUMENT_LIMIT = 64 * 1024 * 1024
"""A larger document is none of ours: reading on would fill the memory."""


@dataclass(frozen=True, slots=True)
class KnownSet:
    """One set file as it was found.

    Attributes:
        set: None when it could not be read or its signature is not ours; `trouble` says why.
        blake3: of its document.
    """

    id: str
    set: BackupSet | None
    blake3: str = ""
    trouble: str = ""
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True, slots=True)
class Contents:
    """One look at a whole destination; `sets` newest first."""

    listed: Mapping[str, Listed]
    sets: tuple[KnownSet, ...]
    marked: tuple[Marked, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """Key → bytes."""
        return {key: one.size for key, one in self.listed.items()}

    @property
    def newest(self) -> KnownSet | None:
        """The newest set that could be read."""
        return next((one for one in self.sets if one.set), None)

    def named(self, set_id: str) -> KnownSet:
        """The set of that id, or the newest for `latest`.

        Raises:
            OperationFailed: there is none.
        """
        if set_id == "latest" and self.newest:
            return self.newest
        for one in self.sets:
            if one.id == set_id:
                return one
        raise OperationFailed(
            f"there is no set `{set_id}`",
            hint="`instancectl backup list` shows what there is",
            subject=set_id,
        )


class Repository:
    """One destination as a place of signed documents."""

    def __init__(
        self, destination: Destination, sealing: Sealing, public: str, key: Secret | None = None
    ) -> None:
        """`public` proves documents, `key` signs new ones."""
        self.destination, self._sealing, self._public, self._key = destination, sealing, public, key

    @property
    def signs(self) -> bool:
        """Whether it may write documents: only the instance's own host has the key."""
        return self._key is not None

    def look(self) -> Contents:
        """List everything and read every document."""
        listed = {one.key: one for one in self.destination.listed()}
        proofs = self._proofs(listed)
        ids = sorted((_id(key) for key in listed if _is_set(key)), reverse=True)
        sets = [self._known(id_, proofs[id_]) for id_ in ids]
        sets.sort(key=lambda one: (one.set.created if one.set else 0, one.id), reverse=True)
        marked = [
            Marked(key, one.modified, self._trash(key))
            for key, one in listed.items()
            if key.startswith(naming.TRASH)
        ]
        return Contents(listed, tuple(sets), tuple(marked))

    def read_set(self, set_id: str) -> tuple[BackupSet, str]:
        """One set and the hash of its document.

        Raises:
            OperationFailed: its signature is not ours, or it is another set.
        """
        raw = self.genuine(naming.set_key(set_id))
        return model.decode(raw, set_id), self.digest(raw)

    def write_set(self, set_: BackupSet) -> str:
        """Commit a set: signature first, the document last; returns the hash of the document."""
        raw = model.encode(set_)
        self.publish(naming.set_key(set_.id), raw)
        return self.digest(raw)

    def write_proof(self, proof: Proof) -> None:
        """Store a judgement beside its set."""
        key = naming.proof_key(proof.set, proof.at, self._sealing.random_hex())
        self.publish(key, verdict.encode(proof))

    def write_trash(self, keys: Sequence[str], now: float) -> None:
        """Mark objects for the next collection."""
        self.store(naming.trash_key(now, self._sealing.random_hex()), garbage.encode_trash(keys))

    def store(self, key: str, raw: bytes) -> None:
        """A small object, whole."""
        with self.destination.create(key) as sink:
            sink.write(raw)

    def vouch(self, key: str, blake3: str) -> None:
        """Sign one object that no set names; until then it is as if it were not there."""
        if self._key is None:
            raise OperationFailed("cannot sign: the signing key is on the instance's host only")
        self.store(naming.signature_key(key), self._sealing.sign(self._key, wal.signed_text(key, blake3)))

    def vouches(self, key: str, blake3: str) -> bool:
        """Whether an object with that hash was signed by this instance, under that name."""
        signature = self.raw(naming.signature_key(key))
        return self._sealing.signed(self._public, wal.signed_text(key, blake3), signature)

    def digest(self, raw: bytes) -> str:
        """Content hash of a document."""
        hasher = self._sealing.hasher()
        hasher.update(raw)
        return hasher.hexdigest()

    def publish(self, key: str, raw: bytes) -> None:
        """A document: its signature first."""
        if self._key is None:
            raise OperationFailed("cannot sign: the signing key is on the instance's host only")
        self.store(naming.signature_key(key), self._sealing.sign(self._key, raw))
        self.store(key, raw)

    def _known(self, id_: str, proofs: Sequence[Proof]) -> KnownSet:
        try:
            set_, digest = self.read_set(id_)
        except OperationFailed as error:
            return KnownSet(id_, None, trouble=error.message)
        return KnownSet(id_, set_, digest, verdict=verdict.verdict(id_, digest, proofs))

    def _proofs(self, listed: Mapping[str, Listed]) -> Mapping[str, list[Proof]]:
        found = defaultdict[str, list[Proof]](list)
        for key in listed:
            if key.startswith(naming.PROOFS) and key.endswith(naming.SET_SUFFIX):
                try:
                    proof = verdict.decode(self.genuine(key))
                except OperationFailed:
                    continue  # what proves nothing is as if it were not there
                found[proof.set].append(proof)
        return found

    def _trash(self, key: str) -> frozenset[str]:
        raw = self.raw(key)
        try:
            return garbage.decode_trash(raw)
        except OperationFailed:
            return frozenset()  # what is damaged removes nothing, and stops nobody's backup

    def genuine(self, key: str) -> bytes:
        """A document.

        Raises:
            OperationFailed: its signature is not ours.
        """
        raw, signature = self.raw(key), self.raw(naming.signature_key(key))
        if not self._sealing.signed(self._public, raw, signature):
            raise OperationFailed(f"`{key}` is not signed by this instance: forged, damaged, or another's")
        return raw

    def raw(self, key: str) -> bytes:
        """A small object, whole, whoever wrote it."""
        raw = bytearray()
        for piece in self.destination.read(key):
            raw += piece
            if len(raw) > DOCUMENT_LIMIT:
                raise OperationFailed(f"`{key}` is too large to be one of ours")
        return bytes(raw)


def _is_set(key: str) -> bool:
    return key.startswith(naming.SETS) and key.endswith(naming.SET_SUFFIX) and naming.is_set_id(_id(key))


def _id(key: str) -> str:
    return key.removeprefix(naming.SETS).removesuffix(naming.SET_SUFFIX)
