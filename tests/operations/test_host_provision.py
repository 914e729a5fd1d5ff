from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from instancectl.core.host.facts import HostFacts
from instancectl.core.host.inventory import Program
from instancectl.core.host.progress import PROOF
from instancectl.core.host.settings import HostSettings
from instancectl.core.result import Result, Status
from instancectl.errors import OperationFailed, Partial, Refused, Unreachable
from instancectl.operations.host.provision import Surroundings, Target, Ways, provision
from instancectl.ports.playbooks import Event
from instancectl.ports.remote import Outcome, Remote
from tests.fakes.clock import FakeClock
from tests.fakes.playbooks import FakePlaybooks
from tests.fakes.remote import FakeRemote
from tests.fakes.reporter import FakeReporter
from tests.unit.core.host.hosts import KEY, PROGRAM, fill, vps

SETTINGS = HostSettings()


def task(role: str, name: str, *ends: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> list[Event]:
    """A task and how it ended on hosts: `("first", "changed")`."""
    ended = [Event(end[1], end[0], role, name, end[2] if len(end) == 3 else {}) for end in ends]
    return [Event("task", role=role, task=name), *ended]


@dataclass
class World:
    """Everything around one run; `sent` is what the archive was while the playbook could read it."""

    story: Sequence[Event] = ()
    reporter: FakeReporter = field(default_factory=FakeReporter)
    packed: int = 0

    def __post_init__(self) -> None:
        self.playbooks = FakePlaybooks(self.story)

    @contextlib.contextmanager
    def pack(self) -> Iterator[Program]:
        self.packed += 1
        yield PROGRAM

    def around(self, facts: HostFacts) -> Surroundings:
        return Surroundings(
            look=lambda _remote: facts,
            fill=fill,
            playbooks=self.playbooks,
            reporter=self.reporter,
            clock=FakeClock(),
            pack=self.pack,
            connection=lambda address: {"ansible_host": address.address if address else "localhost"},
            proof=lambda address, user: ("ssh", f"{user}@{address.address}") if address else (),
            version="1.2.3",
            controller_python="/usr/bin/python3",
        )

    def provision(self, *targets: Target, ways: Ways | None = None, facts: HostFacts | None = None) -> Result:
        return provision(
            targets or (Target(FakeRemote("root@203.0.113.7")),), SETTINGS, self.around(facts or vps()), ways
        )

    @property
    def given(self) -> dict[str, Any]:
        """Variables of the host `first` in the last run."""
        return dict(self.playbooks.runs[-1].hosts["first"])


CHANGED = task("docker", "Place the settings", ("first", "changed"))
SAME = task("docker", "Place the settings", ("first", "ok"))


def test_what_changed_is_counted_and_said_by_role() -> None:
    world = World([*task("preflight", "Look", ("first", "ok")), *CHANGED])
    result = world.provision()
    assert result.status is Status.CHANGED
    assert result.data["hosts"][0]["changes"] == ["Docker Engine: place the settings"]
    assert world.reporter.done == ["look at the host", "Docker Engine"]
    assert world.reporter.said == ["as it should be", "1 changed"]
    assert "log in as `admin@203.0.113.7`" in " ".join(result.notes)


def test_a_host_that_is_as_it_should_be_is_unchanged() -> None:
    result = World(SAME).provision()
    assert result.status is Status.UNCHANGED
    assert result.data["hosts"][0]["changed"] == 0
    assert result.lines[0] == "first: nothing to change"


def test_what_a_look_can_tell_is_refused_before_anything_runs() -> None:
    world = World()
    with pytest.raises(Refused, match="runs debian 11; needed: one of: Debian 12") as caught:
        world.provision(facts=vps(version="11"))
    assert "nothing was changed" in caught.value.message
    assert caught.value.hint
    assert not world.playbooks.runs
    assert not world.packed


def test_one_unfit_host_keeps_all_of_them_untouched() -> None:
    world = World()
    targets = (
        Target(FakeRemote("root@203.0.113.7"), vps()),
        Target(FakeRemote("root@203.0.113.8"), vps(sudo="none")),
    )
    with pytest.raises(Refused, match=r"root@203\.0\.113\.8"):
        world.provision(*targets)
    assert not world.playbooks.runs


def test_a_failed_task_says_cause_remedy_and_log() -> None:
    full = ("first", "failed", {"msg": "No space left on device"})
    world = World([*CHANGED, *task("program", "Unpack instancectl", full)])
    with pytest.raises(Partial, match="instancectl itself: unpack instancectl: the disk is full") as caught:
        world.provision()
    assert "run it again to continue" in caught.value.message
    assert "/var/log/provision.log" in caught.value.hint
    assert world.reporter.failed == ["instancectl itself: unpack instancectl"]
    assert "instancectl itself" not in world.reporter.done


def test_a_failure_before_any_change_left_nothing_behind() -> None:
    world = World(
        task("packages", "Install packages", ("first", "failed", {"msg": "Failed to fetch http://x"}))
    )
    with pytest.raises(OperationFailed, match="nothing was changed"):
        world.provision()


def test_a_lost_connection_is_unreachable() -> None:
    world = World([*CHANGED, *task("mesh", "Place", ("first", "unreachable", {"msg": "timed out"}))])
    with pytest.raises(Unreachable, match="connection was lost"):
        world.provision()


def test_each_host_that_failed_is_named() -> None:
    ends = (("first", "failed", {"msg": "boom"}), ("second", "failed", {"msg": "No space left on device"}))
    world = World([*CHANGED, *task("units", "Place", *ends)])
    targets = (
        Target(FakeRemote("root@203.0.113.7"), vps()),
        Target(FakeRemote("root@203.0.113.8"), vps(hostname="second")),
    )
    with pytest.raises(Partial, match="`first`") as caught:
        world.provision(*targets)
    assert "second: units and timers: place: the disk is full" in caught.value.hint
    assert world.reporter.failed == ["first: units and timers: place", "second: units and timers: place"]


def test_a_login_that_was_not_proven_leaves_ssh_open_and_says_so() -> None:
    denied = ("first", "ok", {"rc": 255, "stderr": "Permission denied (publickey)."})
    result = World(task("ssh", PROOF, denied)).provision()
    assert result.status is Status.PARTIAL
    assert result.exit_code == Partial.exit_code
    assert "stays open for passwords and root" in result.notes[0]
    assert "Permission denied" in result.notes[0]
    assert "log in as" not in " ".join(result.notes)


def test_a_login_that_was_proven_is_no_news() -> None:
    result = World(task("ssh", PROOF, ("first", "ok", {"rc": 0}))).provision()
    assert result.exit_code == 0


def test_without_any_key_the_person_is_told_that_ssh_stays_open() -> None:
    world = World(SAME)
    result = world.provision(facts=vps(login_keys=()))
    assert "no key to log in with" in result.notes[0]
    assert world.given["host_proof"] == []


def test_a_check_promises_and_exits_well() -> None:
    diff = Event(
        "diff", "first", "docker", "Place", {"diff": {"before": "", "after": "a\n", "after_header": "/x"}}
    )
    world = World([*CHANGED, diff])
    result = world.provision(ways=Ways(check=True, diff=True))
    assert result.status is Status.PLANNED
    assert result.lines[0] == "first: 1 would change"
    assert "+a" in result.lines
    assert not [note for note in result.notes if "log in as" in note]
    assert world.playbooks.runs[0].check


def test_what_an_admin_wrote_for_docker_reaches_the_host_again() -> None:
    remote = FakeRemote("root@203.0.113.7")
    remote.files["/etc/docker/daemon.json"] = (0o644, b'{"mtu": 1400}')
    world = World(SAME)
    world.provision(Target(remote))
    (daemon,) = [file for file in world.given["host_files"]["docker"] if file["path"].endswith("daemon.json")]
    assert '"mtu": 1400' in daemon["content"]


def test_a_container_is_told_what_is_not_applied() -> None:
    result = World(SAME).provision(facts=vps(container="lxc"))
    assert "placed, not applied" in result.notes[0]


def test_a_known_host_keeps_its_place_in_the_mesh() -> None:
    first = World(SAME)
    first.provision()
    record = first.given["host_record"]
    known = {**record, "mesh": {**record["mesh"], "address": "10.86.0.7"}}
    world = World(SAME)
    world.provision(facts=vps(record=known))
    assert world.given["host_record"]["mesh"]["address"] == "10.86.0.7"


def test_two_hosts_of_one_name_are_told_apart() -> None:
    world = World()
    remotes: list[Remote] = [FakeRemote("root@203.0.113.7"), FakeRemote("root@203.0.113.8")]
    world.provision(*(Target(remote, vps()) for remote in remotes))
    hosts = world.playbooks.runs[0].hosts
    assert list(hosts) == ["first", "first-2"]
    assert [one["ansible_host"] for one in hosts.values()] == ["203.0.113.7", "203.0.113.8"]


def test_a_host_without_a_docker_file_is_no_error() -> None:
    remote = FakeRemote("root@203.0.113.7")
    remote.programs["cat"] = lambda _argv, _stdin: Outcome(1, b"", "cat: no such file")
    world = World(SAME)
    assert world.provision(Target(remote)).status is Status.UNCHANGED


def test_this_machine_proves_nothing_over_ssh() -> None:
    world = World(SAME)
    world.provision(Target(FakeRemote(None), replace(vps(), login_keys=(KEY,))))
    assert world.given["host_proof"] == []


def test_a_run_that_breaks_off_does_not_leave_its_role_hanging() -> None:
    world = World(task("docker", "Place the settings"))
    world.playbooks.error = OperationFailed("cannot run the playbook: it was ended")
    with pytest.raises(OperationFailed, match="it was ended"):
        world.provision()
    assert world.reporter.failed == ["Docker Engine"]
