"""What `restore`, `backup drill` and `backup get` need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring import backing_up
from instancectl.wiring.instance import InstancePaths, open_instance, swarm

if TYPE_CHECKING:
    from instancectl.core.backup.index import Found
    from instancectl.core.config import InstanceConfig
    from instancectl.core.secret_set import SecretSet
    from instancectl.core.secrets import Secret
    from instancectl.operations.backup.drill import Grounds
    from instancectl.operations.backup.get import Getting
    from instancectl.operations.backup.ground import Ground, Here, Stage
    from instancectl.operations.backup.opening import Opener
    from instancectl.operations.backup.repository import Repository
    from instancectl.operations.backup.rolling import Rolling
    from instancectl.operations.backup.subject import Tools
    from instancectl.ports.container_streams import ContainerStreams
    from instancectl.ports.destination import Destination
    from instancectl.ports.media_target import MediaTarget
    from instancectl.ports.volume_files import VolumeFiles

BUCKET = "s3://"
FOLLOWING = "following"
"""Purpose of the containers of a copy that follows."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where sets are, as typed; `place` is empty for what the instance file says.

    Attributes:
        place: a directory, or `s3://BUCKET`.
        endpoint: address of the bucket's store; empty for AWS itself.
        kit: file with the emergency kit; empty for the key that this host keeps.
    """

    place: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    kit: str = ""


@dataclass(frozen=True, slots=True)
class Sets:
    """Sets that can be opened."""

    repository: Repository
    opener: Opener
    tools: Tools
    instance: str

    @property
    def stack(self) -> str:
        """What a stack of the instance is called where nothing says otherwise."""
        return stack_of(self.instance)


def stack_of(domain: str) -> str:
    """What a stack is called where nothing says otherwise."""
    return domain.replace(".", "-")


def sets(options: Globals, source: Source) -> Sets:
    """The sets, and the key that opens them.

    Raises:
        Refused: there is no key here, and no kit was given.
        InstanceError: the kit cannot be read, or no destination answers.
    """
    from instancectl.operations.backup.opening import Opener
    from instancectl.operations.backup.repository import Repository

    tools = backing_up.tools(options)
    identity, public, instance = _keys(options, source, tools)
    signing = _signing(options)
    found = _destinations(options, source, instance)
    repositories = [Repository(one, tools.sealing, public, signing) for one in found]
    # The last one is taken unasked: what is wrong with it is then said by whoever reads it.
    chosen = next(filter(_answers, repositories[:-1]), repositories[-1])
    opener = Opener(chosen.destination, tools.sealing, identity, tools.progress)
    return Sets(chosen, opener, tools, instance)


def _answers(repository: Repository) -> bool:
    from instancectl.core.backup import naming
    from instancectl.errors import InstanceError

    try:
        return any(True for _ in repository.destination.listed(naming.SETS))
    except InstanceError:
        return False


def _keys(options: Globals, source: Source, tools: Tools) -> tuple[Secret, str, str]:
    """The private key, the public signing key, and the instance they belong to."""
    from instancectl.adapters import plain_file
    from instancectl.core.backup import kit
    from instancectl.core.backup.keys import IDENTITY, SIGNING_KEY
    from instancectl.errors import Refused

    if source.kit:
        page = plain_file.read(source.kit, "the emergency kit")
        identity, public, _ = kit.opens(page)
        return identity, public, kit.instance_of(page)
    opened = open_instance(options)
    found = backing_up.key_store(opened).load()
    kept, signing = found.get(IDENTITY), found.get(SIGNING_KEY)
    if not (kept and signing):
        raise Refused(
            "the private key is not on this host: nobody can open a backup set here",
            hint="name the emergency kit: `--kit FILE`",
            subject="kit",
        )
    return kept, tools.sealing.public_of(signing), opened.config.instance.domain


def _signing(options: Globals) -> Secret | None:
    """What signs judgements, where this host is the one that makes the sets."""
    from instancectl.core.backup.keys import SIGNING_KEY
    from instancectl.errors import ConfigError

    try:
        found = backing_up.key_store(open_instance(options)).load().get(SIGNING_KEY)
    except ConfigError:
        return None
    return found or None


def _destinations(options: Globals, source: Source, instance: str) -> list[Destination]:
    from instancectl.adapters.destinations.directory import DirectoryDestination
    from instancectl.errors import Refused

    if not source.place:
        opened = open_instance(options)
        found = backing_up.destinations(opened.config, backing_up.key_store(opened).load())
        if not found:
            raise Refused(
                "there is no backup destination in the instance file",
                hint="name where the sets are: `--from s3://BUCKET` or `--from DIRECTORY`",
                subject="backup",
            )
        return found
    if not source.place.startswith(BUCKET):
        path = Path(source.place).expanduser().absolute()
        return [DirectoryDestination(path.parent if path.name == instance else path, instance)]
    return [_bucket(source, instance)]


def _bucket(source: Source, instance: str) -> Destination:
    from instancectl.adapters.destinations.bucket import BucketDestination
    from instancectl.core.config_backup import BackupDestination
    from instancectl.core.secrets import Secret
    from instancectl.errors import Refused

    name = source.place.removeprefix(BUCKET).partition("/")[0]
    key_id, key = backing_up.bucket_key()
    if not (key_id and key):
        raise Refused(
            f"cannot read bucket `{name}` without its key",
            hint="`export INSTANCECTL_BACKUP_KEY_ID=… INSTANCECTL_BACKUP_KEY=…`",
            subject=name,
        )
    wanted = BackupDestination(kind="s3", bucket=name, endpoint=source.endpoint, region=source.region)
    return BucketDestination(wanted, instance, Secret(key_id), Secret(key))


def kept(options: Globals, accepted: tuple[str, ...] = (), command: str = "restore") -> Here:
    """The host, which may have no instance yet; `command` is who works on it."""
    from instancectl.adapters.backup_figures import FiguresFile
    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.journal_file import JournalFile
    from instancectl.adapters.restore_files import RecordFile
    from instancectl.adapters.restoring.restore_desk import DeskDirectory
    from instancectl.adapters.state_file import StateDirectory
    from instancectl.operations.backup.ground import Here

    paths = _paths(options)
    state = paths.state_directory
    return Here(
        state=StateDirectory(state),
        record=RecordFile(state / "restore.json"),
        desk=DeskDirectory(state / "restore"),
        swarm=swarm(),
        lock=FileLock(state / "backup.lock"),
        journal=JournalFile(state / "journal.jsonl", command),
        figures=FiguresFile(state / "backup.json"),
        tools=backing_up.tools(options),
        stage=lambda: _stage(replace(options, config=str(paths.config_file)), accepted, command),
    )


def ground(options: Globals, source: Source, accepted: tuple[str, ...] = ()) -> Ground:
    """Everything that a restore works on."""
    from instancectl.adapters import config_file
    from instancectl.adapters.restore_files import HandoverFile, InstanceDirectory
    from instancectl.operations.backup.ground import Ground

    here, found = kept(options, accepted), sets(options, source)
    return Ground(
        **{field.name: getattr(here, field.name) for field in fields(here)},
        repository=found.repository,
        opener=found.opener,
        files=InstanceDirectory(_paths(options).directory),
        understood=lambda text: config_file.parse(text, "the instance file of the set"),
        free_bytes=_free_bytes,
        rolling=_rolling(found, "moment"),
        following=_rolling(found, FOLLOWING),
        handed=HandoverFile(_paths(options).state_directory / "handover.json"),
    )


def _rolling(found: Sets, purpose: str) -> Rolling:
    from instancectl.adapters import config_file
    from instancectl.adapters.docker_engine.scratch import DockerScratch
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.operations.backup.rolling import Rolling

    engine = swarm()
    scratch, streams = DockerScratch(engine, found.stack, purpose), DockerStreams(engine)
    return Rolling(
        repository=found.repository,
        opener=found.opener,
        scratch=scratch,
        volumes=_volumes(streams, scratch.stack),
        streams=streams,
        swarm=engine,
        tools=found.tools,
        machine=platform.machine(),
        understood=lambda text: config_file.parse(text, "the instance file of the set"),
    )


def drill(options: Globals, source: Source) -> Grounds:
    """What a drill works with: containers of its own, and this host's images."""
    from instancectl.adapters import config_file
    from instancectl.adapters.backup_figures import FiguresFile
    from instancectl.adapters.docker_engine.scratch import DockerScratch
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.journal_file import JournalFile
    from instancectl.adapters.restoring.restore_desk import DeskDirectory
    from instancectl.operations.backup.database_back import DatabaseBack
    from instancectl.operations.backup.drill import Grounds

    found, engine, state = sets(options, source), swarm(), _paths(options).state_directory
    scratch, streams = DockerScratch(engine, found.stack), DockerStreams(engine)
    return Grounds(
        repository=found.repository,
        opener=found.opener,
        desk=DeskDirectory(state / "drill"),
        scratch=scratch,
        streams=streams,
        database=DatabaseBack(streams, _volumes(streams, scratch.stack), scratch.stack),
        swarm=engine,
        lock=FileLock(state / "backup.lock"),
        journal=JournalFile(state / "journal.jsonl", "backup drill"),
        figures=FiguresFile(state / "backup.json"),
        tools=found.tools,
        understood=lambda text: config_file.parse(text, "the instance file of the set"),
        dotenv=_dotenv,
    )


def _dotenv(config: InstanceConfig, secrets: SecretSet) -> Secret:
    from instancectl.adapters import local_machine
    from instancectl.core import mastodon_env
    from instancectl.core.layout import derive
    from instancectl.core.secrets import Secret

    return Secret(mastodon_env.dotenv(config, secrets, derive(config, local_machine.measure())))


def _paths(options: Globals) -> InstancePaths:
    """Of the instance that is here, else of the one that will be."""
    from instancectl.adapters import instance_place
    from instancectl.errors import ConfigError

    if options.config:
        return InstancePaths(instance_place.location(options.config))
    try:
        return open_instance(options).paths
    except ConfigError:
        system_wide = instance_place.SYSTEM_WIDE
        return InstancePaths((system_wide if system_wide.is_dir() else Path.cwd()) / instance_place.NAME)


def _free_bytes() -> int | None:
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.errors import Unreachable

    try:
        return PsutilHost().disk(swarm().engine().root_directory).free_bytes
    except Unreachable:
        return None


def _stage(options: Globals, accepted: tuple[str, ...], command: str) -> Stage:
    from instancectl.adapters.docker_engine.scratch import DockerScratch
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.core.backup.aside import RESTORED
    from instancectl.core.checks.registry import RISKS
    from instancectl.operations.backup.database_back import DatabaseBack
    from instancectl.operations.backup.ground import Stage
    from instancectl.wiring.alerting import silences_of
    from instancectl.wiring.deploying import deployment

    opened = open_instance(options)
    stack, streams = opened.config.stack, DockerStreams(swarm())
    volumes = _volumes(streams, stack)
    local = opened.config.media.storage == "local"
    return Stage(
        config=opened.config,
        deployer=deployment(options, command, tuple(one for one in accepted if one in RISKS)),
        database=DatabaseBack(streams, volumes, stack),
        volumes=volumes,
        media=_media(lambda: Path(streams.volume_path(stack, "media")) / RESTORED) if local else None,
        fingerprints=backing_up.fingerprints(opened),
        follower=DockerScratch(swarm(), stack_of(opened.config.instance.domain), FOLLOWING),
        silenced=silences_of(opened, options, command).planned,
    )


def _volumes(streams: ContainerStreams, stack: str) -> VolumeFiles:
    from instancectl.adapters.restoring.volume_files import VolumeDirectory

    return VolumeDirectory(lambda volume: streams.volume_path(stack, volume))


def _media(root: Callable[[], Path], *, ours: bool = False) -> MediaTarget:
    from instancectl.adapters.media_tree import MediaTree
    from instancectl.adapters.restoring.media_target import OWNER, MediaDirectory

    def walk(root: Path) -> Iterator[Found]:
        return MediaTree(root, ()).walk()

    return MediaDirectory(root, walk, None if ours else OWNER)


def getting(options: Globals, source: Source, to: str) -> Getting:
    """What `backup get` works with; `to` is where files go."""
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.adapters.private_file import PrivateFile
    from instancectl.adapters.restoring.restore_desk import DeskDirectory
    from instancectl.operations.backup.get import Getting

    found, streams = sets(options, source), DockerStreams(swarm())
    target = Path(to).expanduser().absolute()
    return Getting(
        repository=found.repository,
        opener=found.opener,
        desk=DeskDirectory(target.with_name(f".{target.name}.index")),
        target=_media(lambda: target, ours=True),
        file=PrivateFile(target),
        streams=streams,
        volumes=_volumes(streams, found.stack),
        stack=found.stack,
    )
