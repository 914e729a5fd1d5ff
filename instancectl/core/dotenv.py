"""Lines `NAME=value` that Ruby's dotenv, Node's dotenv and instancectl read alike.

Both libraries take single-quoted text literally. Ruby expands `$` and backslashes everywhere else,
Node does not (dotenv/parser.rb, dotenv/lib/main.js), so what would be read differently is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from instancectl.errors import ConfigError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_LINE = re.compile(
    r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*"
    r"(?:'(?P<single>[^']*)'|\"(?P<double>(?:\\.|[^\"\\])*)\"|(?P<bare>[^#'\"][^#]*)?)\s*(?:#.*)?"
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The variables of a dotenv file, and the numbers of lines that nobody understood."""

    values: Mapping[str, str]
    strange_lines: tuple[int, ...]


def assignment(name: str, value: str) -> str:
    """One line, quoted so that Ruby and Node read `value`.

    Raises:
        ConfigError: no quoting says the same to both.
    """
    return f"{name}={quoted(name, value)}"


def quoted(name: str, value: str) -> str:
    """`value` in the plainest form that both libraries read as itself; see `assignment`."""
    if any(ord(character) < ord(" ") for character in value):
        raise ConfigError(f"`{name}` holds a line break or another control character", subject=name)
    if _PLAIN.fullmatch(value):
        return value
    # A backslash before the closing quote would make both libraries read on into the next line.
    if "'" not in value and not value.endswith("\\"):
        return f"'{value}'"
    if not re.search(r'["\\$]', value):
        return f'"{value}"'
    raise ConfigError(
        f"`{name}` mixes `'` with `\"`, `$` or a backslash, or ends in a backslash: "
        "Ruby and Node would read it differently",
        hint="choose a value without them (a new password of letters and digits)",
        subject=name,
    )


def parse(text: str) -> Parsed:
    """The variables of a dotenv file as Ruby's dotenv sees them; the last of equal names wins.

    References to other variables and commands are kept as written: nothing is expanded or run.
    """
    values: dict[str, str] = {}
    strange: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            strange.append(number)
        else:
            values[match["name"]] = _value(match)
    return Parsed(values, tuple(strange))


def _value(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return match["single"]
    if match["double"] is not None:
        return re.sub(r"\\(.)", r"\1", match["double"])
    return re.sub(r"\\([^$])", r"\1", (match["bare"] or "").strip())
