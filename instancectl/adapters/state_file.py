"""The state directory: `applied.json`, the rendered stack and its config files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from instancectl.adapters import durably
from instancectl.core.applied import Applied
from instancectl.errors import ConfigError, OperationFailed


class StateDirectory:
    """See `ports.state.State`."""

    def __init__(self, directory: Path) -> None:
        """Created when first written to."""
        self._directory = directory

    @property
    def _record(self) -> Path:
        return self._directory / "applied.json"

    def load(self) -> Applied:
        """The record; an empty one before the first deploy."""
        try:
            return Applied.from_json(json.loads(self._record.read_text()))
        except FileNotFoundError:
            return Applied()
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"cannot read the state file `{self._record}`",
                hint=f"move it away (`mv {self._record}{{,.broken}}`), then run `instancectl plan`: "
                "deploy works out again what was done",
                subject=str(self._record),
            ) from error

    def save(self, applied: Applied) -> None:
        """Replace the record atomically."""
        self._write(self._record, json.dumps(applied.as_json(), indent=2, sort_keys=True) + "\n")

    def write_rendered(self, files: Mapping[str, str]) -> None:
        """Write rendered files; unchanged ones are left alone."""
        for name, content in files.items():
            path = self._directory / name
            if not path.exists() or path.read_text() != content:
                self._write(path, content)

    def _write(self, path: Path, content: str) -> None:
        try:
            durably.replace(path, content, 0o644)
        except OSError as error:
            raise OperationFailed(
                f"cannot write `{path}`",
                hint="is the disk full? try `df -h`; nothing was lost",
                subject=str(path),
            ) from error
