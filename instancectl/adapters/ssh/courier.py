"""The `ImageCourier` port: a key of the manager's own, with which other hosts let it do four things only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from instancectl.adapters.ssh.host import SshHost
from instancectl.adapters.ssh.process import missing
from instancectl.adapters.ssh.words import Ssh
from instancectl.core.host.address import HostAddress
from instancectl.errors import OperationFailed
from instancectl.ports.remote import Outcome

VERB = "instancectl-courier"
"""First word of what the other host is asked; whatever stands before it is the way there."""

PULL_SECONDS = 1800


class SshCourier:
    """See `ports.image_courier.ImageCourier`."""

    def __init__(self, directory: Path, user: str) -> None:
        """Key and known hosts lie in `directory`, which only root may enter; `user` is the login there."""
        self._directory = directory
        self._user = user

    @property
    def _key(self) -> Path:
        return self._directory / "id_ed25519"

    @property
    def _known_hosts(self) -> Path:
        return self._directory / "known_hosts"

    def public_key(self) -> str:
        """The key that other hosts authorise; made on first use."""
        public = self._key.with_suffix(".pub")
        if not public.exists():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._key.unlink(missing_ok=True)
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", VERB, "-f", str(self._key)]
            try:
                subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
            except FileNotFoundError as error:
                raise missing("ssh-keygen") from error
        return public.read_text(encoding="utf-8").strip()

    def trust(self, address: str, keys: Sequence[str]) -> None:
        """Know a host by these keys from now on, and by no other."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = self._known_hosts.read_text(encoding="utf-8") if self._known_hosts.exists() else ""
        kept = [line for line in old.splitlines() if line.split(" ", 1)[0] != address]
        new = [f"{address} {' '.join(key.split()[:2])}" for key in keys]
        written = self._known_hosts.with_suffix(".new")
        written.write_text("".join(f"{line}\n" for line in (*kept, *new)), encoding="utf-8")
        written.rename(self._known_hosts)

    def have(self, address: str, references: Sequence[str]) -> Mapping[str, str]:
        """Reference → what identifies the image there."""
        found: Mapping[str, str] = self._ask(address, "have", *references)["images"]
        return found

    def pull(self, address: str, reference: str) -> bool:
        """Have the host pull it from its registry."""
        return bool(self._ask(address, "pull", reference, seconds=PULL_SECONDS)["pulled"])

    def send(
        self, address: str, chunks: Iterator[bytes], tell: Callable[[int], None] = lambda _count: None
    ) -> None:
        """Stream an image to the host."""
        _judged(address, self._host(address).send((VERB, "load"), _counted(chunks, tell)))

    def leave(self, address: str) -> None:
        """Have the host leave the Swarm."""
        self._ask(address, "leave")

    def _ask(self, address: str, *words: str, seconds: float = 60) -> Mapping[str, Any]:
        return _judged(address, self._host(address).run((VERB, *words), timeout_seconds=seconds))

    def _host(self, address: str) -> SshHost:
        options = {
            "IdentityFile": self._key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self._known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SshHost(HostAddress(self._user, address), Ssh(("ssh", "-F", "none", *words), self._directory))


def _counted(chunks: Iterator[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    count = 0
    for chunk in chunks:
        yield chunk
        count += len(chunk)
        tell(count)


def _judged(address: str, outcome: Outcome) -> Mapping[str, Any]:
    try:
        document = json.loads(outcome.out)
        errors: Sequence[Mapping[str, str]] = document["errors"]
        data: Mapping[str, Any] = document["data"]
    except (ValueError, KeyError, TypeError):
        last = (outcome.err.strip() or outcome.text.strip() or "nothing").splitlines()[-1]
        raise OperationFailed(
            f"the host {address} answered what cannot be understood: {last}",
            hint="run `instancectl host add` for it again: it lets this host in anew",
            subject=address,
        ) from None
    if outcome.code or errors:
        said = errors[0] if errors else {"message": f"exit code {outcome.code}"}
        raise OperationFailed(f"{address}: {said['message']}", hint=said.get("hint", ""), subject=address)
    return data
