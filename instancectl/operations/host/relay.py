"""Runs a command of instancectl on another host; output, exit code, terminal and signals are passed on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instancectl.core.host.relay import Errand
from instancectl.errors import OperationFailed, Refused
from instancectl.ports.remote import Remote

PROGRAM = "/usr/local/bin/instancectl"
DIRECTORY = "/etc/instancectl"
"""Where commands run on a host: the directory of its instance."""

_NOT_INSTALLED = 254
_FAILED = 1

# Names of directories that a cut connection left behind are swept by the next errand.
_RECEIVE = """\
umask 077
find /run -maxdepth 1 -name 'instancectl-relay.*' -mmin +60 -exec rm -rf {} +
mktemp -d /run/instancectl-relay.XXXXXXXX
"""
# Runs as root. The shell stays behind only when there are files to remove after the command.
_RUN = """\
program=$1 expected=$2 note=$3 files=$4 variables=$5; shift 5
trap : INT TERM
[ -z "$files" ] || trap 'rm -rf -- "$files"' EXIT HUP
[ -x "$program" ] || exit 254
[ -z "$variables" ] || . "$variables"
cd /etc/instancectl 2>/dev/null || cd /
found=$(readlink /opt/instancectl/current)
[ -z "$expected" ] || [ "${found##*/}" = "$expected" ] || echo "$note" >&2
if [ -z "$files" ]; then trap - INT TERM; exec "$program" "$@"; fi
"$program" "$@"
"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a command is run there.

    Attributes:
        tty: with a terminal of its own.
        stdin: what it reads; None passes ours on.
        expected: the fingerprint of the code that should be there; empty does not care.
        environment: variables, nothing secret.
        secrets: variables that nobody but root may see: they go first, in a file.
    """

    tty: bool = False
    stdin: bytes | None = b""
    expected: str = ""
    environment: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def relay(remote: Remote, errand: Errand, files: Sequence[bytes], manner: Manner) -> int:
    """Run `instancectl` there as root, in the directory of its instance; returns its exit code.

    Args:
        remote: the host.
        errand: what to run; its files are named by where they arrive.
        files: contents, in the order of `errand.files`; readable by root alone, removed afterwards.
        manner: see there.

    Raises:
        Unreachable: the host cannot be reached, or the connection was lost.
        Refused: instancectl is not installed there, or the login may not become root.
    """
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in manner.secrets.items())
    sent = (*files, lines.encode()) if lines else files
    directory = _sent(remote, sent) if sent else ""
    names = [f"{directory}/{number}" for number in range(len(files))]
    variables = f"{directory}/{len(files)}" if lines else ""
    note = (
        f"note: `{remote.address}` runs another version of instancectl; "
        f"the same one: `instancectl host provision --host {remote.address}`"
    )
    environment = ("env", *manner.environment) if manner.environment else ()
    script = ("sh", "-c", _RUN, "sh", PROGRAM, manner.expected, note, directory, variables)
    code = remote.pass_through(
        (*environment, *script, *errand.words(names)), tty=manner.tty, stdin=manner.stdin, sudo=True
    )
    _explain(remote, code)
    return code


def _sent(remote: Remote, files: Sequence[bytes]) -> str:
    outcome = remote.run(("sh", "-c", _RECEIVE), sudo=True)
    directory = outcome.text.strip()
    if outcome.code or not directory:
        raise OperationFailed(
            f"cannot send files to `{remote.address}`: {outcome.err.strip() or 'no reason given'}",
            hint="is `/run` of that host full? `df -h /run`",
            subject=str(remote.address),
        )
    for number, content in enumerate(files):
        remote.put(f"{directory}/{number}", content, 0o600)
    return directory


def _explain(remote: Remote, code: int) -> None:
    """A code that our own wrapping ends with is looked into; a command may end with the same one."""
    if code == _NOT_INSTALLED and remote.run(("test", "-x", PROGRAM), sudo=True).code:
        raise Refused(
            f"instancectl is not installed on `{remote.address}`",
            hint=f"`instancectl host provision --host {remote.address}` brings it there",
            subject=str(remote.address),
        )
    # Says clearly when it was `sudo` that refused.
    if code == _FAILED and remote.run(("true",), sudo=True).code:
        raise Refused(
            f"the login `{remote.address}` runs no commands",
            hint="use a login with an ordinary shell",
            subject=str(remote.address),
        )
