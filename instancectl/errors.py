"""Every way instancectl ends badly, with its exit code; the exit-code page is generated from here.

An error says what was attempted and what was seen; its hint is something to type.
Adapters translate SDK exceptions into these at the edge and chain the cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ExitCode:
    """One row of the exit-code table."""

    code: int
    name: str
    when: str
    script_should: str


EXIT_CODES: tuple[ExitCode, ...] = (
    ExitCode(0, "ok", "done, or nothing to do", "go on"),
    ExitCode(1, "failed", "an operation failed and said why", "page"),
    ExitCode(2, "usage", "bad flag or argument", "fix the call"),
    ExitCode(3, "config", "the instance file or a secret is missing or wrong", "fix the file"),
    ExitCode(4, "unhealthy", "`check` found a `fail`, or `status` is not well", "look"),
    ExitCode(5, "busy", "another run holds the lock", "retry later"),
    ExitCode(6, "unreachable", "Docker, PostgreSQL, Redis, S3 or a host cannot be reached", "retry"),
    ExitCode(7, "refused", "a precondition or confirmation is missing; nothing changed", "decide"),
    ExitCode(8, "partial", "some steps applied, then a failure", "run again"),
    ExitCode(9, "drift", "`plan --exit-code` and the plan is not empty", "deploy"),
    ExitCode(70, "bug", "an unexpected exception; the debug log's path is printed", "report"),
    ExitCode(130, "interrupted", "Ctrl-C", "-"),
)


class InstanceError(Exception):
    """Base of all expected errors.

    Args:
        message: what was attempted and what was seen; lower case, no final full stop.
        hint: something to type or look at next; may be empty.
        subject: what it is about (a domain, a key, a service), for scripts.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str = "", subject: str = "") -> None:
        """Keep the three parts apart so that the renderer can lay them out."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.subject = subject


class OperationFailed(InstanceError):
    """An operation failed; the message says how the world was left."""


class ConfigError(InstanceError):
    """`instance.toml` or a secret is missing or wrong; nothing was touched."""

    exit_code = 3
    code = "config"


class Unhealthy(InstanceError):
    """The instance was looked at and is not well."""

    exit_code = 4
    code = "unhealthy"


class Busy(InstanceError):
    """Another run holds the lock."""

    exit_code = 5
    code = "busy"


class Unreachable(InstanceError):
    """Something outside did not answer; trying again may help."""

    exit_code = 6
    code = "unreachable"


class Refused(InstanceError):
    """A precondition or a confirmation is missing; nothing changed."""

    exit_code = 7
    code = "refused"


class Partial(InstanceError):
    """Some steps were applied, then one failed; running again continues."""

    exit_code = 8
    code = "partial"
