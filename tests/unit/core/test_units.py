from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core.units import GIB, MIB, parse_bytes, show_bytes, show_seconds


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536 * MIB, "1.5 GiB"), (3072 * GIB, "3 TiB")],
)
def test_bytes_are_shown_with_a_binary_unit(amount: int, text: str) -> None:
    assert show_bytes(amount) == text


@given(st.integers(0, 2**50))
@settings(deadline=None)
def test_what_is_shown_can_be_parsed_again_within_its_precision(amount: int) -> None:
    assert abs(parse_bytes(show_bytes(amount)) - amount) <= amount * 0.06


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("512", 512),
        ("512 MiB", 512 * MIB),
        ("1.5g", 1536 * MIB),
        ("2GB", 2_000_000_000),
        (" 4 GiB ", 4 * GIB),
    ],
)
def test_amounts_may_be_written_in_usual_ways(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "much", "1 parsec", "-3 MiB", "1,5 GiB"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount of bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.3, "0.3 s"),
        (41, "41 s"),
        (60, "1 min"),
        (75, "1 min 15 s"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_seconds_are_shown_in_two_units_at_most(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text
