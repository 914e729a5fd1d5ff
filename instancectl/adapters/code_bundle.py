"""The code that runs here, packed so that it runs on a host: the same bytes for the same code.

The archive holds `instancectl/` with its assets inside it, and `requirements.lock`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from instancectl.errors import OperationFailed

_PACKAGE = Path(__file__).resolve().parent.parent
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


def build(package: Path = _PACKAGE) -> Bundle:
    """Pack the code of an installation, checkout or wheel; by default of this very one.

    Raises:
        OperationFailed: the installation is incomplete.
    """
    files = dict(sorted(_files(package)))
    lock = files[LOCK]
    return Bundle(_fingerprint(files), hashlib.sha256(lock).hexdigest()[:16], _archive(files))


def fingerprint() -> str:
    """The fingerprint alone: tells whether a host runs this very code."""
    return _fingerprint(dict(sorted(_files(_PACKAGE))))


def _files(package: Path) -> Iterator[tuple[str, bytes]]:
    for path in _below(package):
        name = path.relative_to(package).as_posix()
        if not name.startswith("_assets/"):
            yield f"instancectl/{name}", path.read_bytes()
    for kind in _ASSETS:
        folder = _asset(package, kind)
        for path in _below(folder):
            yield f"instancectl/_assets/{kind}/{path.relative_to(folder).as_posix()}", path.read_bytes()
    yield LOCK, _asset(package, LOCK).read_bytes()


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield path


def _asset(package: Path, name: str) -> Path:
    """Beside the package in a checkout, inside it in a wheel or on a host."""
    places = (package / "_assets" / name, package.parent / name)
    for place in places:
        if place.exists():
            return place
    raise OperationFailed(
        f"cannot pack the code for a host: neither `{places[0]}` nor `{places[1]}` exists",
        hint="reinstall instancectl; the installation is incomplete",
        subject=name,
    )


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
