"""Child processes that stand for commands on a host: waited for, fed, or given our own terminal."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from instancectl.errors import Unreachable
from instancectl.ports.remote import Outcome

NOT_FOUND = 127
"""What a shell reports for a program that is not there."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(command: Sequence[str], stdin: bytes, timeout_seconds: float) -> Outcome | None:
    """Run and wait; None when it did not end in time."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    except FileNotFoundError:
        return Outcome(NOT_FOUND, b"", f"{command[0]}: not found")
    return Outcome(shell_code(done.returncode), done.stdout, done.stderr.decode(errors="replace"))


def send(command: Sequence[str], chunks: Iterator[bytes]) -> Outcome:
    """Run and feed a stream for as long as it takes."""
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError:
        return Outcome(NOT_FOUND, b"", f"{command[0]}: not found")
    with child:
        try:
            said = _collect(child)
            _feed(child, chunks)
            child.wait()
        except BaseException:
            child.kill()
            raise
    out, err = said()
    return Outcome(shell_code(child.returncode), out, err.decode(errors="replace"))


def attached(
    command: Sequence[str],
    *,
    tty: bool,
    stdin: bytes | None,
    forward: Callable[[int], None],
) -> int:
    """Run with our own stdout and stderr, and stdin unless bytes are given.

    On a terminal its keys reach the command by themselves. Elsewhere signals that end us are handed to
    `forward`, so that the command ends and says so itself; the second one ends the waiting.
    """
    child = subprocess.Popen(
        command,
        stdin=None if stdin is None else subprocess.PIPE,
        start_new_session=not tty,  # Ctrl-C must reach us alone: a dead `ssh` would pass nothing on
    )
    with child, _forwarding(child, forward, tty=tty):
        try:
            if stdin is not None and child.stdin is not None:
                _feed(child, iter((stdin,)))
            return shell_code(child.wait())
        except BaseException:
            child.kill()
            raise


def shared(command: Sequence[str], *, stdin: bytes | None) -> int:
    """Run with our outputs and our terminal: Ctrl-C reaches the command by itself, others by us."""
    try:
        child = subprocess.Popen(command, stdin=None if stdin is None else subprocess.PIPE)
    except FileNotFoundError:
        return NOT_FOUND

    def forward(number: int) -> None:
        if number != signal.SIGINT:
            child.send_signal(number)

    with child, _forwarding(child, forward, tty=False):
        if stdin is not None:
            _feed(child, iter((stdin,)))
        return shell_code(child.wait())


def held(command: Sequence[str]) -> int | None:
    """Run with our outputs until it ends by itself; None when we were asked to end it."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return NOT_FOUND
    asked: list[int] = []

    def forward(number: int) -> None:
        asked.append(number)
        child.terminate()

    with child, _forwarding(child, forward, tty=False):
        code = shell_code(child.wait())
    return None if asked else code


def shell_code(code: int) -> int:
    """What a shell reports: 128 + number for a signal."""
    return 128 - code if code < 0 else code


def missing(program: str) -> Unreachable:
    """The program that should reach the host is not on this machine."""
    package = {"ssh": "openssh-client", "ssh-keygen": "openssh-client"}.get(program, program)
    return Unreachable(
        f"there is no `{program}` on this machine",
        hint=f"install it: `sudo apt-get install {package}`",
        subject=program,
    )


def _collect(child: subprocess.Popen[bytes]) -> Callable[[], tuple[bytes, bytes]]:
    """Read both outputs meanwhile: a full pipe would stop the command."""
    found: dict[str, bytes] = {"out": b"", "err": b""}

    def reader(name: str) -> None:
        stream = child.stdout if name == "out" else child.stderr
        found[name] = stream.read() if stream else b""

    threads = [threading.Thread(target=reader, args=(name,), daemon=True) for name in found]
    for thread in threads:
        thread.start()

    def said() -> tuple[bytes, bytes]:
        for thread in threads:
            thread.join()
        return found["out"], found["err"]

    return said


def _feed(child: subprocess.Popen[bytes], chunks: Iterator[bytes]) -> None:
    stream = child.stdin
    if stream is None:
        return
    # A command may end before it has read everything; its exit code says whether that was right.
    with contextlib.suppress(BrokenPipeError):
        for chunk in chunks:
            stream.write(chunk)
    with contextlib.suppress(BrokenPipeError):
        stream.close()


@contextlib.contextmanager
def _forwarding(
    child: subprocess.Popen[bytes], forward: Callable[[int], None], *, tty: bool
) -> Iterator[None]:
    came: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)
        if tty or len(came) > 1:
            child.terminate()
        else:
            forward(number)

    # On a terminal Ctrl-C is a byte for the other side; what arrives here as SIGINT was sent by somebody.
    before = {number: signal.signal(number, handler) for number in FORWARDED}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
