"""Checks of a provisioned host: is it still what provisioning made of it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps

from instancectl.core.check import Finding, Severity
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.host import exposure as outside
from instancectl.core.host.drift import KeySeen, PackagesSeen, UnitSeen
from instancectl.core.host.files import FIREWALL, SSHD
from instancectl.core.host.record import HostRecord
from instancectl.core.observed import Node
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

PROVISION = "`instancectl host provision`"
MEND = f"type {PROVISION}"
SOON_SECONDS = 14 * 86400
Compare = Callable[[Facts, HostRecord], Judgement]
Judge = Callable[[Facts], Judgement]


def _of_a_provisioned_host(slug: str) -> Callable[[Compare], Judge]:
    """Judge only where there is a record to compare with."""

    def decorate(compare: Compare) -> Judge:
        @wraps(compare)
        def judge(facts: Facts) -> Judgement:
            record = facts.record
            if isinstance(record, Unknown):
                return unknown(slug, record, "the record of what provisioning did", "run it as root")
            if record is None:
                return Skipped(slug, "this host was not provisioned by instancectl")
            return compare(facts, record)

        return judge

    return decorate


@_of_a_provisioned_host("exposure")
def exposure(facts: Facts, _record: HostRecord) -> Judgement:
    """Only intended ports answer from outside."""
    return outside.summary(facts.exposure)


@_of_a_provisioned_host("firewall")
def firewall(facts: Facts, record: HostRecord) -> Judgement:
    """Our table is loaded, whole and unchanged."""
    if not record.firewall:
        return Skipped("firewall", "`host.firewall = false`: the firewall is somebody else's business")
    seen = facts.firewall
    if isinstance(seen, Unknown):
        return unknown("firewall", seen, "the rules that are loaded", "run it as root")
    needed = f"the rules of {FIREWALL}"
    if not seen.loaded:
        hint = f"type `systemctl restart instancectl-firewall`; if that does not help, {PROVISION}"
        return fail("firewall", "the firewall is off: table `inet instancectl` is not loaded", needed, hint)
    if not seen.wanted:
        return fail("firewall", f"{FIREWALL} is gone or broken: the next boot has no firewall", needed, MEND)
    if seen.loaded != seen.wanted:
        lines = _difference(seen.wanted, seen.loaded)
        hint = "type `systemctl restart instancectl-firewall`"
        return fail("firewall", f"the loaded rules differ from {FIREWALL}: {lines}", needed, hint)
    return ok("firewall", f"{len(record.intended_ports)} ports are open, all else is closed")


def _difference(wanted: str, loaded: str) -> str:
    """The first rule that is missing or added, for a person."""
    before = [line.strip() for line in wanted.splitlines()]
    after = [line.strip() for line in loaded.splitlines()]
    missing = [f"`{line}` is missing" for line in before if line not in after]
    added = [f"`{line}` was added" for line in after if line not in before]
    told = [*missing, *added] or ["the order of the rules changed"]
    return told[0] + (f", and {len(told) - 1} more" if len(told) > 1 else "")


STRICT = {
    "permitrootlogin": "no",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "permitemptypasswords": "no",
    "pubkeyauthentication": "yes",
}


@_of_a_provisioned_host("sshd")
def sshd(facts: Facts, record: HostRecord) -> Judgement:
    """What sshd does is what provisioning wrote."""
    seen = facts.sshd
    if isinstance(seen, Unknown):
        return unknown("sshd", seen, "sshd's effective settings", "type `sshd -T` as root")
    if not record.ssh_closed:
        return warn(
            "sshd",
            "root's login and passwords are still open: a new login with a key was never proven",
            "keys only",
            MEND,
        )
    wrong = [
        f"`{key} {' '.join(seen.get(key, ('?',)))}`"
        for key, value in STRICT.items()
        if seen.get(key) != (value,)
    ]
    needed = "no root, no passwords, keys only"
    if wrong:
        hint = (
            f"type `grep -r {wrong[0].split()[0].strip('`')} -i /etc/ssh`, remove the line, and {PROVISION}"
        )
        return fail("sshd", f"sshd says {', '.join(wrong)}", needed, hint)
    if str(record.ssh_port) not in seen.get("port", ()):
        ports = " and ".join(seen.get("port", ("?",)))
        return fail(
            "sshd",
            f"sshd is set to port {ports}, not {record.ssh_port}: a restart locks everybody out",
            f"port {record.ssh_port}",
            f"set it back, or {PROVISION} to open the new one",
        )
    changed = _changed(facts, lambda path: path == SSHD)
    if changed:
        return fail("sshd", changed, needed, MEND)
    return ok("sshd", f"port {record.ssh_port}, {needed}")


def _changed(facts: Facts, mine: Callable[[str], bool]) -> str:
    """Which of the recorded files differ, in words; empty when none does, or nobody looked."""
    record, sums = facts.record, facts.managed
    if isinstance(record, Unknown) or record is None or isinstance(sums, Unknown):
        return ""
    gone = [path for path in record.files if mine(path) and path not in sums]
    other = [path for path, digest in record.files.items() if mine(path) and sums.get(path, digest) != digest]
    told = ([f"{_some(other)} changed"] if other else []) + ([f"{_some(gone)} gone"] if gone else [])
    return "; ".join(told)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"


@_of_a_provisioned_host("timers")
def timers(facts: Facts, _record: HostRecord) -> Judgement:
    """Every unit that provisioning enabled is enabled, and runs where it should."""
    seen = facts.units
    if isinstance(seen, Unknown):
        return unknown("timers", seen, "the state of the units", "type `systemctl --failed`")
    wrong = [told for unit in seen if (told := _wrong_unit(unit))]
    if not wrong:
        return ok("timers", f"{len(seen)} units are enabled and as they should be")
    names = " ".join(name for name, _ in wrong)
    hint = f"type `systemctl enable --now {names}`; why it stopped: `journalctl -u {wrong[0][0]} -n 50`"
    if any("masked" in why for _, why in wrong):
        hint = f"type `systemctl unmask {names}`, then `systemctl enable --now {names}`"
    if any("not there" in why for _, why in wrong):
        hint = MEND
    return fail(
        "timers", "; ".join(f"{name} {why}" for name, why in wrong), "enabled and running units", hint
    )


def _wrong_unit(unit: UnitSeen) -> tuple[str, str] | None:
    """The unit and what is wrong with it."""
    if unit.loaded in {"masked", "not-found"}:
        return unit.name, "is masked" if unit.loaded == "masked" else "is not there"
    if unit.enabled not in {"enabled", "enabled-runtime", "static", "alias", "generated", "indirect", ""}:
        return unit.name, f"is {unit.enabled}"
    if unit.active == "failed":
        return unit.name, "failed"
    resting = unit.kind == "oneshot" or unit.condition is False
    if unit.active == "inactive" and not resting:
        return unit.name, "is stopped"
    return None


@_of_a_provisioned_host("packages")
def packages(facts: Facts, _record: HostRecord) -> Judgement:
    """Security updates come by themselves, and nothing keeps them off."""
    seen = facts.packages
    if isinstance(seen, Unknown):
        return unknown("packages", seen, "the state of the package manager", "type `apt-mark showhold`")
    if not seen.unattended:
        return fail(
            "packages",
            'security updates do not install themselves: `APT::Periodic::Unattended-Upgrade` is not "1"',
            "unattended upgrades",
            MEND,
        )
    problems = tuple(_package_problems(seen))
    if problems:
        told, needed, hint = problems[0]
        return warn("packages", "; ".join(one[0] for one in problems) if problems[1:] else told, needed, hint)
    return ok("packages", "security updates install themselves, nothing is held")


def _package_problems(seen: PackagesSeen) -> Iterator[tuple[str, str, str]]:
    """What was seen, what is needed, what to type."""
    if seen.held:
        names = " ".join(seen.held)
        hint = f"type `apt-mark unhold {names}`, unless it is on purpose"
        yield f"held back from every update: {', '.join(seen.held)}", "packages that get updates", hint
    if seen.security:
        since = show_seconds(seen.idle_seconds)
        told = f"{len(seen.security)} security updates wait: unattended upgrades have not run for {since}"
        yield told, "security updates within a day", "type `unattended-upgrade --verbose`"
    if seen.reboot:
        told = f"a reboot is due for {seen.reboot}"
        yield told, "the updated kernel and libraries", "type `systemctl reboot`"


@_of_a_provisioned_host("keys")
def keys(facts: Facts, record: HostRecord) -> Judgement:
    """Somebody can log in, today and in two weeks."""
    seen, now = facts.keys, facts.now
    if isinstance(seen, Unknown):
        return unknown("keys", seen, f"the keys of `{record.admin_user}`", "run it as root")
    if isinstance(now, Unknown):
        return unknown("keys", now, "the time")
    file = f"~{record.admin_user}/.ssh/authorized_keys"
    good = [key for key in seen if key.expires is None or key.expires > now]
    hint = f"add a key to `host.admin_keys`, then {PROVISION}; remove the expired line from {file}"
    if not good:
        why = "every key has expired" if seen else "there is no key"
        return fail("keys", f"nobody can log in as `{record.admin_user}`: {why}", "a key that is valid", hint)
    expired = [key.name for key in seen if key not in good]
    if expired:
        return warn("keys", f"expired: {', '.join(expired)}", "keys that are valid", hint)
    soon = [key for key in good if key.expires is not None and key.expires - now < SOON_SECONDS]
    if soon:
        return warn("keys", "; ".join(_expires(key, now) for key in soon), "keys that stay valid", hint)
    return ok("keys", f"{len(good)} keys may log in as `{record.admin_user}`")


def _expires(key: KeySeen, now: float) -> str:
    return f"{key.name} expires in {show_seconds((key.expires or now) - now)}"


@_of_a_provisioned_host("nodes")
def nodes(facts: Facts, record: HostRecord) -> Judgement:
    """Every host that provisioning knows is in the Swarm, and ready."""
    if isinstance(facts.stack, Unknown):
        return unknown("nodes", facts.stack, "a Docker Engine that answers", "type `docker node ls`")
    engine = facts.stack.engine
    if engine.swarm != "active" or not engine.is_manager:
        if record.peers:
            needed = f"a manager of the Swarm of {len(record.peers) + 1} hosts"
            return fail("nodes", f"the Swarm is `{engine.swarm}` here", needed, "type `docker info`")
        return Skipped("nodes", "this host is not a manager of a Swarm")
    found = facts.stack.nodes
    by_address = {node.address: node for node in found}
    by_name = {node.name: node for node in found}
    missing = [
        peer.name for peer in record.peers if peer.mesh_address not in by_address and peer.name not in by_name
    ]
    ill = [f"{node.name} is {node.state}" for node in found if node.state != "ready"]
    resting = [f"{node.name} is drained" for node in found if node.availability == "drain"]
    if missing or ill:
        told = [*(f"{name} is missing from the Swarm" for name in missing), *ill]
        return fail(
            "nodes", "; ".join(told), f"{len(record.peers) + 1} ready hosts", _node_hint(missing, found)
        )
    if resting:
        return warn("nodes", "; ".join(resting), "hosts that take work", "type `instancectl host list`")
    return ok("nodes", f"{len(found)} ready" if len(found) > 1 else "one host, ready")


def _node_hint(missing: Sequence[str], found: Sequence[Node]) -> str:
    down = [node.name for node in found if node.state != "ready"]
    if down:
        return f"start {down[0]} and its Docker; gone for good: `instancectl host remove {down[0]}`"
    return f"type `instancectl host add` with the address of {missing[0]}: it joins again"


@_of_a_provisioned_host("managed-files")
def managed_files(facts: Facts, record: HostRecord) -> Judgement:
    """Every file that provisioning wrote is as it was written; sshd's has a check of its own."""
    if isinstance(facts.managed, Unknown):
        return unknown("managed-files", facts.managed, "the files that provisioning wrote", "run it as root")
    changed = _changed(facts, lambda path: path != SSHD)
    if changed:
        hint = "type `instancectl host provision --check --diff` to see how; without both it writes them anew"
        return Finding("managed-files", Severity.WARN, changed, "the files that provisioning wrote", hint)
    return ok("managed-files", f"{len(record.files)} files are as provisioning wrote them")
