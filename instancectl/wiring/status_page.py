"""What the status page needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.dashboard import ledger
from instancectl.wiring.instance import OpenInstance, clock, journal, open_instance

if TYPE_CHECKING:
    from instancectl.operations.monitoring.agent import Server
    from instancectl.operations.monitoring.publish import Desk
    from instancectl.ports.journal import Journal
    from instancectl.ports.page_place import PagePlace
    from instancectl.ports.reporter import Reporter

KINDS = {".css": "text/css", ".js": "text/javascript"}
KEYS = {
    "AWS_ACCESS_KEY_ID": "key of the bucket that holds the status page",
    "AWS_SECRET_ACCESS_KEY": "secret half of that key",
}


def page_desk(options: Globals, directory: str = "") -> tuple[Desk, tuple[PagePlace, ...]]:
    """The desk it is written at, and where it goes: to `directory`, or where `[status_page]` says."""
    from instancectl.adapters.page_directory import PageDirectory

    opened = open_instance(options)
    if directory:
        return desk(opened), (PageDirectory(Path(directory).expanduser()),)
    return desk(opened), places(opened)


def page_journal(options: Globals) -> Journal:
    """Records who said what."""
    return journal(open_instance(options), "status-page")


def desk(opened: OpenInstance) -> Desk:
    """What the page is made of."""
    from instancectl.adapters.assets import assets_directory
    from instancectl.adapters.page_directory import AnnouncementFile
    from instancectl.core.monitoring.status_page_files import PageFile
    from instancectl.operations.monitoring.publish import Desk

    folder = assets_directory("monitoring") / "status-page"
    static = tuple(
        PageFile(path.name, KINDS[path.suffix], path.read_bytes())
        for path in sorted(folder.iterdir())
        if path.suffix in KINDS
    )
    book = AnnouncementFile(opened.paths.state_directory / "status-page.json")
    return Desk(opened.config, ledger(opened), book, clock(), static)


def places(opened: OpenInstance) -> tuple[PagePlace, ...]:
    """Where `[status_page]` publishes to."""
    from instancectl.adapters.page_directory import PageDirectory

    settings = opened.config.status_page
    found: list[PagePlace] = []
    if settings.directory:
        found.append(PageDirectory(Path(settings.directory)))
    if settings.bucket:
        found.append(_bucket(opened))
    return tuple(found)


def publishing(opened: OpenInstance, reporter: Reporter) -> tuple[Server, ...]:
    """What publishes the page while the agent runs; nothing where no place is set."""
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.errors import InstanceError
    from instancectl.operations.monitoring.publish import Publisher

    if not opened.config.status_page.published:
        return ()
    try:
        return (Publisher(desk(opened), places(opened), reporter, in_background),)
    except InstanceError as error:  # probing matters more than being read about
        reporter.note(f"the status page is not published: {error.message}")
        return ()


def _bucket(opened: OpenInstance) -> PagePlace:
    from instancectl.adapters.s3 import S3Bucket
    from instancectl.adapters.secret_file import SecretFile
    from instancectl.errors import ConfigError
    from instancectl.operations.monitoring.publish import Bucket

    settings = opened.config.status_page
    path = opened.paths.directory / "status-page.env"
    keys = SecretFile(path, KEYS).load()
    absent = [name for name in KEYS if not keys.get(name)]
    if absent:
        raise ConfigError(
            f"the bucket of the status page needs {' and '.join(absent)} in `{path}`",
            hint=f"`install -m 600 /dev/null {path}`, then write lines `NAME=value` into it",
            subject=str(path),
        )
    key_id, key = (keys.get(name) for name in KEYS)
    store = S3Bucket(
        settings.bucket, settings.region, settings.endpoint, key_id, key, settings.permission,
        path_style=settings.path_style and bool(settings.endpoint),
    )  # fmt: skip
    return Bucket(f"s3://{settings.bucket}/{settings.prefix}", store, settings.prefix)
