"""Our own program as a child process."""

from __future__ import annotations

import subprocess
import sys

from instancectl.errors import OperationFailed

LONGEST_SECONDS = 300
ENDED = 124  # as timeout(1) says it


class ChildCommand:
    """See `ports.own_command.OwnCommand`."""

    def __init__(self, directory: str) -> None:
        """Of the instance in `directory`."""
        self._words = (sys.executable, "-m", "instancectl", "--no-color", "--config", directory)

    def run(self, *words: str) -> tuple[int, str]:
        """Wait for its end."""
        try:
            done = subprocess.run(
                [*self._words, *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", timeout=LONGEST_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return ENDED, f"no end after {LONGEST_SECONDS} s"
        return done.returncode, done.stdout

    def begin(self, *words: str) -> None:
        """`setsid` of util-linux, on every Debian, ends at once: nobody is left to be waited for."""
        try:
            subprocess.run(
                ["setsid", "--fork", *self._words, *words],
                stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr, check=True,
                start_new_session=True,  # before it forks: nothing meant for our group may reach its child
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError) as error:
            raise OperationFailed(f"cannot start `instancectl {' '.join(words)}`: {error}") from None
