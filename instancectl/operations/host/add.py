"""Adds a host to an instance, and takes one away: provisioning, private network, Swarm, roles, images.

It runs where the person is: on the manager, or on a machine that reaches both. Killed anywhere, the same
command looks again and continues.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancectl.core.config_host import Host
from instancectl.core.host import record as records
from instancectl.core.host.address import HostAddress
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.nodes import mesh_address, peer_of
from instancectl.core.host.record import HostRecord
from instancectl.core.host.settings import HostSettings, Peer, from_section
from instancectl.core.result import Result, Status
from instancectl.errors import InstanceError, OperationFailed, Partial, Refused, Unreachable
from instancectl.operations.host.provision import Target
from instancectl.ports.remote import Outcome, Remote
from instancectl.ports.reporter import Reporter

NETWORK_ROLES = ("mesh", "firewall", "record")
"""What the other hosts are told when one comes or goes."""

JOIN_SECONDS = 180
SETTLE_SECONDS = 7200
"""Images of a gigabyte and a half may have to cross a slow line."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What it works with.

    Attributes:
        manager: the host with the data.
        program: how instancectl is called on hosts.
        manager_words: options that come first on the manager, such as `--config`.
        reach: logs in to a host.
        look: at a host.
        provision: hosts, all at once; only these roles, or all when there are none.
        attended: progress of the manager may be shown on our terminal.
    """

    manager: Remote
    program: str
    manager_words: tuple[str, ...]
    reach: Callable[[HostAddress], Remote]
    look: Callable[[Remote], HostFacts]
    provision: Callable[[Sequence[Target], HostSettings, tuple[str, ...]], Result]
    reporter: Reporter
    attended: bool = True


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the manager, and of the hosts it knows."""

    record: HostRecord
    addresses: tuple[str, ...]

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """By which the manager may be meant."""
        return (*self.addresses, self.record.mesh.address)

    @property
    def peer(self) -> Peer:
        """The manager, as others know it."""
        return peer_of(self.record, self.addresses)

    def peers_without(self, name: str) -> tuple[Peer, ...]:
        return tuple(peer for peer in self.record.peers if peer.name != name)


def add(address: HostAddress, roles: Sequence[str], around: Surroundings) -> Result:
    """Make a machine a host of the instance; or change what the host with the data is for.

    Args:
        address: where it is, and who logs in for the first time.
        roles: what it is for.
        around: what it works with.

    Raises:
        Refused: it cannot have these roles, or the manager cannot take in others; nothing was changed.
        Unreachable: a host cannot be reached.
        Partial: it is half done; running again continues.
    """
    known = _known(around)
    if address.address in known.own_addresses:
        said = _asked(around, ("assign", *_role_words(roles)))
        lines = (f"{said['host']} is for {', '.join(roles)}; `instancectl deploy` shares the instance out",)
        return Result(Status.CHANGED, said, lines)
    invitation = _asked(around, ("invite", str(address), *_role_words(roles)))
    settings = _settings(invitation)
    new = _first_login(address, settings, around)
    facts = around.look(new)
    _refuse_namesake(facts, known, invitation["nodes"])
    own = _own_address(facts, known, settings)
    others = known.peers_without(facts.hostname)
    around.provision((Target(new, facts, (known.peer, *others), own),), settings, ())
    new = _admin_login(address, settings, new, around)
    facts = around.look(new)
    made = _record(facts, str(address))
    peer = peer_of(made, _public(address, facts))
    _tell_others((*others, peer), known, settings, around)
    joined = _joined(new, own, invitation, settings, around)
    return _settled(joined, facts.hostname, own, roles, around)


def remove(name: str, around: Surroundings) -> Result:
    """Take a host away; see `admit.dismiss`. Then the others forget its key and its address.

    Raises:
        Refused: it holds the data, or there is no such host.
    """
    known = _known(around)
    said = _asked(around, ("dismiss", name), seconds=SETTLE_SECONDS)
    peers = known.peers_without(name)
    if not said["was_member"] and peers == known.record.peers:
        raise Refused(
            f"cannot remove `{name}`: no host is called that",
            hint="`instancectl host list` names them",
            subject=name,
        )
    _tell_others(peers, known, _settings(said), around)
    lines = [f"{name} is no longer a host of this instance"]
    if not said["answered"]:
        lines.append(
            f"it did not answer; should it come back, type on it ({said['address']}): "
            "`docker swarm leave --force`"
        )
    lines += [
        f"no room for {count} × {service}: lower what `[services]` asks for"
        for service, count in said["homeless"].items()
    ]
    data = {key: said[key] for key in ("address", "answered", "homeless")}
    return Result(Status.CHANGED, {"host": name, **data}, tuple(lines))


def _settings(said: Mapping[str, Any]) -> HostSettings:
    """What hosts of this instance should be: the manager's file says it, not one that lies here."""
    return from_section(Host.model_validate(said["settings"]))


def _known(around: Surroundings) -> _Known:
    facts = around.look(around.manager)
    where = str(around.manager.address or "this machine")
    return _Known(_record(facts, where), _public(around.manager.address, facts))


def _record(facts: HostFacts, where: str) -> HostRecord:
    found = records.from_json(facts.record) if facts.record is not None else None
    if found is None or not found.mesh.public_key:
        option = "" if where == "this machine" else f" --host {where}"
        raise Refused(
            f"cannot join {where} with others: it is not provisioned",
            hint=f"`instancectl host provision{option}` does that; then run the same command again",
            subject=where,
        )
    return found


def _refuse_namesake(facts: HostFacts, known: _Known, nodes: Mapping[str, str]) -> None:
    """Names tell hosts apart; one that is known under its own address may be added again."""
    mine = known.record.name == facts.hostname
    peer = next((peer for peer in known.record.peers if peer.name == facts.hostname), None)
    other_key = peer is not None and facts.mesh_public_key not in {"", peer.public_key}
    stranger = peer is None and facts.hostname in nodes
    if mine or other_key or stranger:
        raise Refused(
            f"cannot add `{facts.hostname}`: another host of this instance has that name",
            hint="give it one of its own: `hostnamectl set-hostname …` on it; or `instancectl host remove` "
            "the old one first, if this one replaces it",
            subject=facts.hostname,
        )


def _own_address(facts: HostFacts, known: _Known, settings: HostSettings) -> str:
    """In the private network; a run that was killed may have given it one already."""
    for peer in known.record.peers:
        if peer.name == facts.hostname:
            return peer.mesh_address
    used = (known.record.mesh.address, *(peer.mesh_address for peer in known.record.peers))
    made = records.from_json(facts.record) if facts.record is not None else None
    if made is not None and made.mesh.address not in used:
        return made.mesh.address
    return mesh_address(settings.mesh_subnet, used)


def _public(address: HostAddress | None, facts: HostFacts) -> tuple[str, ...]:
    """Where its traffic comes from; first the address we reached it by, which may be one it does not know."""
    reached = (address.address,) if address and _useful(address.address, facts) else ()
    return tuple(dict.fromkeys((*reached, *facts.addresses)))


def _useful(text: str, facts: HostFacts) -> bool:
    if text in facts.addresses:
        return True
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _first_login(address: HostAddress, settings: HostSettings, around: Surroundings) -> Remote:
    try:
        return around.reach(address)
    except Unreachable as error:
        if address.user != "root" or "refused the login" not in error.message:
            raise
        # An earlier run got as far as closing root's login.
        return _as_admin(address, settings, around, error)


def _as_admin(
    address: HostAddress, settings: HostSettings, around: Surroundings, first: InstanceError
) -> Remote:
    try:
        return around.reach(address.as_user(settings.admin_user))
    except Unreachable:
        raise first from None


def _admin_login(address: HostAddress, settings: HostSettings, new: Remote, around: Surroundings) -> Remote:
    """As the admin user from now on; the old way in where that is not possible yet."""
    if address.user == settings.admin_user:
        return new
    try:
        return around.reach(address.as_user(settings.admin_user))
    except Unreachable:
        return new


def _tell_others(
    peers: tuple[Peer, ...], known: _Known, settings: HostSettings, around: Surroundings
) -> None:
    """Have the manager and every other host that answers know exactly these hosts, and the manager."""
    targets = [Target(around.manager, None, peers)]
    for peer in known.record.peers:
        if peer.name not in {one.name for one in peers}:
            continue
        others = (known.peer, *(one for one in peers if one.name != peer.name))
        login = HostAddress(known.record.admin_user, peer.public_addresses[0])
        try:
            remote = around.reach(login)
        except InstanceError as error:
            around.reporter.note(
                f"{peer.name} does not answer and is told later, by this command again: {error.message}"
            )
            continue
        targets.append(Target(remote, None, others, peer.mesh_address))
    around.provision(tuple(targets), settings, NETWORK_ROLES)


def _joined(
    new: Remote, own: str, invitation: Mapping[str, Any], settings: HostSettings, around: Surroundings
) -> Mapping[str, Any]:
    request = {
        "manager": invitation["manager"],
        "token": invitation["token"],
        "address": own,
        "courier_key": invitation["courier_key"],
        "admin_user": settings.admin_user,
    }
    around.reporter.note(f"joining the Swarm of {invitation['manager']} as {own}")
    argv = (around.program, "--json", "--host", "local", "host", "join")
    outcome = new.run(argv, stdin=json.dumps(request).encode(), timeout_seconds=JOIN_SECONDS, sudo=True)
    return _answer(outcome, "join")


def _settled(
    joined: Mapping[str, Any], name: str, own: str, roles: Sequence[str], around: Surroundings
) -> Result:
    request = json.dumps({
        "node_id": joined["node_id"],
        "name": name,
        "address": own,
        "roles": list(roles),
        "host_keys": joined["host_keys"],
    }).encode()  # fmt: skip
    if around.attended:
        # The manager tells of its progress itself.
        code = around.manager.pass_through(_words(around, ("settle",)), stdin=request, sudo=True)
        if code:
            raise Partial(
                f"`{name}` has joined, but the manager could not take it in",
                hint="the reason stands above; run the same command again to continue",
                subject=name,
            )
        return Result(Status.CHANGED, {"host": name, "roles": list(roles), "address": own})
    said = _asked(around, ("settle",), stdin=request, seconds=SETTLE_SECONDS)
    return Result(Status.CHANGED, {**said, "address": own}, (f"{name} is ready for {', '.join(roles)}",))


def _role_words(roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for role in roles for word in ("--role", role))


def _words(around: Surroundings, words: Sequence[str], *, json_: bool = False) -> tuple[str, ...]:
    first = ("--json",) if json_ else ()
    return (around.program, *first, "--host", "local", *around.manager_words, "host", *words)


def _asked(
    around: Surroundings, words: Sequence[str], *, stdin: bytes = b"", seconds: float = JOIN_SECONDS
) -> Mapping[str, Any]:
    outcome = around.manager.run(
        _words(around, words, json_=True), stdin=stdin, timeout_seconds=seconds, sudo=True
    )
    return _answer(outcome, words[0])


def _answer(outcome: Outcome, verb: str) -> Mapping[str, Any]:
    """The data of a command that was run with `--json`; its error becomes ours."""
    try:
        document = json.loads(outcome.out)
        data: Mapping[str, Any] = document["data"]
        errors = document["errors"]
    except (ValueError, KeyError, TypeError):
        last = (outcome.err.strip() or outcome.text.strip() or "nothing").splitlines()[-1]
        raise OperationFailed(
            f"`instancectl host {verb}` answered what cannot be understood: {last}",
            hint="do both hosts run this version? `instancectl host provision` brings it there",
        ) from None
    if not outcome.code:
        return data
    first = errors[0] if errors else {"message": f"exit code {outcome.code}", "hint": "", "code": ""}
    kinds: Mapping[str, type[InstanceError]] = {"refused": Refused, "unreachable": Unreachable}
    kind = kinds.get(first.get("code", ""), OperationFailed)
    raise kind(first["message"], hint=first.get("hint", ""), subject=first.get("subject", ""))
