"""Tries ports of this host from a network namespace of its own: for the kernel, from outside.

A connection to one of the host's own addresses never leaves loopback, and passes neither Docker's rules for
published ports nor a firewall. From a namespace behind a veth pair it arrives as a stranger's does.
The namespace has no name. It belongs to a child that ends when its stdin does, and the interfaces end with
it: a look that is killed leaves nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instancectl.adapters.port_scan.reading import answers, request
from instancectl.core.host.exposure import AddressSeen, Scan
from instancectl.errors import Unreachable

WAIT_SECONDS = 1.0
"""For one connection; the way is a few microseconds long."""

START_SECONDS = 10
OUTER, INNER = "ictlook", "look"
OUTER_MAC, INNER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
"""Both ends know each other without asking: a firewall, or a moment too early, would swallow the question."""

HINT = "run it as root on the host itself, or look from another: `--from USER@HOST`"


class NamespaceScan:
    """See `ports.port_scan.PortScan`."""

    vantage = "from outside this host's network namespace"

    def scan(self, what: Scan, timeout_seconds: float) -> tuple[AddressSeen, ...]:
        """What each address answered."""
        with _child() as child, _ended_after(child, timeout_seconds + START_SECONDS):
            if _line(child) != "ready":
                _refuse(child)
            inside = _connect(child.pid, six=any(":" in address for address in what.addresses))
            asked = {**request(what, WAIT_SECONDS, timeout_seconds), "network": inside, "interface": INNER}
            _say(child, asked)
            said = _line(child)
            if not said:
                _refuse(child)
            return answers(json.loads(said))


@contextmanager
def _child() -> Iterator[subprocess.Popen[str]]:
    """The program in a namespace of its own; gone afterwards."""
    program = Path(__file__).parent / "program.py"
    words = ["unshare", "--net", "--", sys.executable, "-I", "-S", str(program)]
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    except OSError as error:
        raise Unreachable(f"cannot look from outside: `unshare`: {error.strerror}", hint=HINT) from error
    with child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def _ended_after(child: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    """Nothing waits for ever: then reading its answer ends, too."""
    alarm = threading.Timer(seconds, child.kill)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


def _connect(pid: int, *, six: bool) -> list[str]:
    """Make the pair of interfaces; returns what is left to do inside.

    Names and addresses follow from the process id, so that two looks never meet. The addresses are those
    that are set aside for tests of network devices (RFC 2544, RFC 5180): no real network has them.
    """
    number = pid % 32768
    here, there = (f"198.18.{number // 64 % 256}.{number % 64 * 4 + end}" for end in (1, 2))
    here6, there6 = (f"2001:2:0:{number:x}::{end}" for end in (1, 2))
    outer = f"{OUTER}{number:x}"
    _ip(
        f"link add {outer} address {OUTER_MAC} type veth peer name {INNER} address {INNER_MAC} netns {pid}",
        f"link set {outer} up",
        f"address add {here}/30 dev {outer}",
        f"neighbour replace {there} lladdr {INNER_MAC} dev {outer} nud permanent",
    )
    if six:
        # A host may have switched it off for new interfaces, and have it on the one that counts.
        Path(f"/proc/sys/net/ipv6/conf/{outer}/disable_ipv6").write_text("0")
        _ip(
            f"address add {here6}/126 dev {outer} nodad",
            f"neighbour replace {there6} lladdr {INNER_MAC} dev {outer} nud permanent",
        )
    inside = ["link set lo up", f"link set {INNER} up", *_inside(there, 30, here, "0.0.0.0/0")]
    return inside + (_inside(there6, 126, here6, "::/0") if six else [])


def _inside(own: str, prefix_length: int, gateway: str, everywhere: str) -> list[str]:
    return [
        f"address add {own}/{prefix_length} dev {INNER}" + (" nodad" if ":" in own else ""),
        f"neighbour replace {gateway} lladdr {OUTER_MAC} dev {INNER} nud permanent",
        f"route add {everywhere} via {gateway}",
    ]


def _ip(*lines: str) -> None:
    try:
        done = subprocess.run(
            ["ip", "-batch", "-"],
            input="\n".join(lines), capture_output=True, text=True, check=False, timeout=START_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"cannot look from outside: `ip`: {error}", hint=HINT) from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[:1] or ["it ended without a word"]
        raise Unreachable(f"cannot look from outside: `ip`: {said[0]}", hint=HINT)


def _say(child: subprocess.Popen[str], what: dict[str, Any]) -> None:
    assert child.stdin is not None  # noqa: S101 - it was asked for
    try:
        child.stdin.write(json.dumps(what) + "\n")
        child.stdin.flush()
    except BrokenPipeError:
        _refuse(child)


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None  # noqa: S101 - the same
    return child.stdout.readline().strip()


def _refuse(child: subprocess.Popen[str]) -> None:
    assert child.stderr is not None  # noqa: S101 - the same
    child.kill()
    said = child.stderr.read().strip().splitlines()[-1:] or ["no answer in time"]
    raise Unreachable(f"cannot look from outside: {said[0]}", hint=HINT)
