"""Makes machines hosts of an instance: look, refuse what cannot work, run the playbook, say what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from instancectl.core.check import Finding, Severity
from instancectl.core.host import facts as host_facts
from instancectl.core.host import inventory, progress, record
from instancectl.core.host.address import HostAddress
from instancectl.core.host.docker import DAEMON_JSON
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.files import Fill, managed_files
from instancectl.core.host.inventory import Program
from instancectl.core.host.settings import HostSettings, Peer
from instancectl.core.result import Result, Status
from instancectl.core.units import show_seconds
from instancectl.errors import InstanceError, OperationFailed, Partial, Refused, Unreachable
from instancectl.operations.host.told import Told
from instancectl.ports.clock import Clock
from instancectl.ports.playbooks import PlaybookRun, Playbooks
from instancectl.ports.remote import Remote
from instancectl.ports.reporter import Reporter


@dataclass(frozen=True, slots=True)
class Target:
    """One host to provision.

    Attributes:
        remote: how it is reached.
        facts: from a look at it; None looks.
        peers: the other hosts of the instance; None keeps those it knows.
        mesh_address: its own in the mesh; empty keeps the one it has, or takes the first.
    """

    remote: Remote
    facts: HostFacts | None = None
    peers: tuple[Peer, ...] | None = None
    mesh_address: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run needs.

    Attributes:
        look: at a host.
        fill: renders templates.
        playbooks: runs them.
        reporter: tells the person.
        clock: for durations.
        pack: instancectl itself as a file on this machine, while the context is open.
        connection: Ansible's variables for reaching a host.
        proof: a command that logs in anew as the given user and becomes root there.
        version: of instancectl.
        controller_python: the interpreter of this process.
    """

    look: Callable[[Remote], HostFacts]
    fill: Fill
    playbooks: Playbooks
    reporter: Reporter
    clock: Clock
    pack: Callable[[], AbstractContextManager[Program]]
    connection: Callable[[HostAddress | None], Mapping[str, Any]]
    proof: Callable[[HostAddress | None, str], Sequence[str]]
    version: str
    controller_python: str


@dataclass(frozen=True, slots=True)
class Ways:
    """How to run.

    Attributes:
        check: change nothing.
        diff: say how files differ.
        verbose: how much goes into the log.
        tags: only these roles, the record among them; empty for all.
    """

    check: bool = False
    diff: bool = False
    verbose: int = 0
    tags: tuple[str, ...] = ()


def provision(
    targets: Sequence[Target], settings: HostSettings, around: Surroundings, ways: Ways | None = None
) -> Result:
    """Provision hosts, all at once.

    Raises:
        Refused: something that a look could tell forbids it; nothing was changed.
        Unreachable: a host cannot be reached.
        Partial: some hosts or tasks were done, then one failed; running again continues.
        OperationFailed: the first thing failed; nothing was changed.
    """
    ways = ways or Ways()
    looked = [_looked(target, around) for target in targets]
    _refuse(looked)
    with around.pack() as program:
        hosts = _hosts(looked, settings, around, program)
        told = Told(around.reporter, around.clock, tuple(hosts))
        started = around.clock.monotonic_seconds()
        run = PlaybookRun(hosts, ways.tags, ways.check, ways.diff, ways.verbose)
        try:
            good = around.playbooks.run(run, told.tell)
        except BaseException:
            told.broke()
            raise
        told.finish()
    seconds = around.clock.monotonic_seconds() - started
    if not good:
        raise _failed(told.tallies, around.playbooks.log)
    return _result(looked, settings, told, ways, _Run(around.playbooks.log, seconds))


def _looked(target: Target, around: Surroundings) -> Target:
    return target if target.facts is not None else replace(target, facts=around.look(target.remote))


def _facts(target: Target) -> HostFacts:
    assert target.facts is not None  # noqa: S101 - every target was looked at before
    return target.facts


def _refuse(targets: Sequence[Target]) -> None:
    """Raise for everything that stands in the way, on any host, before the first is touched."""
    found = [
        (target, finding)
        for target in targets
        for finding in host_facts.problems(_facts(target))
        if finding.severity is Severity.FAIL
    ]
    if not found:
        return
    (first, finding), *others = found
    hints = [finding.hint, *(f"{_name(target)}: {other.seen}: {other.hint}" for target, other in others)]
    more = f" (and {len(others)} more)" if others else ""
    raise Refused(
        f"cannot provision {_name(first)}: {_sentence(finding)}{more}; nothing was changed",
        hint="\n".join(hints),
        subject=str(first.remote.address or ""),
    )


def _sentence(finding: Finding) -> str:
    return f"{finding.seen}; needed: {finding.needed}" if finding.needed else finding.seen


def _name(target: Target) -> str:
    return f"`{target.remote.address}`" if target.remote.address else "this machine"


def _hosts(
    targets: Sequence[Target], settings: HostSettings, around: Surroundings, program: Program
) -> dict[str, dict[str, Any]]:
    """Name → variables; hosts that call themselves the same are told apart by a number."""
    hosts: dict[str, dict[str, Any]] = {}
    for target in targets:
        name = _facts(target).hostname or "host"
        unique = name if name not in hosts else f"{name}-{len(hosts) + 1}"
        hosts[unique] = inventory.variables(_desired(target, settings, around, program))
    return hosts


def _desired(
    target: Target, settings: HostSettings, around: Surroundings, program: Program
) -> inventory.Desired:
    facts, address = _facts(target), target.remote.address
    known = record.from_json(facts.record) if facts.record is not None else None
    own = target.mesh_address or (known.mesh.address if known else "")
    peers = target.peers if target.peers is not None else (known.peers if known else ())
    mine = replace(settings, mesh_address=own)
    daemon = target.remote.run(("cat", DAEMON_JSON), sudo=True)
    files = managed_files(
        mine,
        facts,
        around.fill,
        peers=peers,
        daemon=daemon.text if daemon.code == 0 else "",
        release=program.release,
    )
    return inventory.Desired(
        settings=mine,
        facts=facts,
        peers=peers,
        files=files,
        program=program,
        version=around.version,
        connection=around.connection(address),
        proof=around.proof(address, settings.admin_user),
        controller_python=around.controller_python,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    log: str
    seconds: float


def _failed(tallies: Mapping[str, progress.Tally], log: str) -> InstanceError:
    failures = [tally.failure for tally in tallies.values() if tally.failure]
    if not failures:
        return OperationFailed("cannot provision: the playbook failed", hint=f"the log says why: `{log}`")
    first = failures[0]
    changed = any(tally.changed for tally in tallies.values())
    kind = Unreachable if first.unreachable else Partial if changed else OperationFailed
    others = [f"{one.host}: {one.where}: {one.reason}; {one.hint}" for one in failures[1:]]
    state = "what was done before it stays; run it again to continue" if changed else "nothing was changed"
    return kind(
        f"cannot provision `{first.host}`: {first.where}: {first.reason}; {state}",
        hint="\n".join([first.hint, *others, f"full log: {log}"]),
        subject=first.host,
    )


def _result(targets: Sequence[Target], settings: HostSettings, told: Told, ways: Ways, run: _Run) -> Result:
    changed = any(tally.changed for tally in told.tallies.values())
    status = Status.CHANGED if changed else Status.UNCHANGED
    open_doors = [tally for tally in told.tallies.values() if tally.proof is not None]
    pairs = list(zip(targets, told.tallies.items(), strict=True))
    lines = [line for target, (name, tally) in pairs for line in _lines(name, target, tally, ways)]
    if ways.check:
        status = Status.PLANNED
    elif open_doors:
        status = Status.PARTIAL
    lines.append(f"took {show_seconds(run.seconds)}; full log: {run.log}")
    data = {
        "hosts": [_host_json(name, target, tally, settings) for target, (name, tally) in pairs],
        "seconds": round(run.seconds, 1),
        "log": run.log,
    }
    notes = tuple(note for target, (_, tally) in pairs for note in _notes(target, tally, settings, ways))
    code = Partial.exit_code if open_doors and not ways.check else 0
    return Result(status, data, tuple(lines), notes, exit_code=code)


def _lines(name: str, target: Target, tally: progress.Tally, ways: Ways) -> Iterator[str]:
    if ways.check:
        yield (
            f"{name}: {len(tally.changed)} would change" if tally.changed else f"{name}: nothing would change"
        )
        yield from (f"  {change}" for change in tally.changed)
        yield from tally.diffs
    elif tally.changed:
        yield f"{name}: provisioned, {len(tally.changed)} changed ({_facts(target).name})"
    else:
        yield f"{name}: nothing to change"


def _notes(target: Target, tally: progress.Tally, settings: HostSettings, ways: Ways) -> Iterator[str]:
    facts, address = _facts(target), target.remote.address
    if facts.container:
        yield (
            f"{_name(target)} shares its kernel with others ({facts.container}): "
            "swap and kernel settings are placed, not applied"
        )
    if not inventory.admin_keys(settings, facts):
        yield (
            f"{_name(target)}: SSH stays open for passwords and root: there is no key to log in with; "
            "set `host.admin_keys`, or `--admin-key`, and run this again"
        )
    elif tally.proof is not None:
        yield (
            f"{_name(target)}: SSH stays open for passwords and root: "
            f"a new login as `{settings.admin_user}` did not work: {tally.proof}"
        )
    elif address is not None and address.user != settings.admin_user and not ways.check:
        yield f"from now on log in as `{address.as_user(settings.admin_user)}`"


def _host_json(name: str, target: Target, tally: progress.Tally, settings: HostSettings) -> dict[str, Any]:
    facts, address = _facts(target), target.remote.address
    return {
        "name": name,
        "address": str(address) if address else "",
        "login": str(address.as_user(settings.admin_user)) if address else settings.admin_user,
        "system": facts.name,
        "changed": len(tally.changed),
        "changes": tally.changed,
        "tasks": tally.ran,
        "diff": list(tally.diffs),
        "ssh_open_because": tally.proof or "",
    }
