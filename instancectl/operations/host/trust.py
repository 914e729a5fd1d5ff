"""Makes sure that a host is the one that was meant: its key is confirmed once, and never silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from instancectl.core.host.address import HostAddress
from instancectl.errors import Refused
from instancectl.ports.remote import HostKey, HostKeyChanged, HostKeys, HostKeyUnknown

Ask = Callable[[str], bool]
"""Puts a question to the person; whether they said yes."""

_WHERE = "compare it on the server's console: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"


def log_in(
    opened: Callable[[], None],
    keys: HostKeys,
    address: HostAddress,
    *,
    named: str = "",
    ask: Ask | None = None,
) -> str:
    """Log in; a key nobody confirmed yet is recorded once `named` or the person confirms it.

    Args:
        opened: logs in, or raises.
        keys: what the host shows, and what is recorded.
        address: whom to log in to.
        named: the fingerprint that the key must have; empty when nobody named one.
        ask: asks the person; None when there is nobody to ask.

    Returns:
        A sentence for the person when a key was recorded, else nothing.

    Raises:
        Unreachable: the host cannot be reached, or does not let us in.
        Refused: the key was not confirmed, is another one than named, or has changed.
    """
    try:
        opened()
    except HostKeyUnknown:
        shown = keys.offered(address)
    except HostKeyChanged as changed:
        raise _changed(changed, keys, address) from changed
    else:
        return ""
    _confirm(shown, address, named, ask)
    file = keys.record(shown, address)
    opened()
    return f"the key of `{address}` is recorded in `{file}`"


def _confirm(shown: tuple[HostKey, ...], address: HostAddress, named: str, ask: Ask | None) -> None:
    if named:
        if named not in {key.fingerprint for key in shown}:
            raise Refused(
                f"`{address}` shows {_fingerprints(shown)}, not the key `{named}` that was named",
                hint=f"another machine may be answering in its place; {_WHERE}",
                subject=str(address),
            )
        return
    if ask and ask(f"The key of {address} is not known here: {_fingerprints(shown)}.\nTo be sure, {_WHERE}."):
        return
    said = "it was not confirmed" if ask else "nobody is here to confirm it"
    raise Refused(
        f"cannot log in to `{address}`: its key {_fingerprints(shown)} is not known here, and {said}",
        hint=f"{_WHERE}; then confirm it with `--host-key {shown[0].fingerprint}`",
        subject=str(address),
    )


def _changed(changed: HostKeyChanged, keys: HostKeys, address: HostAddress) -> Refused:
    shown, known = keys.offered(address), keys.known(address)
    return Refused(
        f"{changed.message}; known is {_fingerprints(known)}, shown is {_fingerprints(shown)}",
        hint=changed.hint,
        subject=str(address),
    )


def _fingerprints(keys: Iterable[HostKey]) -> str:
    return " and ".join(f"{key.kind.removeprefix('ssh-')} {key.fingerprint}" for key in keys) or "nothing"
