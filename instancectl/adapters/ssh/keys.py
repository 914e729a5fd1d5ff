"""Host keys: what a host shows, and the file in which the confirmed ones are kept."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from instancectl.adapters.ssh import process
from instancectl.adapters.ssh.failures import login_error
from instancectl.adapters.ssh.words import CONNECT_SECONDS, Ssh
from instancectl.core.host.address import HostAddress
from instancectl.errors import OperationFailed
from instancectl.ports.remote import HostKey


class OfferedKeys:
    """See `ports.remote.HostKeys`."""

    def __init__(self, ssh: Ssh) -> None:
        """`ssh` decides by which way (jumps, aliases) a host is asked."""
        self._ssh = ssh

    def offered(self, address: HostAddress) -> tuple[HostKey, ...]:
        """What the host shows now. `ssh` itself asks, so that jumps and aliases lead the same way."""
        with tempfile.TemporaryDirectory(prefix="instancectl-") as directory:
            file = Path(directory) / "known_hosts"
            options = {
                "BatchMode": "yes",
                "ConnectTimeout": str(CONNECT_SECONDS),
                "ControlPath": "none",
                "GlobalKnownHostsFile": "/dev/null",
                "PreferredAuthentications": "none",
                "StrictHostKeyChecking": "accept-new",
                "UpdateHostKeys": "no",
                "UserKnownHostsFile": str(file),
            }
            command = [*self._ssh.words(options, address), "--", address.destination, "true"]
            outcome = process.run(command, b"", CONNECT_SECONDS + 20)
            lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if not lines:
            raise login_error(address, outcome.err if outcome else "Connection timed out")
        return tuple(_key(line) for line in lines)

    def known(self, address: HostAddress) -> tuple[HostKey, ...]:
        """What is recorded under the host's name."""
        files, name = self._places(address)
        found: list[HostKey] = []
        for file in (file for file in files if file.is_file()):
            outcome = process.run(["ssh-keygen", "-f", str(file), "-F", name], b"", 10)
            lines = outcome.text.splitlines() if outcome else []
            found += [_key(line) for line in lines if line and not line.startswith(("#", "@"))]
        return tuple(found)

    def record(self, keys: tuple[HostKey, ...], address: HostAddress) -> str:
        """Add the lines to the person's file of known hosts; returns its path."""
        files, _ = self._places(address)
        path = files[0]
        text = "".join(f"{key.line}\n" for key in keys)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _appending(path) as handle:
                os.write(handle, text.encode())
        except OSError as error:
            raise OperationFailed(
                f"cannot add the key of `{address}` to `{path}`: {error.strerror}", subject=str(path)
            ) from error
        return str(path)

    def _places(self, address: HostAddress) -> tuple[tuple[Path, ...], str]:
        """Files of known hosts, and the name under which this host stands in them."""
        try:
            done = subprocess.run(
                [*self._ssh.words({}, address), "-G", "--", address.destination],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except FileNotFoundError as error:
            raise process.missing(self._ssh.program[0]) from error
        if done.returncode:
            raise login_error(address, done.stderr)
        said = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
        files = tuple(Path(word).expanduser() for word in said.get("userknownhostsfile", "").split())
        name = said.get("hostkeyalias") or said.get("hostname", address.address)
        port = said.get("port", "22")
        usual = port == "22" or "hostkeyalias" in said
        return files or (Path.home() / ".ssh" / "known_hosts",), name if usual else f"[{name}]:{port}"


def _key(line: str) -> HostKey:
    _, kind, blob = line.split()[:3]
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
    return HostKey(line, kind, f"SHA256:{digest}")


@contextlib.contextmanager
def _appending(path: Path) -> Iterator[int]:
    """The file opened for appending, a new line begun if its last one has no end."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            os.write(handle, b"\n")
        yield handle
    finally:
        os.close(handle)
