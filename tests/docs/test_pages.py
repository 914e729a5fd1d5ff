"""The documents are true: commands exist, examples are accepted, links lead somewhere, words are ours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from instancectl.cli import reference
from instancectl.core.config import InstanceConfig
from tests.docs.pages import ALL, GUIDES, HOW_TO, LINK, ROOT, blocks, commands, name, prose

KNOWN = {command.words[1:]: command for command in reference.commands()}
GLOBAL = {option.split()[0] for one in KNOWN[()].options for option in one.names}
VALUED = {option.split()[0] for one in KNOWN[()].options for option in one.names if " " in option}
WEASELS = ("simply", "easy", "easily", "obviously", "obvious")


def split(words: list[str]) -> tuple[tuple[str, ...], set[str]]:
    """The words of the command itself, and every option that is used."""
    plain, options, skip = [], set(), False
    for word in words:
        if word.startswith("-"):
            options.add(word.partition("=")[0])
            skip = word in VALUED
        elif skip:
            skip = False
        else:
            plain.append(word)
        if tuple(plain) == ("tootctl",):
            break  # what follows belongs to tootctl
    command = next((tuple(plain[:n]) for n in (2, 1, 0) if tuple(plain[:n]) in KNOWN), ())
    return command, options


@pytest.mark.parametrize("path", [*GUIDES, ROOT / "docs" / "contributing.md"], ids=name)
def test_every_command_shown_exists_with_its_options(path: Path) -> None:
    for words in commands(path):
        command, options = split(words)
        assert command, f"`instancectl {' '.join(words)}` is no command"
        known = {option.split()[0] for one in KNOWN[command].options for option in one.names}
        assert options <= known | GLOBAL | {"--help"}, f"`instancectl {' '.join(words)}`"


@pytest.mark.parametrize("command", [words for words in KNOWN if words], ids=" ".join)
def test_every_command_is_used_in_a_how_to(command: tuple[str, ...]) -> None:
    groups = {words[:1] for words in KNOWN if len(words) > 1}
    used = {split(words)[0] for path in HOW_TO for words in commands(path)}
    assert command in used or command in groups


@pytest.mark.parametrize("path", ALL, ids=name)
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{target} in {name(path)}"
        if anchor:
            assert anchor in anchors(linked), f"{target} in {name(path)}"


def anchors(path: Path) -> set[str]:
    """Anchors as GitHub makes them from headings, and explicit ones."""
    text = path.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'(?:id|name)="([^"]+)"', text))


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_toml_example_is_accepted(path: Path) -> None:
    for block in blocks(path, "toml"):
        settings = {"instance": {"domain": "social.example"}, **tomllib.loads(block.text)}
        InstanceConfig.model_validate(settings)


def test_readme_fits_on_120_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_prose_uses_our_words(path: Path) -> None:
    rows = re.findall(
        r"^\| [^|]+ \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs" / "style.md").read_text(), re.MULTILINE
    )
    foreign = {word.strip() for row in rows[1:] for word in row.split(",") if word.strip(" -")}
    assert {"pod", "mutex", "backlog"} <= foreign
    text = prose(path).lower()
    found = [word for word in sorted(foreign | set(WEASELS)) if re.search(rf"\b{re.escape(word)}s?\b", text)]
    assert not found


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_sentences_are_short(path: Path) -> None:
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:- |\d+\. |#))", prose(path))
    for paragraph in paragraphs:
        for sentence in re.split(r"(?<=[.?!:;])\s", " ".join(paragraph.split())):
            assert len(re.findall(r"[\w`'’-]+", sentence)) <= 30, sentence


DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))


@pytest.mark.parametrize("path", DECISIONS, ids=name)
def test_a_decision_has_its_four_headings_on_one_page(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith(f"# {path.name[:4]}. ")
    assert [line for line in lines if line.startswith("## ")] == [
        "## Status", "## Context", "## Decision", "## Consequences",
    ]  # fmt: skip
    assert len(lines) <= 60


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
