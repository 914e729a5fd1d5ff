"""Runbooks: the small part of Markdown that they are written in, their commands, and their HTML.

A runbook is a title, and under it exactly these sections: meaning, impact, diagnose, mitigate, prevent.
Commands stand in `console` blocks, each behind `$ `; what stands in capitals is for the reader to fill in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from instancectl.core.markup import Markup, joined, tag

SECTIONS: Final = ("Meaning", "Impact", "Diagnose", "Mitigate", "Prevent")

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`|\[([^\]]+)\]\(([a-z0-9-]+)\.md\)")


def filled(text: str, stack: str) -> str:
    """With the name of the instance's stack where `STACK` stands for it."""
    return re.sub(r"\bSTACK(?![A-Z])", stack, text)


def title_of(text: str) -> str:
    """The alert's name."""
    return text.partition("\n")[0].removeprefix("# ").strip()


def sections_of(text: str) -> dict[str, str]:
    """Heading → what stands under it, in order."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {title.strip(): body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def commands_of(body: str) -> tuple[str, ...]:
    """What is to be typed in one section, in order."""
    blocks = (block for kind, block in _BLOCK.findall(body) if kind == "console")
    return tuple(
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")
    )


def as_markup(text: str) -> Markup:
    """The whole runbook for the dashboard."""
    return joined([tag("h1", title_of(text)), *_parts(text)])


def _parts(text: str) -> Iterator[Markup]:
    for title, body in sections_of(text).items():
        yield tag("h2", title)
        at = 0
        for block in _BLOCK.finditer(body):
            yield from _prose(body[at : block.start()])
            yield tag("pre", tag("code", block[2].strip("\n")), tabindex="0")
            at = block.end()
        yield from _prose(body[at:])


def _prose(text: str) -> Iterator[Markup]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = paragraph.splitlines()
        if not lines:
            continue
        if all(line.startswith("- ") for line in lines):
            yield tag("ul", (tag("li", _inline(line[2:])) for line in lines))
        else:
            yield tag("p", _inline(" ".join(lines)))


def _inline(text: str) -> Markup:
    found: list[str | Markup] = []
    at = 0
    for match in _INLINE.finditer(text):
        found.append(text[at : match.start()])
        code, label, slug = match.groups()
        found.append(tag("code", code) if code else tag("a", label, href=f"/runbooks/{slug}"))
        at = match.end()
    return joined([*found, text[at:]])
