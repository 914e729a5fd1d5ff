"""What `init` needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import InstancePaths

if TYPE_CHECKING:
    from instancectl.core.adoption import Adoption
    from instancectl.core.layout import Machine
    from instancectl.operations import init as initialise


def initialisation(options: Globals, directory: str) -> initialise.Surroundings:
    """Where `init` looks and writes: `directory`, else `--config`, else here."""
    from instancectl.adapters import config_file, instance_place, local_machine
    from instancectl.adapters.secret_file import SecretFile
    from instancectl.adapters.secret_generator import SystemSecretGenerator
    from instancectl.adapters.state_file import StateDirectory
    from instancectl.operations import init as initialise

    chosen = directory or options.config
    paths = InstancePaths(instance_place.location(chosen or "."))
    here = not chosen or paths.config_file == Path.cwd() / instance_place.NAME
    return initialise.Surroundings(
        config_store=config_file.ConfigFile(paths.config_file),
        secret_store=SecretFile(paths.secrets_file),
        generator=SystemSecretGenerator(),
        machine=local_machine.measure(),
        deployed=bool(StateDirectory(paths.state_directory).load().local_domain),
        option="" if here else f"--config {chosen}",
    )


def adoption(path: str) -> Adoption:
    """What an existing server's `.env.production` says.

    Raises:
        ConfigError: it cannot be read, or lacks a secret that its data depends on.
    """
    from instancectl.adapters import secret_file
    from instancectl.core.adoption import adopt

    return adopt(secret_file.foreign(Path(path).expanduser()))


def smtp_password(file: str) -> str:
    """The mail password from a file, else from INSTANCECTL_SMTP_PASSWORD; empty when there is none."""
    from instancectl.adapters import secret_file

    if file:
        return secret_file.password(Path(file).expanduser())
    return os.environ.get("INSTANCECTL_SMTP_PASSWORD", "")


def local_machine() -> Machine:
    """Memory and cores of this host."""
    from instancectl.adapters import local_machine as adapter

    return adapter.measure()
