"""Writes `instance.toml` with every key explained, its reference page, and its JSON Schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from instancectl.core import config_keys
from instancectl.core.config import InstanceConfig
from instancectl.core.config_keys import Key, Table, Value

_WIDTH = 100
_HEAD = """\
# What this Mastodon instance should be. Secrets are not in here: see `secrets.env`.
# Lines that begin with `# name =` show a default; remove the `# ` to change it.
# `instancectl config check` judges this file, `instancectl config explain KEY` explains a value,
# `instancectl plan` shows what a change would do, `instancectl deploy` does it.
"""


def annotated(config: InstanceConfig) -> str:
    """The whole file: set values live, defaults as comments, every key with its description."""
    tables = (_table(table, config) for table in config_keys.tables())
    return "\n".join([_HEAD, *tables])


def toml_value(value: Value) -> str:
    """One value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's, but TOML also wants DEL escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_value(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return "[" + ", ".join(toml_value(item) for item in value) + "]"


def json_schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    schema = InstanceConfig.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "instance.toml of instancectl",
    }


def reference_markdown() -> str:
    """The configuration reference: every section, every key."""
    lines = [
        "# Configuration",
        "",
        "`instance.toml` says what the instance should be; unknown keys are refused.",
        "`instancectl init` writes it with these explanations.",
        "`instancectl config schema` prints its JSON Schema.",
        "Secrets are not in it: see [secrets](secrets.md).",
        "A 0 or an empty text marked so means: derived; `instancectl config explain KEY` shows from what.",
        "",
    ]
    for table in config_keys.tables():
        lines += _reference_table(table)
    return "\n".join(lines)


def _reference_table(table: Table) -> Iterator[str]:
    yield f"## `[{table.path}]`"
    yield ""
    yield table.description
    yield ""
    yield "| Key | Value | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    for key in table.keys:
        default = "required" if key.default is None else f"`{toml_value(key.default)}`"
        meaning = key.description.replace("|", "\\|")
        yield f"| `{key.name}` | {key.kind} | {default} | {meaning} |"
    yield ""


def _table(table: Table, config: InstanceConfig) -> str:
    lines = [f"# {table.description}", f"[{table.path}]"]
    late: list[str] = []
    for key in table.keys:
        value = config_keys.value_of(config, key.path)
        if isinstance(value, Mapping):
            late += _mapping(key, value)
        else:
            lines += [*_comment(key), _assignment(key, value, live=config_keys.is_set(config, key.path))]
    return "\n".join([*lines, *late]) + "\n"


def _assignment(key: Key, value: Value, *, live: bool) -> str:
    return f"{'' if live else '# '}{key.name} = {toml_value(value)}"


def _mapping(key: Key, value: Mapping[str, str]) -> Iterator[str]:
    # A table of its own must follow all plain keys of its section.
    yield ""
    yield from _comment(key)
    yield f"[{key.path}]"
    for name, item in sorted(value.items()):
        yield f"{name} = {toml_value(item)}"


def _comment(key: Key) -> list[str]:
    allowed = "" if key.kind == "text" else f" ({key.kind})"
    return textwrap.wrap(
        key.description + allowed,
        width=_WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
