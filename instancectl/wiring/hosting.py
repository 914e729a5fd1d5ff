"""What working on hosts needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import clock, config_if_any, reporter

if TYPE_CHECKING:
    from instancectl.core.host.address import HostAddress
    from instancectl.core.host.inventory import Program
    from instancectl.core.host.settings import HostSettings
    from instancectl.core.result import Result
    from instancectl.operations.host.provision import Surroundings
    from instancectl.operations.host.trust import Ask
    from instancectl.ports.remote import Remote


def state_directory() -> Path:
    """Where this person's runs on hosts keep their logs; no instance file need exist."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "instancectl" / "hosts"


def host_settings(options: Globals, given: Mapping[str, Any] | None = None) -> HostSettings:
    """`[host]` of the instance file, if there is one, and what was typed beside it.

    Raises:
        ConfigError: a value is wrong.
    """
    from instancectl.core.config_errors import understood
    from instancectl.core.config_host import Host
    from instancectl.core.host import settings

    config = config_if_any(options)
    section = config.host if config else Host()
    typed = dict(given or {})
    for name, read in (("admin_keys", _key), ("open_ports", str)):
        if name in typed:
            typed[name] = (*getattr(section, name), *(read(item) for item in typed[name]))
    data = {"instance": {"domain": "any.example"}, "host": {**section.model_dump(), **typed}}
    return settings.from_section(understood(data, where="host provision").host)


def _key(text: str) -> str:
    """A public key, typed whole or as the file it is in.

    Raises:
        Refused: it is neither.
    """
    from instancectl.core.host import keys
    from instancectl.errors import Refused

    if keys.is_key(text):
        return text
    path = Path(text).expanduser()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if keys.is_key(line)]
        if lines:
            return lines[0]
    raise Refused(
        f"`{text}` is no public key and no file with one",
        hint="name the file that ends in .pub: `--admin-key ~/.ssh/id_ed25519.pub`",
        subject=text,
    )


def provisioning(options: Globals) -> Surroundings:
    """Everything that provisioning needs."""
    from instancectl import __version__
    from instancectl.adapters import assets
    from instancectl.adapters.ansible import AnsiblePlaybooks
    from instancectl.adapters.jinja_templates import JinjaTemplates
    from instancectl.operations.host.provision import Surroundings
    from instancectl.wiring.remote import look

    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Surroundings(
        look=look,
        fill=JinjaTemplates(assets.assets_directory("templates")).render,
        playbooks=AnsiblePlaybooks(assets.assets_directory("playbooks"), state_directory(), lambda: now),
        reporter=reporter(options),
        clock=clock(),
        pack=_packed,
        connection=_connection,
        proof=_proof,
        version=__version__,
        controller_python=sys.executable,
    )


def provision(
    options: Globals,
    given: Mapping[str, Any],
    *,
    check: bool = False,
    diff: bool = False,
    ask: Ask | None = None,
) -> Result:
    """Provision the hosts of `--host`, or this machine."""
    from instancectl.operations.host import provision as operation

    settings = host_settings(options, given)
    remotes = _remotes(options, settings, ask)
    targets = [operation.Target(remote) for remote in remotes]
    ways = operation.Ways(check=check, diff=diff, verbose=options.verbose)
    return operation.provision(targets, settings, provisioning(options), ways)


def _remotes(options: Globals, settings: HostSettings, ask: Ask | None) -> list[Remote]:
    """The hosts that were named, or this machine."""
    from instancectl.core.host.address import parse
    from instancectl.wiring.remote import here, reach_either

    if not options.hosts:
        return [here()]
    return [reach_either(parse(text), options, settings.admin_user, ask) for text in options.hosts]


@contextlib.contextmanager
def _packed() -> Iterator[Program]:
    """The code that runs here, as a file."""
    from instancectl.core.host.inventory import Program
    from instancectl.wiring.remote import code_bundle

    bundle = code_bundle()
    with tempfile.NamedTemporaryFile(prefix="instancectl-", suffix=".tar.gz") as file:
        file.write(bundle.content)
        file.flush()
        yield Program(file.name, bundle.fingerprint, bundle.lock_fingerprint)


def _connection(address: HostAddress | None) -> Mapping[str, Any]:
    """Ansible's variables: the connection that is open already, and the same way to open it again."""
    if address is None:
        return {"ansible_connection": "local", "ansible_become": os.geteuid() != 0}
    from instancectl.adapters.ssh import Ssh

    return Ssh.of(os.environ, interactive=False).for_ansible(address)


def _proof(address: HostAddress | None, user: str) -> Sequence[str]:
    """A new login, over no connection that is open already."""
    if address is None:
        from instancectl.adapters import assets
        from instancectl.adapters.jinja_templates import JinjaTemplates

        script = JinjaTemplates(assets.assets_directory("templates")).text("host/prove-login.sh")
        as_root = () if os.geteuid() == 0 else ("sudo", "-n")
        return (*as_root, "sh", "-c", script, "sh", user)
    from instancectl.adapters.ssh import Ssh

    return Ssh.of(os.environ, interactive=False).new_login(address.as_user(user), ("sudo", "-n", "true"))
