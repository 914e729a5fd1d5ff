"""One instance's files, and the adapters that are its own.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals

if TYPE_CHECKING:
    from instancectl.adapters.docker_engine import DockerSwarm
    from instancectl.core.config import InstanceConfig
    from instancectl.core.host.record import HostRecord
    from instancectl.core.secret_set import SecretSet
    from instancectl.ports.clock import Clock
    from instancectl.ports.journal import Journal
    from instancectl.ports.lock import Lock
    from instancectl.ports.reporter import Reporter
    from instancectl.ports.state import State


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
    from instancectl.adapters import config_file, instance_place

    path = instance_place.find(options.config, os.environ)
    return OpenInstance(InstancePaths(path), config_file.load(path))


def config_if_any(options: Globals) -> InstanceConfig | None:
    """The configuration, or None when nobody named an instance file and none is in the usual places."""
    from instancectl.adapters import config_file, instance_place
    from instancectl.errors import ConfigError

    try:
        path = instance_place.find(options.config, os.environ)
    except ConfigError:
        if options.config:
            raise
        return None
    return config_file.load(path)


def secrets(opened: OpenInstance) -> SecretSet:
    """The instance's secrets, complete and valid.

    Raises:
        ConfigError: one is missing or mangled; it is named.
    """
    from instancectl.adapters import secret_file

    found = secret_file.load(opened.paths.secrets_file)
    found.require(opened.config)
    return found


def stored_secrets(opened: OpenInstance) -> SecretSet:
    """The instance's secrets as they are, complete or not.

    Raises:
        ConfigError: the file cannot be read, or others could read it too.
    """
    from instancectl.adapters.secret_file import SecretFile

    return SecretFile(opened.paths.secrets_file).load()


def host_record() -> HostRecord | None:
    """What provisioning did to this host; None when nothing."""
    from instancectl.core.host import record

    try:
        return record.parse(Path(record.PATH).read_text(encoding="utf-8"))
    except OSError:
        return None


def own_mesh_address() -> str:
    """Of this host in the private network between hosts; empty when it has none."""
    found = host_record()
    return found.mesh.address if found else ""


def swarm() -> DockerSwarm:
    """The Docker Engine of this host."""
    from instancectl.adapters.docker_engine import DockerSwarm

    return DockerSwarm()


def clock() -> Clock:
    """The machine's clock."""
    from instancectl.adapters.system_clock import SystemClock

    return SystemClock()


def journal(opened: OpenInstance, command: str) -> Journal:
    """The instance's journal, writing as `command`."""
    from instancectl.adapters.journal_file import JournalFile

    return JournalFile(opened.paths.state_directory / "journal.jsonl", command)


def state(opened: OpenInstance) -> State:
    """The instance's state directory."""
    from instancectl.adapters.state_file import StateDirectory

    return StateDirectory(opened.paths.state_directory)


def lock(opened: OpenInstance) -> Lock:
    """The instance's lock."""
    from instancectl.adapters.file_lock import FileLock

    return FileLock(opened.paths.state_directory / "lock")


def reporter(options: Globals) -> Reporter:
    """Progress for the person."""
    from instancectl.adapters.terminal_reporter import TerminalReporter

    return TerminalReporter(quiet=options.quiet, color=options.color)


def write_debug_log(command: tuple[str, ...], error: Exception) -> str:
    """Write the traceback of a bug to a private file and return its path."""
    handle, path = tempfile.mkstemp(prefix="instancectl-debug-", suffix=".log")
    with os.fdopen(handle, "w") as file:
        file.write(f"command: {' '.join(command)}\n\n")
        file.writelines(traceback.format_exception(error))
    return path
