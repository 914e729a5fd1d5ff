"""What a form means: how long, why and who; what is unclear is refused rather than guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.monitoring.silence_form import Typed, choices, names_of, wish
from instancectl.errors import Refused

NIGHT = datetime(2026, 11, 22, 3, 12, 30, tzinfo=UTC)


def typed(**changes: str) -> Typed:
    return Typed(**{"lasts": "1h", "why": "new disk", "who": "Ada", **changes})


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"lasts": "1h"}, 3600),
        ({"lasts": "4h"}, 4 * 3600),
        ({"lasts": "08:00"}, 4 * 3600 + 47 * 60 + 30),
        ({"lasts": "other", "until": "30min"}, 1800),
        ({"lasts": "other", "until": "03:12"}, 86400 - 30),
        ({"lasts": "other", "until": "2026-11-22 04:12:30"}, 3600),
        ({"lasts": "other", "until": "2026-11-22T04:12:30+01:00"}, None),
    ],
)
def test_it_lasts_as_long_as_was_said(fields: dict[str, str], seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(Refused, match="no time to come"):
            wish(typed(**fields), NIGHT)
        return
    assert wish(typed(**fields), NIGHT).seconds == seconds


def test_morning_is_the_hosts() -> None:
    zone = timezone(timedelta(hours=1), "CET")
    words = dict(choices(NIGHT.astimezone(zone)))
    assert words["08:00"] == "until 08:00 CET, in 3 h 47 min"
    assert wish(typed(lasts="08:00"), NIGHT.astimezone(zone)).seconds == 3 * 3600 + 47 * 60 + 30


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"why": ""}, "say why"),
        ({"who": ""}, "say who you are"),
        ({"lasts": "other"}, "say for how long"),
        ({"lasts": "1h", "until": "2h"}, "`1h` is chosen, and `2h` is written"),
        ({"lasts": "soon"}, "no time to come"),
        ({"lasts": "other", "until": "yesterday"}, "no time to come"),
        ({"lasts": "other", "until": "2020-01-01 10:00"}, "no time to come"),
        ({"lasts": "other", "until": "999999d"}, "30 days at most"),
        ({"lasts": "other", "until": "31d"}, "30 days at most"),
        ({"lasts": "other", "until": "30s"}, "a minute at least"),
        ({"why": "x" * 301}, "too long"),
        ({"who": "x" * 61}, "too long"),
    ],
)
def test_what_is_unclear_is_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        wish(typed(**fields), NIGHT)


def test_lines_become_one_and_fields_of_others_are_left() -> None:
    found = Typed.of({"why": " new\r\n disk ", "who": "A\u202eda\x00", "lasts": "4h", "evil": "1"})
    assert (found.why, found.who, found.lasts, found.until) == ("new disk", "Ada", "4h", "")


@pytest.mark.parametrize(
    ("names", "said"),
    [(("A",), "A"), (("A", "B", "C"), "A, B, C"), (("A",) * 4, "4 alerts"), ((), "alerts chosen elsewhere")],
)
def test_what_a_silence_covers_is_said_shortly(names: tuple[str, ...], said: str) -> None:
    assert names_of(Silence("1", names, 0, 1, "ada", "x")) == said
