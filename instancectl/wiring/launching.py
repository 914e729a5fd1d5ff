"""What `launch` needs beside `init` and `deploy`: a host that is ready for both.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.host import address as addresses
from instancectl.core.invocation import Globals

if TYPE_CHECKING:
    from instancectl.core.host.address import HostAddress
    from instancectl.core.host.relay import Typed
    from instancectl.wiring.remote import Ask

HOME = "/etc/instancectl"
"""Where the instance of a provisioned host is."""


@dataclass(frozen=True, slots=True)
class Luggage:
    """What this machine knows of the instance.

    Attributes:
        domain: of the instance file here; empty when there is none.
        files: name → content, to go to the host.
    """

    domain: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


def launch_target(typed: Typed, options: Globals) -> HostAddress | None:
    """The host that was named, or that the instance file names; None launches here."""
    from instancectl.wiring.remote import manager

    if options.host:
        return addresses.parse(options.host)
    return None if addresses.HERE in typed.hosts else manager(options.config)


def luggage(options: Globals, domain: str) -> Luggage:
    """The instance file of this machine with what belongs to it, if it is the one of `domain`.

    Raises:
        ConfigError: it is wrong, or a file that it names cannot be read.
        Refused: `--config` names the file of another instance.
    """
    from instancectl.adapters import config_file, instance_place, secret_file
    from instancectl.core.host import carrying
    from instancectl.errors import ConfigError, Refused

    try:
        path = instance_place.find(options.config, os.environ)
    except ConfigError:
        if options.config:
            raise
        return Luggage()
    if path.parent == instance_place.SYSTEM_WIDE:
        return Luggage()  # this machine is a host itself: what lies here is its own
    config = config_file.load(path)
    found = config.instance.domain
    if domain and domain != found:
        if options.config:
            raise Refused(
                f"cannot launch `{domain}` with `{path}`: it is the file of `{found}`",
                hint="leave out `--domain`, or name another file",
                subject=domain,
            )
        return Luggage()
    content = path.read_bytes()
    if carrying.is_signpost(content):
        return Luggage(found)
    files = {name: secret_file.content(path.parent / name) for name in carrying.beside(config)}
    return Luggage(found, {**files, **_private(path.parent), carrying.INSTANCE_FILE: content})


def _private(directory: Path) -> dict[str, bytes]:
    """The files with secrets that are there."""
    from instancectl.adapters import secret_file
    from instancectl.core.host import carrying

    found = {}
    for name in (carrying.SECRETS_FILE, carrying.ALERTS_FILE):
        path = directory / name
        if path.exists():
            secret_file.load(path)  # refuses what others may read, and what is no secrets file
            found[name] = path.read_bytes()
    return found


def launch_there(
    target: HostAddress, typed: Typed, options: Globals, *, provision: bool, ask: Ask | None
) -> int:
    """Provision the host, bring it the instance's files, and launch there; returns the exit code.

    Killed anywhere, the same command looks at the host and goes on.
    """
    from instancectl.core.host import relay
    from instancectl.operations.host import carry
    from instancectl.wiring import hosting, instance
    from instancectl.wiring.remote import carried_out, errand, reach_either

    say = instance.reporter(options).note
    domain = relay.value_of(typed, "--domain")
    bags = luggage(options, domain)
    admin = hosting.host_settings(options).admin_user
    host = reach_either(target, options, admin, ask)
    carry.refuse_different(host, bags.files)
    if provision:
        done = hosting.provision(replace(options, host=str(target), hosts=(str(target),)), {}, ask=ask)
        for line in (*done.lines, *done.notes):
            say(line)
        if done.exit_code == 0:
            host = reach_either(target.as_user(admin), options, admin, ask)
    for name in carry.carry(host, bags.files):
        say(f"brought {name} to {HOME} on {host.address}")
    going, contents = errand(relay.launching(typed, bags.domain), named=False)
    code = carried_out(host, going, contents, options)
    if code == 0:
        _point_there(say, bags, bags.domain or domain, str(host.address))
    return code


def _point_there(say: Callable[[str], None], bags: Luggage, domain: str, manager: str) -> None:
    from instancectl.core.host import carrying

    say("")
    say(f"from now on: `instancectl --host {manager} status`")
    if bags.domain:
        say(f'without `--host`: set `manager = "{manager}"` in `[hosts]` of `{carrying.INSTANCE_FILE}` here')
    elif domain:
        say(f"without `--host`: put this into `{carrying.INSTANCE_FILE}` here")
        for line in carrying.signpost(domain, manager):
            say(f"  {line}".rstrip())


def launch_here(options: Globals, *, provision: bool) -> Globals:
    """Make this machine a host first, where that is due; returns the options to go on with.

    It is due on a bare server: no Docker Engine, not provisioned.

    Raises:
        Refused: it is due, and this is not root.
    """
    from instancectl.adapters import local_machine
    from instancectl.errors import Refused
    from instancectl.wiring import hosting, instance

    state = local_machine.readiness()
    if provision and state.bare:
        if not state.root:
            raise Refused(
                "this machine has no Docker Engine, and bringing it needs root",
                hint="`sudo instancectl launch …`, or name a server: `--host root@203.0.113.7`",
            )
        done = hosting.provision(replace(options, host=None, hosts=()), {})
        for line in (*done.lines, *done.notes):
            instance.reporter(options).note(line)
        state = local_machine.readiness()
    if state.provisioned and not options.config and not Path("instance.toml").exists():
        return replace(options, config=HOME)
    return options
