"""How a person names a host: `USER@ADDRESS`, as `ssh` understands it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from instancectl.errors import Refused

HERE = "local"
"""`--host local`: this machine, whatever else is configured."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9_.-]+)?")
_HINT = "write it as `admin@203.0.113.7`, `admin@[2001:db8::1]:2222`, or as a name from your ssh config"


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where a host is and who logs in.

    Attributes:
        user: login name; empty leaves it to the ssh configuration.
        address: a name, an alias of the ssh configuration, or an IP address without brackets.
        port: of sshd; None leaves it to the ssh configuration.
    """

    user: str
    address: str
    port: int | None = None

    def __str__(self) -> str:
        """As `parse` reads it."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        login = f"{self.user}@" if self.user else ""
        return f"{login}{address}" + (f":{self.port}" if self.port else "")

    @property
    def destination(self) -> str:
        """The word `ssh` takes; the port is an option of its own."""
        return f"{self.user}@{self.address}" if self.user else self.address

    def as_user(self, user: str) -> HostAddress:
        """The same host with another login."""
        return replace(self, user=user)


def parse(text: str) -> HostAddress:
    """Read `USER@ADDRESS`, `ADDRESS:PORT`, `[IPV6]:PORT` or a name of the ssh configuration.

    Raises:
        Refused: it is none of these. A word that begins with `-` would be an option of `ssh`.
    """
    user, at, rest = text.rpartition("@")
    if at and not _USER.fullmatch(user):
        raise _refused(text, f"`{user}` is no login name" if user else "no login name before `@`")
    address, port = _split(rest)
    if not (_NAME.fullmatch(address) or _IPV6.fullmatch(address)):
        raise _refused(text, f"`{address}` is no address" if address else "no address")
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise _refused(text, f"`{port}` is no port, 1 to 65535")
    return HostAddress(user, address, int(port) if port else None)


def _split(text: str) -> tuple[str, str]:
    """Address and port; the port is empty when there is none."""
    if text.startswith("["):
        address, closed, after = text[1:].partition("]")
        if closed and _IPV6.fullmatch(address) and (not after or after.startswith(":")):
            return address, after[1:] if after != ":" else ":"
        return text, ""
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address, port or ":"
    return text, ""


def _refused(text: str, why: str) -> Refused:
    return Refused(f"cannot use `{text}` as a host: {why}", hint=_HINT, subject=text)
