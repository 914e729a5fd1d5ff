"""The Typer application, its global options, and the one exception boundary."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from instancectl import __version__
from instancectl.cli import commands
from instancectl.cli.context import VALUED, hoist, own, shielded
from instancectl.cli.relay import relayed
from instancectl.cli.render import render_error, render_line, render_result
from instancectl.core.host.address import HERE
from instancectl.core.invocation import Globals
from instancectl.core.result import Result
from instancectl.errors import InstanceError

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports for a program that SIGPIPE ended."""

app = typer.Typer(
    name="instancectl",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Provision, scale, back up and monitor a Mastodon instance.",
)


def _version(value: bool) -> None:
    if value:
        render_line(f"instancectl {__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", envvar="INSTANCECTL_CONFIG", help="The instance file, or the directory it is in."
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host", metavar="USER@ADDRESS", help="Run on this host over SSH; `local` is this machine."
        ),
    ] = None,
    host_key: Annotated[
        str, typer.Option("--host-key", metavar="SHA256:…", help="The fingerprint that its key must have.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer moderate questions with yes.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say more; repeat for more.")
    ] = 0,
    no_color: Annotated[bool, typer.Option("--no-color", envvar="NO_COLOR", help="No colour.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that every command understands, before or after its name."""
    hosts = tuple(one for one in host or () if one != HERE)
    first = hosts[0] if hosts else None
    words = ctx.obj if isinstance(ctx.obj, tuple) else ()
    ctx.obj = Globals(config, first, json, yes, quiet, verbose, not no_color, host_key, hosts, words)


commands.register(app)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; every failure becomes one clear message."""
    words = hoist(argv)
    ours = own(words)
    options = Globals(json="--json" in ours, quiet="--quiet" in ours or "-q" in ours)
    command = _command_words(ours)
    try:
        return _carried_out(command, words, options)
    except InstanceError as error:
        return render_error(command, error, options)
    except TyperException as error:
        return _usage(command, error, options)
    except (KeyboardInterrupt, Abort):
        return _interrupted()
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if "--debug" in ours:
            raise
        return _bug(command, error, options)


def _carried_out(command: tuple[str, ...], words: Sequence[str], options: Globals) -> int:
    there = relayed(words, options)
    if there is not None:
        return there
    asked = commands.only(app, command[0] if command else "")
    outcome = asked(args=shielded(words), prog_name="instancectl", standalone_mode=False, obj=tuple(words))
    return _rendered(command, outcome, options)


def _rendered(command: tuple[str, ...], outcome: object, options: Globals) -> int:
    if isinstance(outcome, Result):
        code = render_result(command, outcome, options)
        sys.stdout.flush()
        return code
    if outcome == INTERRUPTED:  # what Typer makes of Ctrl-C
        return _interrupted()
    return outcome if isinstance(outcome, int) else 0


def _interrupted() -> int:
    render_line("interrupted; run the same command again to continue", to_stderr=True)
    return INTERRUPTED


def _usage(command: tuple[str, ...], error: TyperException, options: Globals) -> int:
    message = error.format_message().rstrip(".")
    if message.startswith("Usage:") and not options.json:  # no arguments at all: the help is the answer
        render_line(message, to_stderr=True)
        return error.exit_code
    failure = UsageError(f"{message[:1].lower()}{message[1:]}", hint=_usage_hint(command))
    return render_error(command, failure, options)


def _usage_hint(command: tuple[str, ...]) -> str:
    known = commands.names(app)
    if not command or any(words[: len(command)] == command for words in known):
        return f"see `{' '.join(('instancectl', *command))} --help`"
    return "see `instancectl --help`"


def _bug(command: tuple[str, ...], error: Exception, options: Globals) -> int:
    from instancectl import wiring

    path = wiring.write_debug_log(command, error)
    failure = UnexpectedError(
        f"unexpected {type(error).__name__} in `instancectl {' '.join(command)}`: this is our bug, not yours",
        hint=f"the details are in {path}; please report it with that file",
    )
    return render_error(command, failure, options)


class UsageError(InstanceError):
    """A bad flag or argument."""

    exit_code = 2
    code = "usage"


class UnexpectedError(InstanceError):
    """An exception nobody foresaw."""

    exit_code = 70
    code = "bug"


def _command_words(words: Sequence[str]) -> tuple[str, ...]:
    """The command's words without global options, up to the first option or argument after two."""
    plain: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in VALUED:
            skip = True
        elif not word.startswith("-"):
            plain.append(word)
        elif plain:
            break
    known = commands.names(app)
    return tuple(plain[:2]) if tuple(plain[:2]) in known else tuple(plain[:1])
