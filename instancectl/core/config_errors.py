"""What is wrong with an instance file, in words: every problem at once, each with what to write instead."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails  # noqa: TC002 - pydantic is loaded anyway

from instancectl.core.config import InstanceConfig
from instancectl.core.config_keys import Value, keys
from instancectl.core.secret_set import NAMES
from instancectl.errors import ConfigError

_SECRETIVE = re.compile(r"pass(word)?|secret|access_key|private_key|token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: dotted path, sentence without the path's line, and a suggestion to type (may be empty)."""

    path: str
    sentence: str
    suggestion: str = ""


def understood(data: Mapping[str, Any], *, where: str, text: str = "") -> InstanceConfig:
    """The configuration in `data`, nested as in TOML.

    Args:
        data: sections and keys.
        where: where they come from, for messages.
        text: the file they were read from, to name lines; empty when there is none.

    Raises:
        ConfigError: any key is unknown, missing or wrong; all of them are named.
    """
    try:
        # By way of JSON, because only there pydantic's strict mode takes an array for a tuple.
        return InstanceConfig.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        problems = [problem(detail) for detail in error.errors(include_url=False)]
    lines = [_line(found, text) for found in problems]
    body = lines[0] if len(lines) == 1 else f"{len(lines)} problems\n  " + "\n  ".join(lines)
    raise ConfigError(
        f"cannot use `{where}`: {body}",
        hint="`instancectl config explain KEY` describes a key, `instancectl config explain` shows them all",
        subject=problems[0].path,
    )


def nested(values: Mapping[str, Value]) -> dict[str, Any]:
    """Dotted path → value, as sections within sections."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *sections, name = path.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = {**branch.get(name, {}), **value} if isinstance(value, Mapping) else value
    return tree


def assigned(text: str) -> tuple[str, Value]:
    """`path=value` as written on a command line, the value read as the key wants it.

    Raises:
        ConfigError: no such key, or not of that form.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"`{text}` is not of the form `section.key=value`", subject=text)
    key = keys().get(path)
    if path.startswith("mastodon.env."):
        return path, value
    if key is None or isinstance(key.default, Mapping):
        raise unknown_key(path)
    if isinstance(key.default, bool):
        return path, {"true": True, "false": False}.get(value, value)
    if isinstance(key.default, int):
        return path, int(value) if value.isdigit() else value
    if isinstance(key.default, float):
        return path, float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else value
    if isinstance(key.default, tuple):
        return path, tuple(part for part in value.split(",") if part)
    return path, value


def unknown_key(path: str) -> ConfigError:
    """The error for a dotted path that is no key, with what was probably meant."""
    found = _unknown(path)
    return ConfigError(found.sentence, hint=found.suggestion, subject=path)


def _line(found: Problem, text: str) -> str:
    number = line_of(text, found.path)
    place = f"line {number}: " if number else ""
    return place + found.sentence + (f"; {found.suggestion}" if found.suggestion else "")


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
        if path not in keys():
            return Problem(path, f"`[{path}]`: {text}")
        return Problem(path, text if text.startswith("`") else f"`{path}` {text}{_seen(error)}")
    if kind == "model_type":
        return Problem(path, f"`{path}` must be a section: write `[{path}]`")
    return Problem(path, f"`{path}` must be {_allowed(path, kind)}{_seen(error)}")


def line_of(text: str, path: str) -> int:
    """The line of the file that holds `path`, else that of its section; 0 when none does."""
    section = ""
    headings: dict[str, int] = {}
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := re.match(r"\s*\[+\s*([^\]#]+?)\s*\]", line):
            section = heading[1].replace('"', "").replace(" ", "")
            headings.setdefault(section, number)
        elif key := re.match(r"\s*([A-Za-z0-9_.\"-]+)\s*=", line):
            found.setdefault(f"{section}.{key[1]}".lstrip(".").replace('"', ""), number)
    below = (number for name, number in found.items() if name.startswith(f"{path}."))
    return found.get(path) or headings.get(path) or next(below, 0) or headings.get(path.rpartition(".")[0], 0)


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
