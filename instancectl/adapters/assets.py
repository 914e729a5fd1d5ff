"""Finds the folders that lie beside the package: the only code that knows both places.

A wheel carries them inside the package as `_assets/`; a checkout and an
editable installation have them at the top level.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from instancectl.errors import OperationFailed

_PACKAGE = Path(__file__).resolve().parent.parent


def assets_directory(kind: Literal["templates", "playbooks", "monitoring"]) -> Path:
    """The folder `kind`.

    Raises:
        OperationFailed: it is in neither place; the installation is incomplete.
    """
    places = (_PACKAGE / "_assets" / kind, _PACKAGE.parent / kind)
    for place in places:
        if place.is_dir():
            return place
    raise OperationFailed(
        f"cannot find `{kind}`: neither `{places[0]}` nor `{places[1]}` exists",
        hint="reinstall instancectl; the installation is incomplete",
        subject=kind,
    )
