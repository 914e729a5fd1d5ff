"""The code that runs here, packed so that it runs on a host: the same bytes for the same code.

The archive holds `instancectl/` with its assets inside it, and `requirements.lock`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_ASSETS = ("templates", "playbooks", "monitoring")
LOCK = "requirements.lock"
_TIME = 315532800
"""1980-01-01: the oldest time every archive format can tell."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Code for a host.

    Attributes:
        fingerprint: of everything in it: names the release.
        lock_fingerprint: of `requirements.lock`: names the environment its dependencies live in.
        content: the archive, tar and gzip.
    """

    fingerprint: str
    lock_fingerprint: str
    content: bytes


Find = Callable[[str, Path], Path]
"""(name, package) → where that asset of the package is; raises `OperationFailed` when it is nowhere."""


def build(package: Path, find: Find) -> Bundle:
    """Pack the code of an installation, checkout or wheel.

    Raises:
        OperationFailed: the installation is incomplete.
    """
    files = _files(package, find)
    lock = files[LOCK]
    return Bundle(_fingerprint(files), hashlib.sha256(lock).hexdigest()[:16], _archive(files))


def fingerprint(package: Path, find: Find) -> str:
    """The fingerprint alone: tells whether a host runs this very code."""
    return _fingerprint(_files(package, find))


def _files(package: Path, find: Find) -> dict[str, bytes]:
    """Name in the archive → content, sorted."""
    found = {f"instancectl/{name}": path for name, path in _below(package) if not name.startswith("_assets/")}
    for kind in _ASSETS:
        below = _below(find(kind, package))
        found |= {f"instancectl/_assets/{kind}/{name}": path for name, path in below}
    found[LOCK] = find(LOCK, package)
    return {name: found[name].read_bytes() for name in sorted(found)}


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield name.as_posix(), path


def _fingerprint(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    # gzip writes the time of packing into its head unless it is given one.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=_TIME) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), _TIME, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
