"""Composition root: builds the adapters for one invocation.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

from instancectl.core.config import InstanceConfig
from instancectl.core.invocation import Globals


@dataclass(frozen=True, slots=True)
class InstancePaths:
    """Where the files of one instance live: all in one directory."""

    config_file: Path

    @property
    def directory(self) -> Path:
        """The directory of everything."""
        return self.config_file.parent

    @property
    def secrets_file(self) -> Path:
        """Secrets, mode 0600."""
        return self.directory / "secrets.env"

    @property
    def state_directory(self) -> Path:
        """Lock, journal and what can be derived again."""
        return self.directory / "state"


@dataclass(frozen=True, slots=True)
class OpenInstance:
    """An instance file that was read and understood."""

    paths: InstancePaths
    config: InstanceConfig


def open_instance(options: Globals) -> OpenInstance:
    """Find and read the instance file.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    from instancectl.adapters import config_file

    path = config_file.find(options.config, os.environ)
    return OpenInstance(InstancePaths(path), config_file.load(path))


def write_debug_log(command: tuple[str, ...], error: Exception) -> str:
    """Write the traceback of a bug to a private file and return its path."""
    handle, path = tempfile.mkstemp(prefix="instancectl-debug-", suffix=".log")
    with os.fdopen(handle, "w") as file:
        file.write(f"command: {' '.join(command)}\n\n")
        file.writelines(traceback.format_exception(error))
    return path
