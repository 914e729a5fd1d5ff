"""Which commands run on the manager, and what of the command line goes there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

Words = tuple[str, ...]

FROM_HERE: frozenset[str] = frozenset({"dashboard", "host", "launch"})
"""Commands that reach hosts themselves."""

ON_THE_MANAGER: frozenset[Words] = frozenset({("host", "list"), ("host", "drain")})
"""Of those, what asks the manager alone."""

HERE_UNLESS_NAMED: frozenset[Words] = frozenset(
    {(), ("init",), ("config", "schema"), ("scale", "simulate"), ("probe",)}
)
"""What needs no instance: the manager that a file names does not get these, only `--host` does."""

FROM_THE_FILE: frozenset[Words] = frozenset({("deploy",), ("plan",)})
"""What makes the instance be as its file says: another file here than there would mislead somebody."""

PASSWORD_OPTION = "--smtp-password-file"  # noqa: S105 - the name of an option
PASSWORD_VARIABLE = "INSTANCECTL_SMTP_PASSWORD"  # noqa: S105 - the name of a variable

_BUCKET = ("INSTANCECTL_BACKUP_KEY_ID", "INSTANCECTL_BACKUP_KEY")
SECRET_VARIABLES: Mapping[str, Words] = {"backup": _BUCKET, "restore": _BUCKET}
"""First word of a command → variables of this machine that hold secrets for it."""

TRAVELLING: Mapping[Words, frozenset[str]] = {
    ("init",): frozenset({PASSWORD_OPTION, "--from-env"}),
    ("launch",): frozenset({PASSWORD_OPTION}),
    ("probe",): frozenset({"--roots"}),
    ("backup", "drill"): frozenset({"--kit"}),
    ("backup", "get"): frozenset({"--kit"}),
    ("backup", "restore"): frozenset({"--kit"}),
    ("restore",): frozenset({"--kit"}),
    ("scale", "simulate"): frozenset({"--trace"}),
}
"""Options that name a file of this machine: its content goes to the host, under a name of its own there."""

STAYING: Mapping[Words, frozenset[str]] = {
    (): frozenset({"--config"}),
    ("backup", "get"): frozenset({"--to"}),
    ("backup", "init"): frozenset({"--directory", "--kit"}),
    ("init",): frozenset({"--directory"}),
    ("scale", "simulate"): frozenset({"--plot"}),
}
"""Options that name a file or directory of the host, from `/etc/instancectl` on when it is relative."""

_NAMED_OR_FILES = frozenset({"--trace"})
"""Options that take a well-known name, or a file: whatever has a dot or a slash in it."""
_OURS = ("--host", "--host-key", "--config")
_GROUPS = frozenset(
    {"agent", "alert", "backup", "config", "export", "host", "maintenance", "scale", "status-page", "surge"}
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command line, read as far as relaying needs it.

    Attributes:
        command: the words of the command, e.g. `("config", "show")`; empty for none.
        hosts: every `--host`, in order.
        host_key: `--host-key`; empty when nobody named one.
        config: `--config`; empty when nobody named one.
        rest: our other words.
        behind: words that belong to another program.
    """

    command: Words = ()
    hosts: Words = ()
    host_key: str = ""
    config: str = ""
    rest: Words = ()
    behind: Words = ()

    @property
    def wants_help(self) -> bool:
        """Help is the same everywhere."""
        return "--help" in self.rest


@dataclass(frozen=True, slots=True)
class Travelling:
    """A file that goes to the host before the command does.

    Attributes:
        path: where it is here; empty when its content came from elsewhere.
        prefix: what stands before its name in the same word, e.g. `--trace=`.
        content: what it holds when there is no path.
    """

    path: str
    prefix: str = ""
    content: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Errand:
    """What runs on the host: the words behind `instancectl`, some of which are files of this machine."""

    argv: tuple[str | Travelling, ...]

    @property
    def files(self) -> tuple[Travelling, ...]:
        """Files that go first."""
        return tuple(word for word in self.argv if isinstance(word, Travelling))

    def words(self, names: Sequence[str]) -> Words:
        """The words, with the names that the files have on the host, in the order of `files`."""
        left = iter(names)
        return tuple(
            f"{word.prefix}{next(left)}" if isinstance(word, Travelling) else word for word in self.argv
        )


def read(words: Sequence[str], ours: int) -> Typed:
    """Understand a command line.

    Args:
        words: all of it.
        ours: how many of the words are ours; what follows belongs to another program.
    """
    found: dict[str, list[str]] = {name: [] for name in _OURS}
    rest: list[str] = []
    left = iter(words[:ours])
    for word in left:
        name, equals, value = word.partition("=")
        if name in found:
            found[name].append(value if equals else next(left, ""))
        else:
            rest.append(word)
    plain = [word for word in rest if not word.startswith("-")]
    return Typed(
        command=tuple(plain[: 2 if plain and plain[0] in _GROUPS else 1]),
        hosts=tuple(found["--host"]),
        host_key="".join(found["--host-key"][-1:]),
        config="".join(found["--config"][-1:]),
        rest=tuple(rest),
        behind=tuple(words[ours:]),
    )


def runs_here(typed: Typed, *, named: bool) -> bool:
    """Whether a command acts from this machine; `named` when `--host` was typed."""
    from_here = bool(typed.command) and typed.command[0] in FROM_HERE
    if typed.wants_help or (from_here and typed.command not in ON_THE_MANAGER):
        return True
    return not named and typed.command in HERE_UNLESS_NAMED


def value_of(typed: Typed, option: str) -> str:
    """What was typed behind an option, the last time; empty when it was not typed."""
    found = ""
    for word, after in zip(typed.rest, (*typed.rest[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name == option:
            found = value if equals else after
    return found


def launching(typed: Typed, domain: str) -> Typed:
    """The part of a `launch` that is left when the host is ready: the same command, there.

    Args:
        typed: the command line.
        domain: of the instance, when a file of this machine says it; empty when none does.
    """
    known = ("--domain", domain) if domain and not value_of(typed, "--domain") else ()
    left = tuple(word for word in typed.rest if word != "--no-provision")
    return replace(typed, rest=(*left, *known, "--no-provision"))


def errand(typed: Typed, *, named: bool, password: str = "", plain: bool = False) -> Errand:
    """What goes to the host.

    Args:
        typed: the command line.
        named: whether `--host` was typed; else a file of this machine named the manager, and `--config`
            names that file, not one of the host.
        password: content of INSTANCECTL_SMTP_PASSWORD here.
        plain: whether colour is unwanted here (NO_COLOR).
    """
    config = ("--config", typed.config) if named and typed.config else ()
    colour = ("--no-color",) if plain and "--no-color" not in typed.rest else ()
    return Errand(("--host", "local", *config, *colour, *_travelling(typed, password), *typed.behind))


def secret_variables(typed: Typed, environ: Mapping[str, str]) -> dict[str, str]:
    """Those that are set here, for a command that reads them there."""
    names = SECRET_VARIABLES.get(typed.command[0], ()) if typed.command else ()
    return {name: environ[name] for name in names if environ.get(name)}


def _travelling(typed: Typed, password: str) -> Iterator[str | Travelling]:
    options = TRAVELLING.get(typed.command, frozenset())
    left = iter(typed.rest)
    for word in left:
        name, equals, value = word.partition("=")
        if name not in options:
            yield word
        elif equals:
            yield Travelling(value, prefix=f"{name}=") if _is_path(name, value) else word
        else:
            yield word
            yield from (
                Travelling(path) if _is_path(name, path) else path for path in itertools.islice(left, 1)
            )
    if password and PASSWORD_OPTION in options and not _given(typed, PASSWORD_OPTION):
        yield PASSWORD_OPTION
        yield Travelling("", content=password)


def _is_path(option: str, value: str) -> bool:
    return option not in _NAMED_OR_FILES or any(sign in value for sign in "./")


def _given(typed: Typed, option: str) -> bool:
    return any(word.partition("=")[0] == option for word in typed.rest)
