"""Composition root: builds the adapters for one invocation.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals

if TYPE_CHECKING:
    from instancectl.adapters.docker_engine import DockerSwarm
    from instancectl.core.adoption import Adoption
    from instancectl.core.applied import Applied
    from instancectl.core.check import Finding
    from instancectl.core.checks.facts import Facts
    from instancectl.core.config import InstanceConfig
    from instancectl.core.layout import Layout, Machine
    from instancectl.core.observed import Observed
    from instancectl.core.rendering import TlsFiles
    from instancectl.core.secret_set import SecretSet
    from instancectl.core.topology import Rendered
    from instancectl.operations import check, destroy, status
    from instancectl.operations import init as initialise
    from instancectl.operations.deploy import Deployment
    from instancectl.ports.clock import Clock
    from instancectl.ports.journal import Journal
    from instancectl.ports.lock import Lock
    from instancectl.ports.object_store import ObjectStore
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


def secrets(opened: OpenInstance) -> SecretSet:
    """The instance's secrets, complete and valid.

    Raises:
        ConfigError: one is missing or mangled; it is named.
    """
    from instancectl.adapters import secret_file

    found = secret_file.load(opened.paths.secrets_file)
    found.require(opened.config)
    return found


def layout(config: InstanceConfig, observed: Observed) -> Layout:
    """Sizes for the Engine that was observed."""
    from instancectl.core.layout import Machine, derive

    return derive(config, Machine(observed.engine.memory_bytes, observed.engine.cores))


def render(opened: OpenInstance, found: SecretSet, sizes: Layout, maintenance: str | None) -> Rendered:
    """All files of the instance."""
    from instancectl.adapters import assets
    from instancectl.adapters.jinja_templates import JinjaTemplates
    from instancectl.core import rendering

    templates = JinjaTemplates(assets.assets_directory("templates"))
    tls = _tls_files(opened)
    return rendering.render(opened.config, found, sizes, templates.render, tls=tls, maintenance=maintenance)


def _tls_files(opened: OpenInstance) -> TlsFiles:
    from instancectl.adapters import pem_file
    from instancectl.core.rendering import TlsFiles
    from instancectl.core.secrets import Secret

    tls, base = opened.config.tls, opened.paths.directory
    return TlsFiles(
        certificate=pem_file.read(base, tls.certificate, "tls.certificate"),
        key=Secret(pem_file.read(base, tls.key, "tls.key")),
        acme_ca_root=pem_file.read(base, tls.acme_ca_root, "tls.acme_ca_root"),
    )


def deployment(options: Globals, command: str) -> Deployment:
    """Everything a deploy needs."""
    from instancectl.operations.deploy import Deployment, Surroundings

    opened = open_instance(options)
    found = secrets(opened)
    record = state(opened)
    around = Surroundings(
        swarm=swarm(),
        state=record,
        journal=journal(opened, command),
        lock=lock(opened),
        reporter=reporter(options),
        clock=clock(),
        gate=lambda observed, applied: _preflight(opened.config, found, applied, observed),
        probe=lambda: _seen_from_outside(opened.config, found, record.load()),
        layout=lambda observed: layout(opened.config, observed),
        render=lambda sizes, maintenance: render(opened, found, sizes, maintenance),
        write_stack=_write_stack,
    )
    return Deployment(opened.config, around)


def _preflight(
    config: InstanceConfig, found: SecretSet, applied: Applied, observed: Observed
) -> tuple[Finding, ...]:
    """The findings that decide whether a deploy may begin; a deploy with nothing to do never gets here."""
    from instancectl.operations import check

    return check.preflight(senses(config, found), subject(config, found, applied), observed)


def _seen_from_outside(config: InstanceConfig, found: SecretSet, applied: Applied) -> tuple[Finding, ...]:
    """The findings that a deploy is verified by."""
    from instancectl.operations import check

    return check.health(senses(config, found), subject(config, found, applied))


def health(options: Globals) -> status.Look:
    """Looks at everything that `status` shows."""
    from instancectl.core.checks import registry
    from instancectl.core.status import LOOKS
    from instancectl.operations.check import gather

    looking, about = checking(options)
    checks = registry.chosen(registry.HEALTH)

    def look() -> tuple[Facts, tuple[Finding, ...]]:
        facts = gather(looking, about, LOOKS | registry.looks(checks))
        return facts, registry.findings(registry.judge(checks, facts))

    return look


def _write_stack(tree: Mapping[str, object], header: str) -> str:
    from instancectl.adapters import yaml_writer

    return yaml_writer.dump(tree, header)


def destruction(options: Globals) -> tuple[OpenInstance, destroy.Surroundings]:
    """Everything a removal needs."""
    from instancectl.operations import destroy

    opened = open_instance(options)
    around = destroy.Surroundings(
        swarm=swarm(),
        state=state(opened),
        journal=journal(opened, "destroy"),
        lock=lock(opened),
        reporter=reporter(options),
        clock=clock(),
    )
    return opened, around


def run_in_one_shot(options: Globals, name: str, argv: tuple[str, ...]) -> int:
    """Run a command of the web image with the person's terminal; returns its exit code."""
    from instancectl.adapters.docker_engine import InteractiveContainers
    from instancectl.core import topology
    from instancectl.operations import tootctl

    opened = open_instance(options)
    config, engine, found = opened.config, swarm(), secrets(opened)
    sizes = layout(config, engine.observe(config.stack))
    rendered = render(opened, found, sizes, None)
    job = topology.one_shot(config, rendered, state(opened).load().images, name, argv)
    return tootctl.run(config.stack, job, engine, InteractiveContainers(engine), journal(opened, name))


def initialisation(options: Globals, directory: str) -> initialise.Surroundings:
    """Where `init` looks and writes: `directory`, else `--config`, else here."""
    from instancectl.adapters import config_file, local_machine
    from instancectl.adapters.secret_file import SecretFile
    from instancectl.adapters.secret_generator import SystemSecretGenerator
    from instancectl.adapters.state_file import StateDirectory
    from instancectl.operations import init as initialise

    chosen = directory or options.config
    paths = InstancePaths(config_file.location(chosen or "."))
    here = not chosen or paths.config_file == Path.cwd() / config_file.NAME
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


def checking(options: Globals) -> tuple[check.Senses, check.Subject]:
    """Everything a check needs; secrets that are wrong are something to tell, not a reason to stop."""
    from instancectl.adapters import secret_file
    from instancectl.core.check import Finding, Severity
    from instancectl.core.secret_set import SecretSet
    from instancectl.errors import ConfigError

    opened = open_instance(options)
    try:
        found = secret_file.load(opened.paths.secrets_file)
        problems = found.problems(opened.config)
    except ConfigError as error:
        found = SecretSet()
        problems = (Finding("secrets", Severity.FAIL, error.message, hint=error.hint),)
    return senses(opened.config, found), subject(opened.config, found, state(opened).load(), problems)


def senses(config: InstanceConfig, found: SecretSet) -> check.Senses:
    """What to look with; nothing is looked at yet."""
    from instancectl.adapters.daemon_threads import DaemonThreads
    from instancectl.adapters.dns_resolver import DnsResolver
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.adapters.smtp import SmtpServer
    from instancectl.adapters.time_source import KernelClock
    from instancectl.operations.check import Senses

    return Senses(
        containers=swarm(),
        host=PsutilHost(),
        dns=DnsResolver(),
        mail=SmtpServer(),
        http=SocketHttpProbe(),
        time=KernelClock(),
        together=DaemonThreads(),
        store=object_store(config, found) if config.media.storage == "s3" else None,
    )


def subject(
    config: InstanceConfig, found: SecretSet, applied: Applied, problems: tuple[Finding, ...] = ()
) -> check.Subject:
    """Whose instance is looked at."""
    from instancectl.operations.check import Subject

    return Subject(config, applied, problems, found.get("SMTP_PASSWORD"))


def object_store(config: InstanceConfig, found: SecretSet) -> ObjectStore:
    """The bucket that holds media."""
    from instancectl.adapters.s3 import S3Bucket

    media = config.media
    return S3Bucket(
        media.s3_bucket,
        media.s3_region,
        media.s3_endpoint,
        found.get("AWS_ACCESS_KEY_ID"),
        found.get("AWS_SECRET_ACCESS_KEY"),
        media.s3_permission,
        path_style=media.s3_path_style,
    )


def local_machine() -> Machine:
    """Memory and cores of this host."""
    from instancectl.adapters import local_machine as adapter

    return adapter.measure()


def stored_secrets(opened: OpenInstance) -> SecretSet:
    """The instance's secrets as they are, complete or not.

    Raises:
        ConfigError: the file cannot be read, or others could read it too.
    """
    from instancectl.adapters.secret_file import SecretFile

    return SecretFile(opened.paths.secrets_file).load()


def config_if_any(options: Globals) -> InstanceConfig | None:
    """The configuration, or None when nobody named an instance file and none is in the usual places."""
    from instancectl.adapters import config_file
    from instancectl.errors import ConfigError

    try:
        path = config_file.find(options.config, os.environ)
    except ConfigError:
        if options.config:
            raise
        return None
    return config_file.load(path)
