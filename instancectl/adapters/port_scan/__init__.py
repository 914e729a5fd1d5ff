"""Tries ports of this host: from a throw-away network namespace, or from another host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instancectl.adapters.port_scan.namespace import NamespaceScan
from instancectl.adapters.port_scan.reading import answers, request
from instancectl.core.host.exposure import AddressSeen, Scan
from instancectl.errors import Unreachable
from instancectl.ports.remote import Remote

__all__ = ["NamespaceScan", "RemoteScan"]

REMOTE_WAIT_SECONDS = 2.0
"""How long a far host may take to answer one connection."""


class RemoteScan:
    """See `ports.port_scan.PortScan`: another host tries; the program travels over its connection."""

    def __init__(self, remote: Remote) -> None:
        """`remote` is the host to look from."""
        self._remote = remote

    @property
    def vantage(self) -> str:
        """For people."""
        return f"seen from {self._remote.address}"

    def scan(self, what: Scan, timeout_seconds: float) -> tuple[AddressSeen, ...]:
        """What each address answered."""
        program = _program(request(what, REMOTE_WAIT_SECONDS, timeout_seconds))
        done = self._remote.run(["python3", "-"], stdin=program, timeout_seconds=timeout_seconds + 10)
        try:
            return answers(json.loads(done.out))
        except ValueError:
            said = done.err.strip().splitlines()[-1:] or [f"exit code {done.code}"]
            raise Unreachable(
                f"cannot look from {self._remote.address}: {said[0]}",
                hint="python3 must be there; look from another host, or leave `--from` away",
            ) from None


def _program(asked: Mapping[str, Any]) -> bytes:
    source = (Path(__file__).parent / "program.py").read_text()
    body = source.partition('\nif __name__ == "__main__":')[0]
    call = f'print(json.dumps({{"seen": look(json.loads({json.dumps(asked)!r}))}}))'
    return f"{body}\n{call}\n".encode()
