"""The status page: made of the ledger, says when it was written, and claims nothing that nobody measured."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.adapters.page_directory import AnnouncementFile, PageDirectory
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.overview import State
from instancectl.core.monitoring.sli import SLICE_SECONDS, SLIS, Verdict, slice_of
from instancectl.core.monitoring.status_page import StatusPage
from instancectl.core.monitoring.status_page_files import INDEX, PageFile, files
from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.operations.monitoring import publish
from instancectl.operations.monitoring.publish import Bucket, Desk, Publisher
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.object_store import FakeStore
from tests.fakes.reporter import FakeReporter
from tests.fakes.uptime_ledger import FakeLedger

CONFIG = InstanceConfig.model_validate({
    "instance": {"domain": "social.example"},
    "mail": {"server": "mail.example"},
    "status_page": {"url": "https://status.example/"},
})  # fmt: skip
GOOD, BAD, UNKNOWN = Verdict.GOOD, Verdict.BAD, Verdict.UNKNOWN
STATIC = (PageFile("status.css", "text/css", b"x"),)
ATOM = {"a": "http://www.w3.org/2005/Atom"}


@dataclass
class Book:
    said: tuple = ()

    def load(self) -> tuple:
        return self.said

    def save(self, announcements) -> None:
        self.said = tuple(announcements)


@dataclass
class Office:
    """`good(n)` and `bad(n, "web")` let slices go by."""

    ledger: FakeLedger = field(default_factory=FakeLedger)
    book: Book = field(default_factory=Book)
    clock: FakeClock = field(default_factory=lambda: FakeClock(1_800_000_000.0))
    journal: FakeJournal = field(default_factory=FakeJournal)

    @property
    def desk(self) -> Desk:
        return Desk(CONFIG, self.ledger, self.book, self.clock, STATIC)

    @property
    def now(self) -> float:
        return self.clock.epoch_seconds()

    def good(self, slices: int = 1) -> Office:
        return self.bad(slices)

    def bad(self, slices: int, *surfaces: str, verdict: Verdict = BAD) -> Office:
        for _ in range(slices):
            verdicts = {sli: verdict if sli in surfaces else GOOD for sli in SLIS}
            verdicts["availability"] = verdict if set(surfaces) & {"web", "login", "federation"} else GOOD
            self.ledger.record(slice_of(self.now), verdicts, "")
            self.clock.now += SLICE_SECONDS
        return self

    def page(self) -> StatusPage:
        return self.desk.page()


def of(page: StatusPage) -> dict[str, PageFile]:
    return {one.name: one for one in files(page)}


def parsed(file: PageFile) -> ET.Element:
    return ET.fromstring(file.content)  # noqa: S314 - what we wrote ourselves


# ---- what it claims


def test_a_well_instance_works() -> None:
    page = Office().good(10).page()
    assert (page.state, page.sentence) == (State.GOOD, "Everything works")
    assert {one.state for one in page.surfaces} == {State.GOOD}


@pytest.mark.parametrize(
    ("queue", "title"), [("queue_push", "Delivery of posts"), ("queue_mailers", "Mails")]
)
def test_what_arrives_hours_late_does_not_simply_work(queue: str, title: str) -> None:
    office = Office().good(10)
    assert office.bad(3, queue).page().sentence == "Everything works"  # a peak of less than a minute
    page = office.bad(2, queue).page()
    assert (page.state, page.sentence) == (State.WARN, f"Late: {title.lower()}")
    assert [one.title for one in page.surfaces if one.state is State.WARN] == [title]
    assert b"works, but late" in of(page)[INDEX].content
    assert not page.incidents
    both = office.bad(5, queue, "media").page()
    assert both.sentence == f"Partly not working: pictures and videos; late: {title.lower()}"


def test_uptime_says_since_when_it_is_counted() -> None:
    page = Office().good(10).page()
    text = of(page)[INDEX].content.decode()
    assert "The whole instance, since 2027-01-15, when counting began: 100.000 % up" in text
    assert "100 % measured since 2027-01-15" in text


def test_before_anything_was_measured_nobody_knows() -> None:
    page = Office().page()
    assert page.state is State.UNKNOWN
    assert page.sentence.startswith("Nobody knows whether it works")


def test_what_people_need_most_makes_it_bad_and_the_rest_partly() -> None:
    page = Office().good(5).bad(5, "web").page()
    assert (page.state, page.sentence) == (State.BAD, "Not working: pages and apps")
    page = Office().good(5).bad(5, "streaming", "mail").page()
    assert (page.state, page.sentence) == (State.WARN, "Partly not working: live updates, mails")


def test_an_agent_that_stopped_leaves_no_good_page_behind() -> None:
    office = Office().good(10)
    office.clock.now += 90
    page = office.page()
    assert page.state is State.UNKNOWN
    assert {one.state for one in page.surfaces} == {State.UNKNOWN}


def test_an_unknown_slice_is_not_a_good_one() -> None:
    page = Office().good(5).bad(1, "web", "login", "federation", verdict=UNKNOWN).page()
    assert page.state is State.UNKNOWN
    page = Office().good(5).bad(1, "mail", verdict=UNKNOWN).page()
    assert page.sentence == "All that is measured works; unknown: mails"


@given(st.lists(st.tuples(st.sampled_from(tuple(Verdict)), st.sampled_from(["web", "login", "streaming"])),
                min_size=1, max_size=30))  # fmt: skip
def test_everything_works_only_when_every_surface_was_seen_to_work(history) -> None:
    office = Office()
    for verdict, surface in history:
        office.bad(1, surface, verdict=verdict)
    page = office.page()
    assert (page.sentence == "Everything works") == (history[-1][0] is GOOD)
    assert (page.state is State.GOOD) <= (history[-1][0] is not BAD)


def test_neither_hosts_nor_causes_nor_reasons_are_told() -> None:
    office = Office().good(2)
    office.ledger.record(slice_of(office.now), dict.fromkeys(SLIS, BAD), "db,redis")
    for file in files(office.page()):
        for word in (b"redis", b"PostgreSQL", b"127.0.0.1", b'"db"', b"sidekiq.1"):
            assert word not in file.content


# ---- days


def test_days_are_90_bars_and_what_nobody_measured_is_grey() -> None:
    office = Office()
    for number in range(3840):  # from 8:00 to midnight
        office.ledger.record(slice_of(office.now) + number, {"web": GOOD}, "")
    office.clock.now += 40 * 3600  # a whole day without an agent
    office.ledger.record(slice_of(office.now), {"web": GOOD}, "")
    surfaces = json.loads(of(office.page())["status.json"].content)["surfaces"]
    days = surfaces["web"]["days"]
    assert len(days) == 90
    assert [one["state"] for one in days[-3:]] == ["good", "unknown", "good"]
    nothing = {"state": "unknown", "uptime": None, "coverage": None, "bad_seconds": 0}
    assert days[0] == {"day": days[0]["day"], **nothing}


def test_a_day_of_which_hardly_anything_was_measured_is_grey_unless_it_was_bad() -> None:
    for verdict, state in ((GOOD, "unknown"), (BAD, "bad")):
        office = Office()
        office.ledger.record(slice_of(office.now), {"web": verdict}, "")
        office.clock.now += 8 * 3600
        office.ledger.record(slice_of(office.now), {"web": GOOD}, "")
        surfaces = json.loads(of(office.page())["status.json"].content)["surfaces"]
        assert surfaces["web"]["days"][-1]["state"] == state


# ---- incidents


def test_incidents_of_several_surfaces_at_once_are_one() -> None:
    office = Office().good(10).bad(8, "web", "login").bad(4, "login").good(50).bad(6, "streaming").good(10)
    found = office.page().incidents
    assert [set(one.surfaces) for one in found] == [{"streaming"}, {"web", "login"}]
    assert found[1].ended_at - found[1].began_at == 12 * SLICE_SECONDS


def test_what_was_over_within_a_minute_is_none() -> None:
    assert Office().good(10).bad(3, "web").good(10).page().incidents == ()


def test_one_that_goes_on_has_no_end() -> None:
    incident = Office().good(10).bad(10, "web").page().incidents[0]
    assert incident.ended_at == 0
    assert b"since then, still not working" in of(Office().good(10).bad(10, "web").page())[INDEX].content


def test_a_note_belongs_to_the_newest_incident() -> None:
    office = Office().good(10).bad(10, "web").good(60)
    publish.note(office.desk, office.journal, "A disk was full; there is more room now.")
    incident = office.page().incidents[0]
    assert [one.text for one in incident.notes] == ["A disk was full; there is more room now."]
    with pytest.raises(Refused, match="no incident in 90 days"):
        publish.note(Office().good(3).desk, office.journal, "Hello.")


# ---- maintenance


def test_maintenance_is_shown_ahead_of_time_and_until_it_ends() -> None:
    office = Office().good(10)
    said = publish.announce(office.desk, office.journal, "A faster disk.", "2h", "30min")
    page = office.page()
    assert [one.text for one in page.planned] == ["A faster disk."]
    assert page.state is State.GOOD
    office.clock.now += 2 * 3600
    assert office.good(5).page().sentence == "Maintenance is under way; what is measured works"
    assert "maintenance is under way" in office.bad(5, "web").page().sentence
    office.clock.now += 1800
    assert office.good(5).page().planned == ()
    assert [one["event"] for one in office.journal.entries()] == ["announced"]
    assert said.data["until"] - said.data["from"] == 1800


def test_what_was_said_can_be_taken_back() -> None:
    office = Office().good(10)
    publish.announce(office.desk, office.journal, "One.", "2h", "30min")
    second = publish.announce(office.desk, office.journal, "Two.", "3h", "30min").data["id"]
    publish.withdraw(office.desk, office.journal, second)
    assert [one.text for one in office.page().planned] == ["One."]
    with pytest.raises(Refused, match="nothing is called"):
        publish.withdraw(office.desk, office.journal, second)


# ---- files


def test_the_page_carries_its_time_for_people_and_for_its_script() -> None:
    page = Office().good(10).page()
    text = of(page)[INDEX].content.decode()
    assert f'data-as-of="{int(page.as_of)}" data-stale-seconds="300"' in text
    assert "As of " in text
    assert '<script src="status.js" defer>' in text
    assert " style=" not in text
    assert "'unsafe" not in text
    assert "2027-01-15" in of(page)["badge.svg"].content.decode()


def test_what_an_admin_writes_is_text() -> None:
    office = Office().good(10)
    publish.announce(office.desk, office.journal, "<script>alert(1)</script> & more", "2h", "30min")
    found = of(office.page())
    assert b"<script>alert" not in found[INDEX].content
    entry = parsed(found["feed.atom"]).find("a:entry/a:content", ATOM)
    assert entry.text == "<script>alert(1)</script> & more"


def test_the_feed_is_atom() -> None:
    office = Office().good(10).bad(10, "web").good(60)
    publish.announce(office.desk, office.journal, "A faster disk.", "2h", "30min")
    root = parsed(of(office.page())["feed.atom"])
    for one in (root, *root.findall("a:entry", ATOM)):
        assert all(one.find(f"a:{name}", ATOM).text for name in ("id", "title", "updated"))
    assert root.find("a:author/a:name", ATOM).text == "social.example"
    assert len({one.text for one in root.iter("{http://www.w3.org/2005/Atom}id")}) == 3
    assert root.find("a:link", ATOM).get("href") == "https://status.example/feed.atom"
    parsed(of(office.page())["badge.svg"])


def test_a_directory_gets_whole_files_the_index_last(tmp_path: Path) -> None:
    office = Office().good(10)
    done = publish.write(office.desk, [PageDirectory(tmp_path / "www")])
    assert {one.name for one in (tmp_path / "www").iterdir()} == {
        "index.html", "status.json", "feed.atom", "badge.svg", "status.css",
    }  # fmt: skip
    assert done.lines == (f"written to `{tmp_path / 'www'}`: Everything works",)
    assert office.desk.files()[-1].name == INDEX
    assert (tmp_path / "www" / INDEX).stat().st_mode & 0o777 == 0o644


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationFailed, match="cannot write the status page") as caught:
        publish.write(Office().good(1).desk, [PageDirectory(tmp_path / "file")])
    assert "/var/lib/instancectl" in caught.value.hint


def test_without_a_place_nothing_is_written() -> None:
    with pytest.raises(Refused, match="no place is named"):
        publish.write(Office().desk, [])


def test_a_bucket_gets_media_types() -> None:
    store = FakeStore()
    publish.write(Office().good(1).desk, [Bucket("s3://b/status/", store, "status/")])
    assert store.kinds["status/index.html"] == "text/html; charset=utf-8"
    assert store.kinds["status/feed.atom"] == "application/atom+xml"
    assert list(store.objects)[-1] == "status/index.html"


def test_a_place_that_fails_is_said_once_and_holds_up_no_other(tmp_path: Path) -> None:
    store, office, reporter = FakeStore(), Office().good(1), FakeReporter()
    store.reachable = False
    places = (Bucket("s3://b/", store), PageDirectory(tmp_path / "www"))
    publisher = Publisher(office.desk, places, reporter, lambda work: work())
    for _ in range(3):
        publisher.publish()
    assert len(reporter.notes) == 1
    assert "s3://b/" in reporter.notes[0]
    assert (tmp_path / "www" / INDEX).exists()
    store.reachable = True
    publisher.publish()
    assert "index.html" in store.objects
    store.reachable = False
    with pytest.raises(Unreachable):
        publish.write(office.desk, places[:1])


def test_what_is_announced_survives_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    book = AnnouncementFile(tmp_path / "state" / "status-page.json")
    assert book.load() == ()
    office = Office().good(1)
    desk = Desk(CONFIG, office.ledger, book, office.clock, ())
    publish.announce(desk, office.journal, "A faster disk.", "2h", "30min")
    again = AnnouncementFile(tmp_path / "state" / "status-page.json").load()
    assert [one.text for one in again] == ["A faster disk."]
    (tmp_path / "state" / "status-page.json").write_text("[{")
    with pytest.raises(OperationFailed, match="cannot read what was announced"):
        book.load()
