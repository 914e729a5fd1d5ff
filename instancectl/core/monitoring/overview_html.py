"""The dashboard's pages as HTML; styles and scripts are files, so that the browser can allow no other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from instancectl.core.markup import Markup, document, joined, tag
from instancectl.core.monitoring.alert import runbook_of
from instancectl.core.monitoring.history import percent
from instancectl.core.monitoring.overview import (
    ALERTS,
    Cell,
    Facts,
    Figure,
    Section,
    State,
    Strip,
    Table,
    moment_seconds,
)
from instancectl.core.monitoring.panels import PAGES, Page, Panel
from instancectl.core.monitoring.ring import WINDOWS
from instancectl.core.monitoring.sli import Counts

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
REFRESH_SECONDS: Final = 15
LONG_TEXT: Final = 32
"""Characters from which on a cell breaks into lines, and has a line of its own on a phone."""

MIDDLE_TEXT: Final = 14
"""Characters from which on a cell takes two columns of a card."""

CARD_COLUMNS: Final = 4
"""Tables that are as wide, or hold long text, are cards on a phone: nobody scrolls sideways at night."""

RUNBOOK: Final = "instancectl runbook "
WORDS: Final = {State.GOOD: "good", State.WARN: "look at it", State.BAD: "bad", State.UNKNOWN: "unknown"}


def page(facts: Facts, section: Section, panels: Iterable[Panel]) -> str:
    """One whole page."""
    drawn = tuple(panels)
    urgent = tuple(one for one in section.tables if one.title == ALERTS and one.rows)
    main = (
        _headline(facts, section),
        map(_table, urgent),
        tag("div", map(_figure, section.figures), class_="figures") if section.figures else None,
        map(_table, (one for one in section.tables if one not in urgent)),
        map(strip_markup, section.strips),
    )
    charts = _charts(drawn) if drawn else None
    return framed(facts.domain, section.slug, section.title, tag("div", *main, id="live"), charts)


def runbook_page(domain: str, title: str, body: Markup) -> str:
    """A runbook in the dashboard's frame."""
    return framed(domain, "", title, tag("article", body, class_="runbook"))


def missing_page(domain: str) -> str:
    """For an address where nothing is."""
    text = tag("p", "There is no such page.", class_="sentence")
    return framed(domain, "", "Nothing here", text)


def framed(domain: str, slug: str, title: str, *content: Markup | None) -> str:
    """A whole page around some content; `slug` is that of the page in the navigation, if it is there."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="same-origin"),
        tag("title", f"{title} · {domain}"),
        tag("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/static/uplot.css"),
        tag("link", rel="stylesheet", href="/static/dashboard.css"),
        tag("script", src="/static/uplot.js", defer=True),
        tag("script", src="/static/dashboard.js", defer=True),
    )
    body = tag(
        "body",
        tag("a", "To the content", href="#main", class_="skip"),
        tag("header", tag("p", domain, class_="domain"), _navigation(slug)),
        tag("p", "", id="lost", role="status", hidden=True),
        tag("main", *content, id="main", tabindex="-1"),
        data_refresh=REFRESH_SECONDS,
        data_page=slug,
    )
    return document(tag("html", head, body, lang="en"))


def _navigation(slug: str) -> Markup:
    links = (_link(one, here=one.slug == slug) for one in PAGES)
    return tag("nav", tag("ul", links), aria_label="Pages")


def _link(one: Page, *, here: bool) -> Markup:
    path = "/" if one is PAGES[0] else f"/{one.slug}"
    return tag("li", tag("a", one.title, href=path, aria_current="page" if here else None))


def _headline(facts: Facts, section: Section) -> Markup:
    read = f"read {moment_seconds(facts.read_at)}" if facts.read_at else "nothing was read yet"
    return tag(
        "section",
        tag("h1", section.title),
        tag("p", badge(section.state), " ", typed(section.sentence), class_="sentence", id="sentence"),
        tag("p", read, class_="note", data_read_at=facts.read_at),
        class_=f"headline {section.state.value}",
    )


def typed(text: str) -> Markup:
    """What stands in backticks is to be typed; what leads to a runbook is a link, too."""
    return joined(_command(one) if at % 2 else one for at, one in enumerate(text.split("`")))


def _command(text: str) -> Markup:
    code = tag("code", text)
    if not text.startswith(RUNBOOK):
        return code
    return tag("a", code, href=f"/runbooks/{runbook_of(text.removeprefix(RUNBOOK))}")


def badge(state: State) -> Markup | None:
    """Colour alone tells nothing to who cannot see it."""
    return tag("span", WORDS[state], class_=f"badge {state.value}") if state in WORDS else None


def _figure(one: Figure) -> Markup:
    return tag(
        "div",
        tag("p", one.label, class_="label"),
        tag("p", _content(one.cell), class_=f"value {one.cell.state.value}", **_source(one.cell)),
        tag("p", one.note, class_="note"),
        class_="figure",
    )


def _table(one: Table) -> Markup:
    title = tag("h2", one.title)
    if not one.rows:
        return tag("section", title, tag("p", one.empty or "nothing", class_="empty"))
    head = tag("tr", (tag("th", column, scope="col") for column in one.columns))
    rows = (tag("tr", _row(one.columns, row)) for row in one.rows)
    most = LONG_TEXT if len(one.columns) < CARD_COLUMNS - 1 else MIDDLE_TEXT
    long = any(cell.link or len(cell.text) >= most for row in one.rows for cell in row)
    cards = "cards" if long or len(one.columns) >= CARD_COLUMNS else None
    table = tag("table", tag("thead", head), tag("tbody", rows), class_=cards)
    return tag("section", title, tag("div", table, class_="scroll", tabindex="0", role="region",
                                     aria_label=one.title))  # fmt: skip


def _row(columns: tuple[str, ...], row: tuple[Cell, ...]) -> Iterable[Markup]:
    for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
        name, scope = ("td", None) if place else ("th", "row")
        kinds = (cell.state.value, _kind(cell))
        yield tag(name, _content(cell), scope=scope, class_=" ".join(filter(None, kinds)) or None,
                  data_column=column, **_source(cell))  # fmt: skip


def _kind(cell: Cell) -> str:
    if cell.value is not None:
        return "number"
    if len(cell.text) >= LONG_TEXT:
        return "long"
    if len(cell.text) >= MIDDLE_TEXT:
        return "two"
    return "" if cell.text else "none"


def _content(cell: Cell) -> Markup:
    if cell.runbook:
        return tag("a", cell.text, href=f"/runbooks/{cell.runbook}")
    return tag("a", cell.text, href=cell.link) if cell.link else typed(cell.text)


def _source(cell: Cell) -> dict[str, str | float | None]:
    """The reading behind a value, for scripts and tests."""
    if not cell.metric:
        return {}
    return {"data_metric": cell.metric, "data_labels": "|".join(cell.labels), "data_value": cell.value}


def _charts(panels: tuple[Panel, ...]) -> Markup:
    windows = (
        tag("button", window, type="button", data_window=window, aria_pressed="false") for window in WINDOWS
    )
    return tag(
        "section",
        tag("h2", "History, in UTC"),
        tag("div", windows, class_="windows", role="group", aria_label="Time shown"),
        tag("div", map(_chart, panels), class_="charts"),
        tag("noscript", tag("p", "Charts need JavaScript; everything else on this page does not.")),
        id="charts",
    )


def _chart(panel: Panel) -> Markup:
    return tag(
        "figure",
        tag("figcaption", tag("h3", panel.title), tag("p", panel.meaning, class_="note")),
        tag("div", class_="plot", data_panel=panel.slug, data_unit=panel.unit.value, role="img",
            aria_label=f"{panel.title}: {panel.meaning}"),
        tag("p", "", class_="note nothing", role="status"),
    )  # fmt: skip


# ---- bars of days; the status page has them, too


def strip_markup(strip: Strip, *, heading: bool = True) -> Markup:
    """A bar for each day; grey is what nobody measured."""
    bars = (
        tag("rect", tag("title", f"{day}: {day_words(counts)}"), x=place * 4, y=0, width=3, height=32,
            class_=f"day {day_state(counts, strip.objective).value}")
        for place, (day, counts) in enumerate(strip.days)
    )  # fmt: skip
    first, last = strip.days[0][0], strip.days[-1][0]
    svg = tag("svg", bars, viewBox=f"0 0 {len(strip.days) * 4} 32", preserveAspectRatio="none", role="img",
              aria_label=f"{strip.title}, day by day: {strip_words(strip)}")  # fmt: skip
    ends = (tag("span", str(first)), tag("span", strip_words(strip)), tag("span", str(last)))
    title = tag("h3", strip.title) if heading else None
    return tag("section", title, svg, tag("p", ends, class_="ends"), class_="strip")


def day_state(counts: Counts, objective: float) -> State:
    """Of one day: below the objective is amber, below ten times its budget red; little measured is grey."""
    uptime, coverage = counts.uptime, counts.coverage
    if uptime is None or coverage is None or (coverage < 0.5 and counts.bad == 0):
        return State.UNKNOWN
    if uptime >= objective:
        return State.GOOD
    return State.WARN if 1 - uptime <= 10 * (1 - objective) else State.BAD


def day_words(counts: Counts) -> str:
    """Of one day."""
    if counts.uptime is None:
        return "unknown"
    return f"{percent(counts.uptime, 2)} up, {percent(counts.coverage, 0)} measured"


def strip_words(strip: Strip) -> str:
    """Of all its days, and since when there are any: what was before counts as nothing."""
    said = day_words(sum((counts for _, counts in strip.days), Counts()))
    first = next((day for day, counts in strip.days if counts != Counts()), None)
    return f"{said} since {first}" if first and first != strip.days[0][0] else said
