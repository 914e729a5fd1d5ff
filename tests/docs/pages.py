"""Reads the Markdown of this repository: prose, code blocks, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
GUIDES = sorted(
    [
        *HOW_TO,
        *(ROOT / "docs" / "explanation").glob("*.md"),
        ROOT / "docs" / "tutorial.md",
        ROOT / "README.md",
    ]
)
ALL = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("playbooks/*.md"),
        *ROOT.glob("monitoring/*.md"),
    ]
)

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
OUR_COMMAND = re.compile(r"^(?:sudo )?(?:\S*/)?instancectl ")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language and its text without the indentation."""

    language: str
    text: str


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[Block]:
    found = []
    for indent, word, text in FENCE.findall(path.read_text()):
        if word == language:
            found.append(Block(word, "\n".join(line.removeprefix(indent) for line in text.splitlines())))
    return found


def prose(path: Path) -> str:
    """The text without code, tables, comments and link targets."""
    text = FENCE.sub("", path.read_text())
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = LINK.sub(lambda match: match[0].partition("](")[0], text)
    text = re.sub(r"`[^`]*`", "`", text)
    return "\n".join(line for line in text.splitlines() if not line.startswith(("    ", "|")))


def commands(path: Path) -> Iterator[list[str]]:
    """The words of every `$ instancectl …` line of a page."""
    for block in blocks(path, "console"):
        for line in block.text.splitlines():
            typed = line.removeprefix("$ ")
            if line.startswith("$ ") and OUR_COMMAND.match(typed):
                words = shlex.split(typed, comments=True)
                yield words[2:] if words[0] == "sudo" else words[1:]
