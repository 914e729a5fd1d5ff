"""Sets keys in the text of `instance.toml` and leaves everything else of it as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from instancectl.core.config_keys import Value
from instancectl.core.config_text import toml_value

_HEADER = re.compile(r"\s*\[")


def with_values(text: str, values: Mapping[str, Value]) -> str:
    """`text` with the keys set; a commented default is replaced in its place.

    Args:
        text: of an instance file.
        values: dotted path → value.
    """
    for path, value in values.items():
        section, _, name = path.rpartition(".")
        text = _with_value(text, section, name, f"{name} = {toml_value(value)}")
    return text


def _with_value(text: str, section: str, name: str, assignment: str) -> str:
    lines = text.splitlines()
    header = re.compile(rf"\s*\[{re.escape(section)}\]\s*(#.*)?")
    begin = next((at for at, line in enumerate(lines) if header.fullmatch(line)), None)
    if begin is None:
        return text.rstrip("\n") + f"\n\n[{section}]\n{assignment}\n"
    end = next((at for at in range(begin + 1, len(lines)) if _HEADER.match(lines[at])), len(lines))
    for form in (rf"\s*{re.escape(name)}\s*=.*", rf"#\s*{re.escape(name)}\s*=.*"):
        for at in range(begin + 1, end):
            if re.fullmatch(form, lines[at]):
                return "\n".join([*lines[:at], assignment, *lines[at + 1 :]]) + "\n"
    return "\n".join([*lines[: begin + 1], assignment, *lines[begin + 1 :]]) + "\n"
