"""What the commands of `backup` need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import OpenInstance, clock, journal, open_instance, reporter, state, swarm

if TYPE_CHECKING:
    from instancectl.core.backup.retention import Policy
    from instancectl.core.config import InstanceConfig
    from instancectl.core.config_backup import BackupDestination
    from instancectl.core.config_keys import Value
    from instancectl.core.monitoring.metric import Sample
    from instancectl.core.secret_set import SecretSet
    from instancectl.operations.backup.init import Setup
    from instancectl.operations.backup.place import Place
    from instancectl.operations.backup.subject import Subject, Tools
    from instancectl.ports.backup_figures import BackupFigures
    from instancectl.ports.container_streams import ContainerStreams
    from instancectl.ports.destination import Destination
    from instancectl.ports.media_source import MediaSource
    from instancectl.ports.private_file import PrivateFile
    from instancectl.ports.secret_store import SecretStore

REMOTE_MEDIA = "cache"
"""Mastodon's directory for copies of other servers' media (config/initializers/paperclip.rb)."""

COMPOSE_MEDIA = "public/system"
"""Where upstream's compose file mounts uploads from (docker-compose.yml)."""

COMPOSE_WRITERS = ("web", "streaming", "sidekiq")
"""As that file calls them; it starts them again with the host (`restart: always`)."""

CREATE = "backup create"
NICENESS = 10
COMPRESSION_THREADS = 2


def tools(options: Globals) -> Tools:
    """What every command of `backup` works with."""
    from instancectl.adapters.backup_crypto import BackupCrypto
    from instancectl.adapters.terminal_progress import TerminalProgress
    from instancectl.operations.backup.subject import Tools

    threads = min(COMPRESSION_THREADS, os.cpu_count() or 1)
    return Tools(BackupCrypto(threads), clock(), reporter(options), TerminalProgress(quiet=options.quiet))


def give_way() -> None:
    """Let the site have the processor first."""
    os.nice(NICENESS)


def place(options: Globals, command: str) -> Place:
    """The destinations of an instance.

    Raises:
        Refused: backups are not set up, or a set would be made where the instance was handed over.
    """
    from instancectl.adapters.file_lock import FileLock
    from instancectl.core.backup.keys import SIGNING_KEY
    from instancectl.errors import Refused
    from instancectl.operations.backup.place import Place
    from instancectl.operations.backup.repository import Repository
    from instancectl.wiring import moving

    opened = open_instance(options)
    if command == CREATE:
        moving.refuse_handed_over(opened, command)
    found = key_store(opened).load()
    signing = found.get(SIGNING_KEY)
    if not (signing and opened.config.backup.recipients and opened.config.backup.destinations):
        raise Refused("backups are not set up", hint="run `instancectl backup init`", subject="backup")
    sealing = tools(options).sealing
    public = sealing.public_of(signing)
    return Place(
        [Repository(one, sealing, public, signing) for one in destinations(opened.config, found)],
        FileLock(opened.paths.state_directory / "backup.lock"),
        journal(opened, command),
        figures(opened),
    )


def figures(opened: OpenInstance) -> BackupFigures:
    """What this host remembers of its backups."""
    from instancectl.adapters.backup_figures import FiguresFile

    return FiguresFile(opened.paths.state_directory / "backup.json")


def readings(opened: OpenInstance) -> Iterator[Sample]:
    """The metrics of backups; none where they are not set up."""
    from instancectl.core.backup.figures import samples
    from instancectl.wiring import sending

    if not opened.config.backup.recipients:
        return
    found = figures(opened).load()
    yield from samples(found, clock().epoch_seconds())
    yield from sending.readings(opened, found)


def key_store(opened: OpenInstance) -> SecretStore:
    """`backup.env` beside the instance file."""
    from instancectl.adapters.secret_file import SecretFile
    from instancectl.core.backup.keys import PURPOSES

    return SecretFile(opened.paths.directory / "backup.env", PURPOSES)


def destinations(config: InstanceConfig, found: SecretSet) -> list[Destination]:
    """In the order of preference."""
    return [_destination(config, name, one, found) for name, one in config.backup.destinations]


def _destination(
    config: InstanceConfig, section: str, wanted: BackupDestination, found: SecretSet
) -> Destination:
    from instancectl.adapters.destinations.directory import DirectoryDestination
    from instancectl.core.backup.keys import store_keys

    if wanted.kind == "directory":
        return DirectoryDestination(Path(wanted.path), config.instance.domain)
    from instancectl.adapters.destinations.bucket import BucketDestination

    key_id, key = (found.get(name) for name in store_keys(section))
    media = config.media.s3_bucket if config.media.storage == "s3" else ""
    return BucketDestination(wanted, config.instance.domain, key_id, key, media)


def policy(options: Globals) -> Policy:
    """How many sets stay."""
    from instancectl.core.backup.retention import Policy

    backup = open_instance(options).config.backup
    return Policy(backup.keep_daily, backup.keep_weekly, backup.keep_monthly, backup.point_in_time_days)


def subject(options: Globals, compose: str = "") -> Subject:
    """What is backed up; `compose` is the directory of an instance that Docker Compose runs."""
    from instancectl import __version__
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.adapters.media_index_file import MediaIndexFile
    from instancectl.operations.backup.subject import Subject

    opened = open_instance(options)
    config, engine = opened.config, swarm()
    streams = DockerStreams(engine)
    made = Subject(
        config=config,
        streams=streams,
        files=_files(opened),
        fingerprints=fingerprints(opened),
        media=None if compose else _media(config, streams),
        index=MediaIndexFile(opened.paths.state_directory / "backup-media.tsv"),
        images=state(opened).load().images,
        tool=__version__,
    )
    return _composed(made, Path(compose).expanduser().resolve()) if compose else made


def _composed(made: Subject, directory: Path) -> Subject:
    """The same settings and secrets, with the data of another server: what restoring it makes ours."""
    from instancectl.adapters import secret_file
    from instancectl.adapters.docker_engine.streams import ComposeStreams
    from instancectl.adapters.media_tree import MediaTree
    from instancectl.core.backup import database

    said = secret_file.foreign(directory / ".env.production")
    local = made.config.media.storage == "local"
    streams = ComposeStreams(swarm(), str(directory))
    return replace(
        made,
        streams=streams,
        rising=streams.rising(COMPOSE_WRITERS),
        media=MediaTree(directory / COMPOSE_MEDIA, _left_out(made.config)) if local else None,
        images={},
        commands=database.foreign(said.get("DB_USER") or "postgres", said.get("DB_NAME") or "postgres"),
    )


def _left_out(config: InstanceConfig) -> tuple[str, ...]:
    return () if config.backup.remote_media else (REMOTE_MEDIA,)


def _media(config: InstanceConfig, streams: ContainerStreams) -> MediaSource | None:
    if config.media.storage != "local":
        return None
    from instancectl.adapters.media_tree import MediaTree

    return MediaTree(Path(streams.volume_path(config.stack, "media")), _left_out(config))


def _files(opened: OpenInstance) -> Mapping[str, bytes]:
    """Everything beside the instance file that a new host would need, and the rendered stack."""
    directory, tls = opened.paths.directory, opened.config.tls
    named = [opened.paths.config_file.name, opened.paths.secrets_file.name, "backup.env", "alerts.env"]
    named += [name for name in (tls.certificate, tls.key, tls.acme_ca_root) if name]
    found = {}
    for name in named:
        path = directory / name
        if path.is_file():
            found[Path(name).name] = path.read_bytes()
    for path in opened.paths.state_directory.glob("*"):
        if path.suffix in {".yml", ".json"} and path.is_file():
            found[f"state/{path.name}"] = path.read_bytes()
    return found


def fingerprints(opened: OpenInstance) -> dict[str, str]:
    """Of the secrets that cannot be made again."""
    from instancectl.adapters.secret_file import SecretFile
    from instancectl.core.secret_set import CATALOGUE
    from instancectl.core.secrets import fingerprint

    found = SecretFile(opened.paths.secrets_file).load()
    lasting = [kind.name for kind in CATALOGUE if kind.generated and "Replaceable" not in kind.loss]
    return {name: fingerprint(found.reveal(name)) for name in lasting if found.get(name)}


def setup(options: Globals, wanted: Mapping[str, Value], bucket_keys: SecretSet, kit: str) -> Setup:
    """What `backup init` sets up; `wanted` are keys for the instance file."""
    from instancectl.adapters.config_file import ConfigFile, parse
    from instancectl.adapters.private_file import PrivateFile
    from instancectl.core.config_edit import with_values
    from instancectl.operations.backup.init import Setup

    opened = open_instance(options)
    path = opened.paths.config_file
    config = parse(with_values(path.read_text(encoding="utf-8"), wanted), str(path))
    found = key_store(opened).load().filled(bucket_keys.values)
    return Setup(
        config,
        destinations(config, found),
        _data_path(config),
        key_store(opened),
        PrivateFile(_kit(opened, kit)),
        ConfigFile(path).change,
        wanted,
        fingerprints(opened),
    )


def kit_of(options: Globals, kit: str) -> tuple[SecretStore, PrivateFile]:
    """`backup.env` and the kit, as long as that is on this host."""
    from instancectl.adapters.private_file import PrivateFile

    opened = open_instance(options)
    return key_store(opened), PrivateFile(_kit(opened, kit))


def _kit(opened: OpenInstance, kit: str) -> Path:
    return Path(kit or opened.paths.directory / f"backup-kit-{opened.config.instance.domain}.txt")


def bucket_key() -> tuple[str, str]:
    """The two halves of the bucket's key, from the environment; empty when it has none."""
    return (
        os.environ.get("INSTANCECTL_BACKUP_KEY_ID", ""),
        os.environ.get("INSTANCECTL_BACKUP_KEY", ""),
    )


def _data_path(config: InstanceConfig) -> str:
    """Where the database is on this host; Docker's directory as long as there is none."""
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.errors import OperationFailed

    engine = swarm()
    try:
        return DockerStreams(engine).volume_path(config.stack, "db")
    except OperationFailed:
        return engine.engine().root_directory
