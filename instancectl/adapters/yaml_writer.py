"""Writes the stack file; the only importer of PyYAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Block style without anchors: the file is for people."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        """Never write anchors."""
        return True


def dump(tree: Mapping[str, Any], header: str = "") -> str:
    """YAML text in the given order of keys, below a comment."""
    return header + yaml.dump(dict(tree), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
