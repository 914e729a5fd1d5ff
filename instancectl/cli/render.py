"""The only place that writes: the answer to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from instancectl.core.invocation import Globals
from instancectl.core.result import Result, Status, envelope
from instancectl.errors import InstanceError


def render_result(command: tuple[str, ...], result: Result, options: Globals) -> int:
    """Print a result for a person or as one JSON document; returns the exit code."""
    if options.json:
        _document(envelope(command, result))
        return result.exit_code
    for line in result.lines:
        print(line)
    if not options.quiet:
        for note in result.notes:
            print(note, file=sys.stderr)
    return result.exit_code


def render_error(command: tuple[str, ...], error: InstanceError, options: Globals) -> int:
    """Print an error with its causes and its hint; with `--json` the envelope on stdout."""
    if options.json:
        status = Status.PARTIAL if error.code == "partial" else Status.FAILED
        described = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "subject": error.subject,
        }
        _document(envelope(command, Result(status, exit_code=error.exit_code), (described,)))
        return error.exit_code
    print(f"error: {error.message}", file=sys.stderr)
    for cause in causes(error):
        print(f"  caused by: {cause}", file=sys.stderr)
    if error.hint:
        print(f"\nhint: {error.hint}", file=sys.stderr)
    return error.exit_code


def render_line(text: str, *, to_stderr: bool = False) -> None:
    """One line, at once; for commands that stream."""
    print(text, file=sys.stderr if to_stderr else sys.stdout, flush=True)


def causes(error: BaseException) -> Iterator[str]:
    """The chain behind an error, outermost first, each in one line, nothing said twice."""
    said = _words(str(error))
    cause = error.__cause__
    while cause is not None:
        text = " ".join(str(cause).split()) or type(cause).__name__
        if not _words(text) <= said:
            yield text
        said |= _words(text)
        cause = cause.__cause__


def _words(text: str) -> set[str]:
    return set(text.split())


def _document(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
