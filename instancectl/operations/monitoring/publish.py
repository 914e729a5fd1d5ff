"""The status page: written from the ledger, once or every minute, and what admins say on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.overview import moment
from instancectl.core.monitoring.status_page import Announcement, Past, StatusPage, status_page
from instancectl.core.monitoring.status_page_files import PageFile, as_json, files
from instancectl.core.monitoring.surfaces import slis_of
from instancectl.core.result import Result, Status
from instancectl.core.scaling import moments
from instancectl.errors import InstanceError, Refused
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.object_store import ObjectStore
from instancectl.ports.page_place import AnnouncementBook, PagePlace
from instancectl.ports.reporter import Reporter
from instancectl.ports.uptime_ledger import UptimeLedger

SPELLS = 400
KEPT_SECONDS = 100 * 86400.0
"""What was said longer ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page is made of.

    Attributes:
        static: style and script.
    """

    config: InstanceConfig
    ledger: UptimeLedger
    book: AnnouncementBook
    clock: Clock
    static: tuple[PageFile, ...]

    def page(self) -> StatusPage:
        """As of now.

        Raises:
            OperationFailed: the ledger cannot be used.
        """
        objectives = self.config.monitoring.objectives.shares
        past = {
            sli: Past(self.ledger.days(sli), self.ledger.spells(sli, SPELLS), objectives[sli])
            for sli in slis_of(self.config)
        }
        settings = self.config.status_page
        return status_page(
            self.config.instance.domain, settings.url, self.clock.epoch_seconds(), settings.every_seconds,
            past, self.book.load(),
        )  # fmt: skip

    def files(self) -> tuple[PageFile, ...]:
        """All of its files, the index last."""
        return (*self.static, *files(self.page()))


def write(desk: Desk, places: Iterable[PagePlace]) -> Result:
    """Write the page once.

    Raises:
        OperationFailed: it cannot be written.
        Refused: there is no place.
    """
    page = desk.page()
    names = []
    for place in places:
        place.publish((*desk.static, *files(page)))
        names.append(place.name)
    if not names:
        raise Refused(
            "no place is named for the status page",
            hint="`instancectl status-page write DIRECTORY`, or set `status_page.directory`",
        )
    lines = tuple(f"written to `{name}`: {page.sentence}" for name in names)
    return Result(Status.CHANGED, {"places": names, "page": as_json(page)}, lines)


def show(desk: Desk) -> Result:
    """What the page says now, and what admins said on it."""
    page = desk.page()
    lines = [page.sentence]
    lines += [f"{one.id}  {moment(one.at)} – {moment(one.until)}  {one.text}" for one in page.planned]
    for one in page.incidents:
        ended = moment(one.ended_at) if one.ended_at else "now"
        lines.append(f"{moment(one.began_at)} – {ended}  {', '.join(one.surfaces)}")
        lines += [f"{note.id}  {note.text}" for note in one.notes]
    return Result(Status.OK, as_json(page), tuple(lines))


# ---- what admins say


def announce(desk: Desk, journal: Journal, text: str, starts: str, lasts: str) -> Result:
    """Plan maintenance, for all to see.

    Raises:
        ConfigError: `starts` or `lasts` is no time.
    """
    now = desk.clock.epoch_seconds()
    begin = moments.until(starts, datetime.fromtimestamp(now).astimezone()).timestamp() if starts else now
    one = Announcement(_id(desk, "m"), text, begin, begin + moments.span(lasts), written_at=now)
    _add(desk, journal, one)
    return _said(one, f"announced: {moment(one.at)} – {moment(one.until)}")


def note(desk: Desk, journal: Journal, text: str) -> Result:
    """Say something about the newest incident.

    Raises:
        Refused: there was none in 90 days.
    """
    found = desk.page().incidents
    if not found:
        raise Refused("there was no incident in 90 days to say something about",
                      hint="maintenance is announced with `instancectl status-page announce`")  # fmt: skip
    now = desk.clock.epoch_seconds()
    one = Announcement(_id(desk, "n"), text, now, incident=found[0].began_at, written_at=now)
    _add(desk, journal, one)
    return _said(one, f"noted for the incident of {moment(found[0].began_at)}")


def withdraw(desk: Desk, journal: Journal, name: str) -> Result:
    """Take back an announcement or a note.

    Raises:
        Refused: there is none of that name.
    """
    before = desk.book.load()
    left = tuple(one for one in before if one.id != name)
    if left == before:
        raise Refused(
            f"nothing is called `{name}`", hint="`instancectl status-page show` lists them", subject=name
        )
    desk.book.save(left)
    journal.write("withdrawn", id=name)
    return Result(Status.CHANGED, {"id": name}, (f"withdrawn: {name}",))


def _add(desk: Desk, journal: Journal, one: Announcement) -> None:
    since = one.written_at - KEPT_SECONDS
    desk.book.save([*(kept for kept in desk.book.load() if kept.written_at >= since), one])
    journal.write("announced", id=one.id, text=one.text)


def _said(one: Announcement, sentence: str) -> Result:
    hint = f"take it back: `instancectl status-page withdraw {one.id}`"
    return Result(Status.CHANGED, {"id": one.id, "from": one.at, "until": one.until}, (sentence,), (hint,))


def _id(desk: Desk, letter: str) -> str:
    taken = {one.id for one in desk.book.load()}
    day = datetime.fromtimestamp(desk.clock.epoch_seconds(), UTC).strftime("%m%d")
    return next(name for number in range(1, 1000) if (name := f"{letter}{day}-{number}") not in taken)


# ---- places, and the agent


@dataclass(frozen=True, slots=True)
class Bucket:
    """See `ports.page_place.PagePlace`."""

    name: str
    store: ObjectStore
    prefix: str = ""

    def publish(self, files: Iterable[PageFile]) -> None:
        """Put each file, with its media type."""
        for file in files:
            self.store.put(f"{self.prefix}{file.name}", file.content, kind=file.kind)


class Publisher:
    """Writes the page every minute while the agent runs; what goes wrong is said once and tried again."""

    def __init__(
        self, desk: Desk, places: tuple[PagePlace, ...], reporter: Reporter,
        background: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        """Nothing is written yet."""
        self._desk, self._places, self._reporter, self._background = desk, places, reporter, background
        self._said: dict[str, str] = {}
        self._over = False

    def start(self) -> None:
        """Begin."""
        self._background(self._for_ever)

    def close(self) -> None:
        """Write no more; the page grows stale by itself, and says so."""
        self._over = True

    def publish(self) -> None:
        """Write once to every place; one that fails does not stop the others."""
        for place in self._places:
            try:
                place.publish(self._desk.files())
                self._said.pop(place.name, None)
            except Exception as error:  # noqa: BLE001 - the next minute is another chance
                self._tell(place.name, error)

    def _for_ever(self) -> None:
        while not self._over:
            self.publish()
            self._desk.clock.sleep(self._desk.config.status_page.every_seconds)

    def _tell(self, name: str, error: Exception) -> None:
        said = error.message if isinstance(error, InstanceError) else f"{type(error).__name__}: {error}"
        if self._said.get(name) != said:
            self._said[name] = said
            self._reporter.note(f"the status page was not published to {name}: {said}")
