"""What is wrong with an instance file, in words: every problem at once, each with what to write instead."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails  # noqa: TC002 - pydantic is loaded anyway

from instancectl.core.config_keys import keys
from instancectl.core.secret_set import NAMES

_SECRETIVE = re.compile(r"pass(word)?|secret|access_key|private_key|token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: dotted path, sentence without the path's line, and a suggestion to type (may be empty)."""

    path: str
    sentence: str
    suggestion: str = ""


def problem(error: ErrorDetails) -> Problem:
    """What one of pydantic's errors means to the person who wrote the file."""
    path = ".".join(str(word) for word in error["loc"] if not isinstance(word, int))
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "missing":
        return Problem(path, f"`{path if path in keys() else path + '.domain'}` is missing")
    if kind == "value_error":
        text = error["msg"].removeprefix("Value error, ")
        whole = path not in keys() or text.startswith("`")
        return Problem(path, text if whole else f"`{path}` {text}{_seen(error)}")
    if kind == "model_type":
        return Problem(path, f"`{path}` must be a section: write `[{path}]`")
    return Problem(path, f"`{path}` must be {_allowed(path, kind)}{_seen(error)}")


def line_of(text: str, path: str) -> int:
    """The line of the file that holds `path` (its section when the key is missing); 0 when none does."""
    section, found, header = "", 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := re.match(r"\s*\[+\s*([^\]#]+?)\s*\]", line):
            section = heading[1].replace('"', "").replace(" ", "")
            header = number if section in (path, path.rpartition(".")[0]) and not header else header
        elif key := re.match(r"\s*([A-Za-z0-9_.\"-]+)\s*=", line):
            whole = f"{section}.{key[1]}".lstrip(".").replace('"', "")
            if not found and (whole == path or whole.startswith(path + ".")):
                found = number
    return found or header


def _unknown(path: str) -> Problem:
    section, _, name = path.rpartition(".")
    words = f"unknown key `{path}`"
    if name.upper() in NAMES or (name not in _known_names() and _SECRETIVE.search(name)):
        return Problem(
            path, f"{words}: secrets never stand in this file", "put it into `secrets.env` beside it"
        )
    near = _nearest(name, section)
    if near:
        return Problem(path, words, f"did you mean `{near}`?")
    siblings = sorted(_children(section))
    return Problem(path, words, f"`[{section}]` knows {', '.join(siblings)}" if section else
                   f"the sections are {', '.join(siblings)}")  # fmt: skip


def _nearest(name: str, section: str) -> str:
    """The key that was probably meant: a similar one beside it, or the same name in another section."""
    spellings = {child.replace("-", "_"): child for child in _children(section)}
    elsewhere = [path for path in keys() if path.rpartition(".")[2] == name]
    for cutoff in (0.8, 0.6):
        beside = difflib.get_close_matches(name.replace("-", "_"), spellings, n=1, cutoff=cutoff)
        if beside:
            return f"{section}.{spellings[beside[0]]}".lstrip(".")
        if elsewhere:
            return elsewhere[0]
    return ""


def _children(section: str) -> set[str]:
    prefix = f"{section}." if section else ""
    return {path.removeprefix(prefix).split(".")[0] for path in keys() if path.startswith(prefix)}


def _known_names() -> set[str]:
    return {path.rpartition(".")[2] for path in keys()}


_EXAMPLES = {
    "instance.release": "a release such as `4.6.3`",
    "instance.name": "at most 31 letters in lower case, digits and dashes, beginning with a letter",
    "owner.username": "1 to 30 letters, digits and `_`, without `@`",
    "owner.email": "an address such as `you@example.org`",
}


def _allowed(path: str, kind: str) -> str:
    key = keys().get(path)
    if key is None:  # an entry of a table of text
        return "text in quotes"
    if kind == "string_pattern_mismatch":
        return _EXAMPLES.get(path, key.kind)
    return {"text": "text in quotes"}.get(key.kind, key.kind)


def _seen(error: ErrorDetails) -> str:
    return f", not `{_shown(error['input'])}`"


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
