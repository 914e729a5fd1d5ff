"""What `ssh` says when it cannot log in, as errors that tell causes apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from instancectl.core.host.address import HostAddress
from instancectl.errors import InstanceError, Refused, Unreachable
from instancectl.ports.remote import HostKeyChanged, HostKeyUnknown, LoginRefused

Make = Callable[[str, str, str], InstanceError]


def _unreachable(message: str, hint: str, subject: str) -> InstanceError:
    return Unreachable(message, hint=hint, subject=subject)


def _refused(message: str, hint: str, subject: str) -> InstanceError:
    return Refused(message, hint=hint, subject=subject)


def _no_login(message: str, hint: str, subject: str) -> InstanceError:
    return LoginRefused(message, hint=hint, subject=subject)


def _unknown_key(message: str, hint: str, subject: str) -> InstanceError:
    return HostKeyUnknown(message, hint=hint, subject=subject)


def _changed_key(message: str, hint: str, subject: str) -> InstanceError:
    return HostKeyChanged(message, hint=hint, subject=subject)


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which logging in ends: what `ssh` says, what we say, what to type.

    `{host}`, `{address}`, `{user}` and `{port}` stand for the address, `{said}` for what matched.
    """

    pattern: str
    make: Make
    message: str
    hint: str


# Texts of OpenSSH 8.2 to 10.0, seen in its sources (ssh.c, sshconnect.c, sshconnect2.c, clientloop.c).
CAUSES: tuple[Cause, ...] = (
    Cause(r"Could not resolve hostname", _unreachable,
          "cannot reach `{host}`: the name `{address}` does not resolve",
          "check the spelling, or use the address: `--host {login}203.0.113.7`"),
    Cause(r"Connection refused", _unreachable,
          "cannot reach `{host}`: nothing answers on port {port}",
          "is sshd running there, and on another port? `--host {login}{bracketed}:PORT`"),
    Cause(r"(timed out|Timeout)", _unreachable,
          "cannot reach `{host}`: no answer on port {port}",
          "is the server on, the address right, and port {port} open in the provider's firewall?"),
    Cause(r"(No route to host|Network is unreachable|Host is down)", _unreachable,
          "cannot reach `{host}`: there is no way to `{address}` from here",
          "is this machine online? an IPv6 address needs IPv6 on both sides"),
    Cause(r"No .* host key is known|authenticity of host", _unknown_key,
          "the key of `{host}` is not known here",
          "`--host-key SHA256:…` confirms it; the provider's console shows it: "
          "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"),
    Cause(r"Host key for .* has changed|REMOTE HOST IDENTIFICATION HAS CHANGED", _changed_key,
          "the key of `{host}` has changed: another machine may be answering in its place",
          "was it reinstalled? then forget the old key: `ssh-keygen -R {known_as}`"),
    Cause(r"Host key verification failed", _refused,
          "the key of `{host}` cannot be verified",
          "see what is wrong: `ssh {login}{bracketed}`"),
    Cause(r"Too many authentication failures", _no_login,
          "`{host}` refused the login: too many keys were tried before the right one",
          "name the key in ~/.ssh/config: `Host {address}`, `IdentityFile …`, `IdentitiesOnly yes`"),
    Cause(r"(UNPROTECTED PRIVATE KEY FILE|bad permissions)", _refused,
          "cannot log in to `{host}`: others may read the private key",
          "`chmod 600` the key file that `ssh -v {login}{bracketed}` names"),
    Cause(r"Permission denied", _no_login,
          "`{host}` refused the login{as_user}",
          "is it the right user, and is your key in its authorized_keys? {closed}"
          "`ssh-copy-id {login}{bracketed}` puts it there"),
    Cause(r"(kex_exchange_identification|Connection (closed|reset) by|banner exchange)", _unreachable,
          "`{host}` ended the connection before the login",
          "does another service hold port {port}? after many logins wait a minute, then try again"),
    Cause(r"Unable to negotiate", _unreachable,
          "cannot agree with `{host}` on how to encrypt: {said}",
          "one of both is too old: update it"),
    Cause(r"(Bad owner or permissions on|Bad configuration option|terminating, \d+ bad)", _refused,
          "cannot use the ssh configuration of this machine: {said}",
          "mend that file; `ssh -G {address}` shows whether it is well"),
)  # fmt: skip


def login_error(address: HostAddress, said: str) -> InstanceError:
    """Why logging in ended, from what `ssh` wrote to stderr."""
    for cause in CAUSES:
        match = re.search(cause.pattern, said)
        if match:
            values = _values(address, _line(said, match.start()))
            return cause.make(cause.message.format(**values), cause.hint.format(**values), str(address))
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    return Unreachable(
        f"cannot log in to `{address}`: {last.strip().rstrip('.')}",
        hint=f"see what happens: `ssh -v {address.destination}`",
        subject=str(address),
    )


def sudo_error(address: HostAddress | None, said: str) -> InstanceError | None:
    """Whether `sudo` refused rather than the command failed."""
    if not re.search(r"^sudo: |is not in the sudoers file|may not run sudo", said, re.MULTILINE):
        return None
    where = f"`{address}`" if address else "this machine"
    subject = str(address or "")
    if "command not found" in said:
        return None
    if re.search(r"password is required|terminal is required|authentication", said):
        return Refused(
            f"cannot become root on {where}: `sudo` asks for a password",
            hint="use a login that may become root without one, or root itself: `--host root@…`",
            subject=subject,
        )
    if re.search(r"sudoers|may not run|not allowed", said):
        return Refused(
            f"cannot become root on {where}: this login may not use `sudo`",
            hint="use root itself (`--host root@…`), or add the login to the group `sudo`",
            subject=subject,
        )
    return None


def _values(address: HostAddress, line: str) -> dict[str, str]:
    bracketed = f"[{address.address}]" if ":" in address.address else address.address
    port = address.port or 22
    return {
        "host": str(address),
        "address": address.address,
        "bracketed": bracketed,
        "login": f"{address.user}@" if address.user else "",
        "as_user": f" as `{address.user}`" if address.user else "",
        "port": str(port),
        "known_as": address.address if port == 22 else f"'[{address.address}]:{port}'",
        "said": line.rstrip("."),
        "closed": "provisioning closed root's login: `--host admin@…`; else "
        if address.user == "root"
        else "",
    }


def _line(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    return text[start:].partition("\n")[0].strip()
