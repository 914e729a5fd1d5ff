"""Pages on which silences are made, shown and ended: forms that need no script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from instancectl.core.alerting.alertmanager import Active, Silence
from instancectl.core.markup import Markup, tag
from instancectl.core.monitoring.overview import State, moment
from instancectl.core.monitoring.overview_html import badge, framed
from instancectl.core.monitoring.silence_form import (
    MOST_LETTERS,
    OTHER,
    PATH,
    Typed,
    choices,
    names_of,
    path_of,
)
from instancectl.core.units import show_seconds

COLUMNS: Final = ("Alerts", "Until", "Who", "Why", "End it")
WIDE: Final = frozenset({"Alerts", "Who", "Why"})


@dataclass(frozen=True, slots=True)
class Told:
    """What one of these pages is made of.

    Attributes:
        alert: the one it is about; empty for all.
        runbook: slug of the alert's runbook.
        firing: alerts of that name that fire.
        silences: those that cover it, or all.
        now: in the zone of the host.
        typed: what stands in the form; its token makes forms work.
        problem: why nothing was changed; empty when all is well.
        unknown: whether Alertmanager could not be asked, so that nothing here can be changed.
    """

    domain: str
    alert: str
    now: datetime
    typed: Typed
    runbook: str = ""
    firing: tuple[Active, ...] = ()
    silences: tuple[Silence, ...] = ()
    problem: str = ""
    unknown: bool = False


def silence_page(told: Told) -> str:
    """One whole page."""
    form = _form(told) if told.alert and not told.unknown else None
    running = None if told.unknown else _running(told)
    title = f"Silence {told.alert}" if told.alert else "Silences"
    return framed(told.domain, "", title, _headline(title, told), _problem(told), running, form, _back())


def _headline(title: str, told: Told) -> Markup:
    state, sentence = _sentence(told)
    fires = (
        tag("p", f"{one.severity}: {one.summary}; since {moment(one.since)}", class_="note")
        for one in told.firing
    )
    runbook = (
        tag("p", tag("a", "What to do about it", href=f"/runbooks/{told.runbook}"), class_="note")
        if told.runbook
        else None
    )
    return tag(
        "section", tag("h1", title), tag("p", badge(state), " ", sentence, class_="sentence", id="sentence"),
        fires, runbook, class_=f"headline {state.value}",
    )  # fmt: skip


def _sentence(told: Told) -> tuple[State, str]:
    if told.unknown:
        return State.UNKNOWN, "nobody knows what is silenced"
    if not told.alert:
        count = len(told.silences)
        words = f"{count} silence{'s' if count > 1 else ''} at work" if count else "nothing is silenced"
        return State.PLAIN, words
    if told.silences:
        end = max(one.until for one in told.silences)
        left = show_seconds(max(0.0, end - told.now.timestamp()) // 60 * 60)
        return State.WARN, f"nobody is told about {told.alert} until {moment(end)}, for {left} more"
    return State.PLAIN, f"people are told about {told.alert}{_whether(told)}"


def _whether(told: Told) -> str:
    if not told.firing:
        return ", which does not fire now"
    if all(one.inhibited for one in told.firing):
        return ", but not now: another alert explains it"
    return ""


def _problem(told: Told) -> Markup | None:
    if not told.problem:
        return None
    said = told.problem if told.unknown else f"Nothing was changed: {told.problem}"
    return tag("p", said, class_="problem", id="problem", role="alert")


def _running(told: Told) -> Markup | None:
    if not told.silences:
        return None
    head = tag("tr", (tag("th", one, scope="col") for one in COLUMNS))
    rows = (tag("tr", _row(one, told)) for one in told.silences)
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="cards")
    scroll = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Running silences")
    return tag("section", tag("h2", "Running silences"), scroll)


def _row(one: Silence, told: Told) -> Iterator[Markup]:
    end = tag(
        "form",
        _hidden("token", told.typed.token), _hidden("id", one.id), _hidden("alert", told.alert),
        tag("button", "End", type="submit", aria_label=f"End the silence of {names_of(one)}"),
        method="post", action=PATH,
    )  # fmt: skip
    values = (names_of(one), moment(one.until), one.who, one.why, end)
    for place, (column, value) in enumerate(zip(COLUMNS, values, strict=True)):
        name, scope = ("td", None) if place else ("th", "row")
        yield tag(name, value, scope=scope, class_="wide" if column in WIDE else None, data_column=column)


def _form(told: Told) -> Markup:
    typed = told.typed
    own = [one for one in told.silences if one.names == (told.alert,)]
    lasts = (_choice(value, words, typed) for value, words in choices(told.now))
    return tag(
        "form",
        tag("h2", "Change the silence" if own else "Silence it"),
        _hidden("token", typed.token),
        tag("fieldset", tag("legend", "For how long"), lasts,
            _text("until", typed.until, "2h or 14:30", label="other time")),
        tag("p", tag("label", "Why", for_="why"), _text("why", typed.why, "for the other admins")),
        tag("p", tag("label", "Who you are", for_="who"), _text("who", typed.who, autocomplete="nickname")),
        tag("p", tag("button", f"Tell nobody about {told.alert}", type="submit", class_="do")),
        method="post", action=path_of(told.alert), class_="silence",
    )  # fmt: skip


def _choice(value: str, words: str, typed: Typed) -> Markup:
    radio = tag("input", type="radio", name="lasts", value=value, checked=typed.lasts == value)
    label = tag("label", radio, " ", words)
    return label if value == OTHER else tag("p", label)


def _text(name: str, value: str, hint: str = "", *, label: str = "", autocomplete: str = "off") -> Markup:
    return tag("input", type="text", name=name, id=name, value=value, placeholder=hint or None,
               maxlength=MOST_LETTERS[name], autocomplete=autocomplete, aria_label=label or None)  # fmt: skip


def _hidden(name: str, value: str) -> Markup:
    return tag("input", type="hidden", name=name, value=value)


def _back() -> Markup:
    return tag(
        "p", tag("a", "Back to Now", href="/"), " · ", tag("a", "All silences", href=PATH), class_="note"
    )
