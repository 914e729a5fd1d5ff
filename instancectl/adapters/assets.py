"""Finds what lies beside the package: the only code that knows both places.

A wheel carries it inside the package as `_assets/`; a checkout and an
editable installation have it at the top level.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from instancectl.errors import OperationFailed

PACKAGE = Path(__file__).resolve().parent.parent
"""The code that runs."""


def asset(name: str, package: Path = PACKAGE) -> Path:
    """A file or folder that belongs to the code in `package`.

    Raises:
        OperationFailed: it is in neither place; the installation is incomplete.
    """
    places = (package / "_assets" / name, package.parent / name)
    for place in places:
        if place.exists():
            return place
    raise OperationFailed(
        f"cannot find `{name}`: neither `{places[0]}` nor `{places[1]}` exists",
        hint="reinstall instancectl; the installation is incomplete",
        subject=name,
    )


def assets_directory(kind: Literal["templates", "playbooks", "monitoring"]) -> Path:
    """The folder `kind`; raises like `asset`."""
    return asset(kind)
