"""What we write, Ruby's own dotenv reads: run in the image that has it."""

from __future__ import annotations

import json
import subprocess

import pytest

from instancectl.core.dotenv import assignment
from instancectl.errors import ConfigError
from tests.contract.standin_harness import built_images

pytestmark = pytest.mark.contract

PIECES = [
    "a",
    "B1",
    " ",
    "#",
    "'",
    '"',
    "$",
    "$HOME",
    "$(id)",
    "\\",
    "\\n",
    "`",
    "=",
    "{",
    "é",
    "%",
    "export ",
]
RUBY = ("docker", "run", "--rm", "-i", "--network", "none", "--entrypoint", "ruby")
PROGRAM = "puts JSON.generate(Dotenv::Parser.call($stdin.read))"


@pytest.fixture(scope="module")
def mastodon_image() -> str:
    (tag,) = built_images("mastodon").values()
    return tag


def test_ruby_reads_every_value_as_it_was_meant(mastodon_image: str) -> None:
    wanted, lines = {}, []
    values = PIECES + [one + two + three for one in PIECES for two in PIECES for three in PIECES]
    for number, value in enumerate(values):
        try:
            lines.append(assignment(f"V{number}", value))
        except ConfigError:
            continue
        wanted[f"V{number}"] = value
    assert len(wanted) > len(values) // 2
    ran = subprocess.run(
        [*RUBY, mastodon_image, "-rdotenv", "-rjson", "-e", PROGRAM],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(ran.stdout) == wanted
