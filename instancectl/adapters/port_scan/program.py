"""Tries ports and tells what they answer, wherever it runs: here in a network of its own, or on another host.

Standard library only, for Python 3.8 and newer: it is sent as it is to `python3 -`. `look(request)` takes and
returns plain values. Run as a program it takes one line of JSON, and ends when its stdin does.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET}
NO_WAY = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EHOSTUNREACH}
AT_ONCE = 2000
READ_FLAGS, RUNNING = 0x8913, 0x40  # SIOCGIFFLAGS and IFF_RUNNING of Linux
UDP_WORD = b"\x00instancectl: is anybody there?\n"


def look(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Try everything on every address; `until_seconds` bounds the whole."""
    deadline = time.monotonic() + request["until_seconds"]
    addresses = request["addresses"]
    if not addresses:
        return []
    size = max(16, _room() // len(addresses))
    # Side by side: where a firewall swallows everything, each address takes all the waiting there is.
    with ThreadPoolExecutor(len(addresses)) as pool:
        return list(pool.map(lambda address: _address(address, request, size, deadline), addresses))


def _address(address: str, request: dict[str, Any], size: int, deadline: float) -> dict[str, Any]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = {"address": address, "tcp": [], "refused": 0, "silent": 0, "udp": [], "error": ""}
    ports = [port for first, last in request["tcp"] for port in range(first, last + 1)]
    for start in range(0, len(ports), size):
        if time.monotonic() > deadline:
            found["error"] = f"time was over after {start} of {len(ports)} ports"
            break
        _tcp(family, ports[start : start + size], request["wait_seconds"], found)
        if found["error"]:
            break
    judged, answering = _udp(family, address, request)
    found["udp_judged"], found["udp"] = judged, answering
    return found


def _room() -> int:
    """How many sockets may be open at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = AT_ONCE + 64
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft - 64


def _tcp(family: int, ports: list[int], wait_seconds: float, found: dict[str, Any]) -> None:
    """Connect to all of them at once, and once more to the silent ones: the first word may be lost."""
    for _ in range(2):
        ports = _tcp_once(family, ports, wait_seconds, found)
    found["silent"] += len(ports)


def _tcp_once(family: int, ports: list[int], wait_seconds: float, found: dict[str, Any]) -> list[int]:
    waiting: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as ready:
        for port in ports:
            one = socket.socket(family, socket.SOCK_STREAM)
            one.setblocking(False)
            code = one.connect_ex((found["address"], port))
            if code == errno.EINPROGRESS:
                waiting[port] = one
                ready.register(one, selectors.EVENT_WRITE, port)
            else:
                _note(code, port, found)
                one.close()
        for port, code in _connected(ready, waiting, wait_seconds):
            _note(code, port, found)
    for one in waiting.values():
        one.close()
    return sorted(waiting)


def _connected(
    ready: selectors.BaseSelector, waiting: dict[int, socket.socket], wait_seconds: float
) -> Iterator[tuple[int, int]]:
    deadline = time.monotonic() + wait_seconds
    while waiting and time.monotonic() < deadline:
        for key, _ in ready.select(max(0.0, deadline - time.monotonic())):
            one = waiting.pop(key.data)
            code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            ready.unregister(one)
            one.close()
            yield key.data, code


def _note(code: int, port: int, found: dict[str, Any]) -> None:
    if code == 0:
        found["tcp"].append(port)
    elif code in REFUSED:
        found["refused"] += 1
    elif code in NO_WAY and not found["tcp"] and not found["refused"]:
        found["error"] = f"no way there: {os.strerror(code).lower()}"
    else:
        found["silent"] += 1


def _udp(family: int, address: str, request: dict[str, Any]) -> tuple[bool, list[int]]:
    """Whether UDP can be judged there, and the ports that answer.

    A port that nothing holds is tried first. When it is refused, whatever is not refused is held and open.
    When it is silent, a firewall swallows UDP, and silence says nothing.
    """
    wait_seconds = request["wait_seconds"]
    if not request["silent_udp"]:
        return False, []
    ports = [request["silent_udp"], *request["udp"]]
    with ThreadPoolExecutor(len(ports)) as pool:
        said = list(pool.map(lambda port: _udp_answer(family, address, port, wait_seconds), ports))
    judged = said[0] == "refused"
    good = {"answered", "silent"} if judged else {"answered"}
    return judged, sorted(port for port, answer in zip(ports[1:], said[1:]) if answer in good)  # noqa: B905 - Python 3.8


def _udp_answer(family: int, address: str, port: int, wait_seconds: float) -> str:
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.settimeout(wait_seconds / 2)
        try:
            one.connect((address, port))
            one.send(UDP_WORD)
            one.recv(2048)
        except socket.timeout:  # noqa: UP041 - Python 3.8
            return "silent"
        except OSError:
            return "refused"
    return "answered"


def main() -> None:
    """Say `ready`, read the request, set up the network it names, tell the answer as JSON."""
    _tell("ready")
    line = sys.stdin.readline()
    if not line:
        return
    # Whoever started this was killed when stdin ends: then this ends, and its network with it.
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    request = json.loads(line)
    if request["network"]:
        _switch_ipv6_on(request["interface"])
        lines = "\n".join(request["network"])
        done = subprocess.run(["ip", "-batch", "-"], input=lines, capture_output=True, text=True, check=False)
        if done.returncode:
            _tell(json.dumps({"error": done.stderr.strip()}))
            return
        _await_running(request["interface"])
    _tell(json.dumps({"seen": look(request)}))


def _switch_ipv6_on(interface: str) -> None:
    """In this network only: it is ours, and new."""
    for name in ("all", interface):
        switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if switch.exists():
            switch.write_text("0", encoding="ascii")


def _await_running(interface: str, seconds: float = 3.0) -> None:
    """A link that was just set up loses what is sent before the kernel has noticed that it is up."""
    asked = struct.pack("16sh14x", interface.encode(), 0)
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        while time.monotonic() < deadline:
            flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, READ_FLAGS, asked))[1]
            if flags & RUNNING:
                break
            time.sleep(0.01)
    time.sleep(0.02)  # the other end notices at the same moment, give or take


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
