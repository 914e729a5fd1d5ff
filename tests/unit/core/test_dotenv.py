from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core.dotenv import assignment, parse
from instancectl.errors import ConfigError

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f\x85\xa0"))


@given(st.lists(PRINTABLE, max_size=5))
@settings(deadline=None)
def test_what_is_written_is_read_back(values: list[str]) -> None:
    lines, kept = [], {}
    for number, value in enumerate(values):
        try:
            lines.append(assignment(f"NAME_{number}", value))
        except ConfigError:
            continue
        kept[f"NAME_{number}"] = value
    found = parse("\n".join(lines))
    assert found.values == kept
    assert found.strange_lines == ()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("abc-1.2/3", "X=abc-1.2/3"),
        ("", "X=''"),
        ("a b", "X='a b'"),
        ("pass#word$HOME", "X='pass#word$HOME'"),
        ("it's", 'X="it\'s"'),
    ],
)
def test_quoting_is_the_plainest_that_works(value: str, line: str) -> None:
    assert assignment("X", value) == line


@pytest.mark.parametrize("value", ["it's $5", "both ' and \"", "ends in \\", "two\nlines", "tab\there"])
def test_what_ruby_and_node_would_read_differently_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        assignment("SMTP_PASSWORD", value)
    assert "`SMTP_PASSWORD`" in refusal.value.message
    assert value not in refusal.value.message + refusal.value.hint


def test_a_file_written_by_hand_is_understood() -> None:
    text = """
# comment
export A=1
B = two words # a comment
C='single # kept $HOME'
D="double \\"quoted\\" \\$HOME"
E=
F=a\\ b
A=2
"""
    assert parse(text).values == {
        "A": "2",
        "B": "two words",
        "C": "single # kept $HOME",
        "D": 'double "quoted" $HOME',
        "E": "",
        "F": "a b",
    }


def test_lines_that_are_no_assignment_are_counted_from_one() -> None:
    assert parse("A=1\nnonsense\nB='open\n").strange_lines == (2, 3)
