"""Global options: where they may stand on the command line, and how a command gets them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import typer

from instancectl.core.invocation import Globals

FLAGS = frozenset(
    {"--json", "--yes", "-y", "--quiet", "-q", "--verbose", "-v", "-vv", "--no-color", "--debug"}
)
VALUED = frozenset({"--config", "--host", "--host-key"})
MACHINE_OPTION = "--machine"
_SIZE = re.compile(r"\d+c/\d+(\.\d+)?g")
PASSTHROUGH = frozenset({"tootctl"})
"""Commands whose own arguments belong to another program."""


def globals_of(ctx: typer.Context) -> Globals:
    """The global options of this invocation."""
    found = ctx.obj
    return found if isinstance(found, Globals) else Globals()


def hoist(argv: Sequence[str]) -> list[str]:
    """Move global options to the front, so that `status --json` and `--json status` mean the same.

    What follows `--` or a passthrough command stays where it is.
    """
    front: list[str] = []
    rest: list[str] = []
    words = iter(_machines(argv))
    for word in words:
        if word == "--" or word in PASSTHROUGH:
            rest += [word, *words]
        elif word in FLAGS or (word.split("=", 1)[0] in VALUED and "=" in word):
            front.append(word)
        elif word in VALUED:
            front += [word, *_next(words)]
        else:
            rest.append(word)
    return front + rest


def own(words: Sequence[str]) -> list[str]:
    """The words that are ours: up to `--` or a passthrough command's own arguments."""
    end = next((at for at, word in enumerate(words) if word == "--" or word in PASSTHROUGH), len(words))
    return list(words[: end + 1])


def shielded(words: Sequence[str]) -> list[str]:
    """The words with a passthrough command's arguments made safe: Typer takes one `--` away."""
    ours = own(words)
    guard = ["--"] if ours and ours[-1] in PASSTHROUGH else []
    return [*ours, *guard, *words[len(ours) :]]


def _machines(argv: Sequence[str]) -> list[str]:
    """`--host 4c/8g` names no host but the size of one: `scale simulate` knows it as `--machine`."""
    ours = own(argv)
    words = [
        MACHINE_OPTION + word[6:] if _SIZE.fullmatch(word[7:]) and word[:7] == "--host=" else word
        for word in ours
    ]
    for at, word in enumerate(words[1:], 1):
        if words[at - 1] == "--host" and _SIZE.fullmatch(word):
            words[at - 1] = MACHINE_OPTION
    return [*words, *argv[len(ours) :]]


def _next(words: object) -> list[str]:
    value = next(words, None)  # type: ignore[call-overload]
    return [] if value is None else [value]
