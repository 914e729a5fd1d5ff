"""The few lines of shell that a command on a host is wrapped in."""

from __future__ import annotations

from collections.abc import Sequence

_AS_ROOT = (
    'if [ "$(id -u)" = 0 ]; then exec "$@"; fi\n'
    'command -v sudo >/dev/null || { echo "sudo: not in the sudoers file: no sudo here" >&2; exit 1; }\n'
    'exec sudo -n -- "$@"'
)
ROOT: tuple[str, ...] = ("sh", "-c", _AS_ROOT, "sh")
"""Runs the words that follow as root: at once, or by `sudo` without a question."""

MARK = "INSTANCECTL_RELAYED"
"""Variable that marks a command and its children, so that a signal finds them."""

_WRITE = (
    'umask 077; new=$(mktemp "$1.XXXXXXXX") || exit 1\n'
    'if cat >"$new" && chmod "$2" "$new" && sync "$new" && mv -f "$new" "$1"; then exit 0; fi\n'
    'rm -f "$new"; exit 1'
)
_SIGNAL = (
    "for one in /proc/[0-9]*; do\n"
    '  if grep -qsxz "$1" "$one/environ"; then kill -s "$2" "${one#/proc/}" 2>/dev/null; fi\n'
    "done"
)


def writing(path: str, mode: int) -> Sequence[str]:
    """Write stdin to a file, whole or not at all."""
    return ("sh", "-c", _WRITE, "sh", path, f"{mode:04o}")


def signalling(token: str, number: int) -> Sequence[str]:
    """Send a signal to what runs under that mark; `env` turned the mark into the environment."""
    return ("sh", "-c", _SIGNAL, "sh", f"{MARK}={token}", str(number))
