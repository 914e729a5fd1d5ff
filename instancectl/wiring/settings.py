"""What lets the agent take changed settings.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.alerting import alert_secrets
from instancectl.wiring.instance import OpenInstance, open_instance, stored_secrets

if TYPE_CHECKING:
    from instancectl.operations.monitoring.settings import Settings
    from instancectl.ports.reporter import Reporter


def watched_settings(options: Globals, opened: OpenInstance, reporter: Reporter) -> Settings:
    """The files of an agent that starts now."""
    from instancectl.adapters.own_process import fingerprint_of
    from instancectl.operations.monitoring.settings import Settings

    names = (opened.paths.config_file.name, opened.paths.secrets_file.name, "alerts.env")
    files = tuple(opened.paths.directory / name for name in names)

    def load() -> None:
        again = open_instance(options)
        stored_secrets(again)
        alert_secrets(again)

    return Settings(lambda: fingerprint_of(files), load, reporter)


def run_again() -> None:
    """This process, started anew with the same words; does not return."""
    from instancectl.adapters.own_process import start_anew

    start_anew()
