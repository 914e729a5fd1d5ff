"""The status page as files: HTML, JSON, an Atom feed and a badge; each says when it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from instancectl.core.markup import Markup, document, tag
from instancectl.core.monitoring.history import percent, span_words
from instancectl.core.monitoring.overview import State, moment
from instancectl.core.monitoring.overview_html import day_state, strip_markup
from instancectl.core.monitoring.sli import Counts
from instancectl.core.monitoring.status_page import TITLES, Announcement, Incident, StatusPage, Surface
from instancectl.core.units import show_seconds

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
WORDS: Final = {
    State.GOOD: "works",
    State.WARN: "partly",
    State.BAD: "does not work",
    State.UNKNOWN: "unknown",
}
SURFACE_WORDS: Final = {**WORDS, State.WARN: "works, but late"}
COLOURS: Final = {
    State.GOOD: "#1d7a46", State.WARN: "#9a6200", State.BAD: "#b3261e", State.UNKNOWN: "#6b7480",
}  # fmt: skip
INDEX: Final = "index.html"
"""Written last, so that what it names is there."""

ENTRIES: Final = 40


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file and its media type."""

    name: str
    kind: str
    content: bytes


def files(page: StatusPage) -> tuple[PageFile, ...]:
    """All files but style and script, the index last."""
    return (
        PageFile("status.json", "application/json", (json.dumps(as_json(page), indent=2) + "\n").encode()),
        PageFile("feed.atom", "application/atom+xml", feed(page).encode()),
        PageFile("badge.svg", "image/svg+xml", badge(page).encode()),
        PageFile(INDEX, "text/html; charset=utf-8", html(page).encode()),
    )


# ---- HTML


def html(page: StatusPage) -> str:
    """The page for people."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{page.domain}: status"),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="status.css"),
        tag(
            "link",
            rel="alternate",
            type="application/atom+xml",
            href="feed.atom",
            title=f"{page.domain}: status",
        ),
        tag("script", src="status.js", defer=True),
    )
    return document(tag("html", head, tag("body", tag("main", _parts(page))), lang="en"))


def _parts(page: StatusPage) -> Iterator[Markup]:
    yield tag("h1", page.domain)
    yield _headline(page)
    if page.planned:
        yield tag(
            "section", tag("h2", "Maintenance"), (_announced(one) for one in page.planned), id="planned"
        )
    yield tag("section", tag("h2", "Now, and the last 90 days"), (_surface(one) for one in page.surfaces))
    span = span_words({day: one for day, one in page.whole.days if one != Counts()}, page.whole.days[-1][0])
    yield tag("p", f"The whole instance, {span}: {_month(page.month)}.", class_="note")
    yield tag(
        "section",
        tag("h2", "Incidents"),
        (_incident(one) for one in page.incidents),
        None if page.incidents else tag("p", "None in the last 90 days.", class_="note"),
        id="incidents",
    )
    subscribe = tag("a", "Subscribe", href="feed.atom")
    yield tag(
        "footer",
        tag("p", "Grey is time that nobody measured: neither good nor bad.", class_="note"),
        tag("p", subscribe, " · ", tag("a", "As JSON", href="status.json"), class_="note"),
    )


def _headline(page: StatusPage) -> Markup:
    iso = _iso(page.as_of)
    old = (
        "Without JavaScript this page cannot tell you when it is old: compare the time above with your clock."
    )
    return tag(
        "section",
        tag("p", page.sentence, class_="sentence", id="sentence", role="status"),
        tag("p", "As of ", tag("time", moment(page.as_of), datetime=iso, id="as-of"), class_="note"),
        tag("noscript", tag("p", old, class_="note")),
        class_=f"headline {page.state.value}",
        id="headline",
        data_as_of=int(page.as_of),
        data_stale_seconds=page.stale_seconds,
    )


def _surface(one: Surface) -> Markup:
    word = tag("span", SURFACE_WORDS[one.state], class_=f"now {one.state.value}")
    head = tag("div", tag("h3", one.title), word, class_="surface")
    return tag("div", head, strip_markup(one.strip, heading=False), class_="row", data_surface=one.slug)


def _month(counts: Counts) -> str:
    if counts.uptime is None:
        return "nothing was measured"
    return f"{percent(counts.uptime, 3)} up, {percent(counts.coverage, 1)} of the time measured"


def _announced(one: Announcement) -> Markup:
    when = f"{moment(one.at)} – {moment(one.until)}"
    return tag("article", tag("h3", when), tag("p", one.text), id=one.id)


def _incident(one: Incident) -> Markup:
    notes = (
        tag("p", tag("span", f"{moment(note.written_at)}: ", class_="note"), note.text) for note in one.notes
    )
    title = tag("h3", moment(one.began_at))
    return tag("article", title, tag("p", _told(one)), notes, id=_slug(one))


def _told(one: Incident) -> str:
    names = _names(one)
    if not one.ended_at:
        return f"{names}: since then, still not working"
    return f"{names}: {show_seconds(one.ended_at - one.began_at)}"


def _names(one: Incident) -> str:
    return ", ".join(title.lower() for slug, title in TITLES.items() if slug in one.surfaces)


def _slug(one: Incident) -> str:
    return f"incident-{int(one.began_at)}"


# ---- for programs


def as_json(page: StatusPage) -> dict[str, Any]:
    """For programs; after `stale_seconds` it says nothing about now."""
    return {
        "domain": page.domain,
        "as_of": int(page.as_of),
        "as_of_time": _iso(page.as_of),
        "stale_seconds": page.stale_seconds,
        "state": page.state.value,
        "sentence": page.sentence,
        "month": _counts(page.month),
        "surfaces": {
            one.slug: {
                "title": one.title,
                "state": one.state.value,
                "month": _counts(one.month),
                "days": [
                    {
                        "day": str(day),
                        "state": day_state(counts, one.strip.objective).value,
                        **_counts(counts),
                    }
                    for day, counts in one.strip.days
                ],
            }
            for one in page.surfaces
        },
        "incidents": [
            {
                "began_at": int(one.began_at),
                "ended_at": int(one.ended_at) or None,
                "surfaces": list(one.surfaces),
                "notes": [{"at": int(note.written_at), "text": note.text} for note in one.notes],
            }
            for one in page.incidents
        ],
        "planned": [
            {"id": one.id, "from": int(one.at), "until": int(one.until), "text": one.text}
            for one in page.planned
        ],
    }


def _counts(counts: Counts) -> dict[str, float | None]:
    return {"uptime": counts.uptime, "coverage": counts.coverage, "bad_seconds": counts.bad_seconds}


def feed(page: StatusPage) -> str:
    """Atom (RFC 4287): incidents and maintenance, so that people can subscribe."""
    link = tag("link", "", rel="self", href=f"{page.url.rstrip('/')}/feed.atom") if page.url else None
    root = tag(
        "feed",
        tag("title", f"{page.domain}: status"),
        tag("id", f"tag:{page.domain},2024:status"),
        tag("updated", _iso(page.as_of)),
        tag("author", tag("name", page.domain)),
        link,
        (_planned_entry(page, one) for one in page.planned),
        (_incident_entry(page, one) for one in page.incidents[:ENTRIES]),
        xmlns="http://www.w3.org/2005/Atom",
    )
    return document(root, '<?xml version="1.0" encoding="utf-8"?>')


def _planned_entry(page: StatusPage, one: Announcement) -> Markup:
    title = f"Maintenance, {moment(one.at)} – {moment(one.until)}"
    return _entry(page, one.id, title, one.text, one.written_at)


def _incident_entry(page: StatusPage, one: Incident) -> Markup:
    changed = max([one.ended_at or one.began_at, *(note.written_at for note in one.notes)])
    text = " ".join([_told(one) + ".", *(note.text for note in one.notes)])
    return _entry(page, _slug(one), f"Not working: {_names(one)}", text, changed)


def _entry(page: StatusPage, slug: str, title: str, text: str, changed: float) -> Markup:
    where = tag("link", "", href=f"{page.url.rstrip('/')}/#{slug}") if page.url else None
    return tag(
        "entry",
        tag("title", title),
        tag("id", f"tag:{page.domain},2024:status/{slug}"),
        tag("updated", _iso(changed)),
        where,
        tag("content", text, type="text"),
    )


def badge(page: StatusPage) -> str:
    """A picture cannot tell its own age, so it carries the time it was made."""
    left, right = "status", f"{WORDS[page.state]} · {moment(page.as_of)}"
    widths = [len(text) * 7 + 12 for text in (left, right)]
    whole = sum(widths)
    texts = (
        tag("text", left, x=widths[0] / 2, y=14),
        tag("text", right, x=widths[0] + widths[1] / 2, y=14),
    )
    root = tag(
        "svg",
        tag("title", f"{page.domain}: {right}"),
        tag("rect", "", width=whole, height=20, rx=3, fill="#444c56"),
        tag("rect", "", x=widths[0], width=widths[1], height=20, rx=3, fill=COLOURS[page.state]),
        tag("g", texts, fill="#fff", font_family="Verdana, sans-serif", font_size=11, text_anchor="middle"),
        xmlns="http://www.w3.org/2000/svg",
        width=whole,
        height=20,
        role="img",
    )
    return f"{root}\n"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
