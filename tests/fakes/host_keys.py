"""Keys of hosts in memory.

keys = FakeHostKeys(shown="SHA256:new")
keys.known(address)                       # ()
keys.record(keys.offered(address), address)
keys.known(address)                       # the key with SHA256:new
keys.log_in(address)                      # raises HostKeyUnknown or HostKeyChanged as ssh would
"""

from __future__ import annotations

from instancectl.core.host.address import HostAddress
from instancectl.ports.remote import HostKey, HostKeyChanged, HostKeyUnknown


class FakeHostKeys:
    """See `ports.remote.HostKeys`."""

    def __init__(self, shown: str = "SHA256:shown") -> None:
        self.shown = shown
        self.recorded: dict[str, tuple[HostKey, ...]] = {}
        self.logins = 0

    def offered(self, address: HostAddress) -> tuple[HostKey, ...]:
        return (HostKey(f"{address.address} ssh-ed25519 {self.shown}", "ssh-ed25519", self.shown),)

    def known(self, address: HostAddress) -> tuple[HostKey, ...]:
        return self.recorded.get(address.address, ())

    def record(self, keys: tuple[HostKey, ...], address: HostAddress) -> str:
        self.recorded[address.address] = (*self.known(address), *keys)
        return "known_hosts"

    def log_in(self, address: HostAddress) -> None:
        known = {key.fingerprint for key in self.known(address)}
        if not known:
            raise HostKeyUnknown(f"the key of `{address}` is not known here")
        if self.shown not in known:
            raise HostKeyChanged(f"the key of `{address}` has changed", hint="`ssh-keygen -R …`")
        self.logins += 1
