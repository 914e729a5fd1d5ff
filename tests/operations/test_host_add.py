"""Where the person is: one command provisions, connects, joins and settles; killed, it continues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from instancectl.core.config_host import Host
from instancectl.core.host.address import HostAddress, parse
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.record import HostRecord, Mesh
from instancectl.core.host.settings import Peer
from instancectl.core.result import Result, Status
from instancectl.errors import OperationFailed, Partial, Refused, Unreachable
from instancectl.operations.host import add as adding
from instancectl.ports.remote import Outcome
from tests.fakes.remote import FakeRemote
from tests.fakes.reporter import FakeReporter

PROGRAM = "/usr/local/bin/instancectl"
TOKEN = "SWMTKN-1-made-up"
INVITED = {
    "manager": "10.86.0.1:2377", "token": TOKEN, "courier_key": "ssh-ed25519 AAAA courier",
    "nodes": {"one": "10.86.0.1"}, "settings": Host().model_dump(),
}  # fmt: skip
GONE = {
    "was_member": True,
    "answered": True,
    "address": "10.86.0.2",
    "homeless": {},
    "settings": Host().model_dump(),
}


def record(name: str, address: str, peers: Sequence[Peer] = (), key: str = "") -> HostRecord:
    return HostRecord(
        "1", name, "admin", 22, True, (), Mesh(address, key or f"key-{name}", 51820), tuple(peers)
    )


def told(data: object, exit_code: int = 0, **error: str) -> Outcome:
    errors = [{"hint": "", "subject": "", "code": "", **error}] if error else []
    return Outcome(exit_code, json.dumps({"data": data, "errors": errors}).encode())


class World:
    """Manager `one`, and `two` at 203.0.113.8 as it was rented."""

    def __init__(self) -> None:
        self.manager = FakeRemote("admin@203.0.113.7")
        self.manager.programs[PROGRAM] = self._on_manager
        self.new = FakeRemote("root@203.0.113.8")
        self.new.programs[PROGRAM] = self._on_new
        self.others: dict[str, FakeRemote] = {}
        self.records: dict[object, HostRecord | None] = {
            self.manager: record("one", "10.86.0.1"),
            self.new: None,
        }
        self.root_closed = False
        self.answers: dict[str, Outcome] = {
            "invite": told(INVITED),
            "settle": told({}),
            "dismiss": told(GONE),
        }
        self.joined = told({"node_id": "two-id", "host_keys": ["ssh-rsa A"]})
        self.runs: list[tuple[dict[str, tuple[str, ...]], tuple[str, ...]]] = []
        self.typed: list[tuple[str, ...]] = []
        self.stdin: dict[str, object] = {}
        self.reporter = FakeReporter()

    def _on_manager(self, argv, stdin):
        verb = argv[list(argv).index("host") + 1]
        self.typed.append(tuple(argv))
        self.stdin[verb] = json.loads(stdin) if stdin else None
        return self.answers[verb]

    def _on_new(self, argv, stdin):
        self.typed.append(tuple(argv))
        self.stdin["join"] = json.loads(stdin)
        return self.joined

    def look(self, remote) -> HostFacts:
        found = self.records[remote]
        name = next((name for name, other in self.others.items() if other is remote), "")
        hostname = name or ("one" if remote is self.manager else "two")
        address = remote.address.address
        made = found.as_json() if found else None
        key = found.mesh.public_key if found else ""
        return HostFacts(hostname=hostname, addresses=(address,), record=made, mesh_public_key=key)

    def reach(self, address: HostAddress):
        if address.address == "203.0.113.8":
            if address.user == "root" and self.root_closed:
                raise Unreachable(f"`{address}` refused the login")
            return self.new
        for remote in self.others.values():
            if remote.address and remote.address.address == address.address and not remote.error:
                return remote
        raise Unreachable(f"cannot reach `{address}`")

    def provision(self, targets, settings, tags):
        self.runs.append(({}, tuple(tags)))
        for target in targets:
            facts = self.look(target.remote)
            peers = tuple(target.peers or ())
            self.runs[-1][0][facts.hostname] = tuple(peer.name for peer in peers)
            known = self.records[target.remote]
            address = target.mesh_address or (known.mesh.address if known else "")
            self.records[target.remote] = record(facts.hostname, address, peers)
        if not tags:
            self.root_closed = True
        return Result(Status.CHANGED)

    def around(self, *, attended: bool = False) -> adding.Surroundings:
        return adding.Surroundings(
            self.manager, PROGRAM, (), self.reach, self.look, self.provision, self.reporter, attended
        )

    def add(self, *roles: str, attended: bool = False) -> Result:
        address = parse("root@203.0.113.8")
        return adding.add(address, roles or ("workers",), self.around(attended=attended))

    def third(self) -> FakeRemote:
        """`three` is a host already."""
        peer = Peer("three", ("203.0.113.9",), "10.86.0.2", "key-three")
        one = Peer("one", ("203.0.113.7",), "10.86.0.1", "key-one")
        self.others["three"] = FakeRemote("admin@203.0.113.9")
        self.records[self.others["three"]] = record("three", "10.86.0.2", (one,))
        self.records[self.manager] = record("one", "10.86.0.1", (peer,))
        return self.others["three"]


@pytest.fixture
def world():
    return World()


def test_the_new_host_is_provisioned_first_and_then_the_others_are_told(world):
    world.add()
    assert world.runs == [({"two": ("one",)}, ()), ({"one": ("two",)}, adding.NETWORK_ROLES)]
    assert world.records[world.new].mesh.address == "10.86.0.2"


@pytest.mark.parametrize("address", ["admin@203.0.113.7", "admin@10.86.0.1"])
def test_the_host_with_the_data_only_gets_other_roles(world, address):
    world.answers["assign"] = told({"host": "one", "roles": ["db"]})
    adding.add(parse(address), ("db",), world.around())
    assert world.typed == [(PROGRAM, "--json", "--host", "local", "host", "assign", "--role", "db")]
    assert not world.runs


def test_the_token_travels_over_stdin_alone(world):
    world.add()
    assert world.stdin["join"]["token"] == TOKEN
    assert TOKEN not in repr(world.typed)
    assert TOKEN not in world.reporter.everything


def test_the_manager_takes_in_what_has_joined(world):
    world.add("workers", "web")
    assert world.stdin["settle"] == {
        "node_id": "two-id", "name": "two", "address": "10.86.0.2",
        "roles": ["workers", "web"], "host_keys": ["ssh-rsa A"],
    }  # fmt: skip


def test_every_other_host_learns_of_the_new_one(world):
    world.third()
    world.add()
    assert world.runs[0][0] == {"two": ("one", "three")}
    assert world.runs[1][0] == {"one": ("three", "two"), "three": ("one", "two")}
    assert world.records[world.new].mesh.address == "10.86.0.3"


def test_a_host_that_does_not_answer_is_told_later(world):
    world.third().error = Unreachable("no")
    world.add()
    assert world.runs[1][0] == {"one": ("three", "two")}
    assert "three does not answer" in world.reporter.everything


def test_it_continues_when_roots_login_is_closed_already(world):
    world.joined = told({}, 1, message="no answer", hint="look", code="failed")
    with pytest.raises(OperationFailed, match="no answer"):
        world.add()
    world.joined = told({"node_id": "two-id", "host_keys": []})
    world.add()
    assert world.records[world.new].mesh.address == "10.86.0.2"


def test_what_the_manager_refuses_is_refused_before_anything_is_touched(world):
    world.answers["invite"] = told({}, 7, message="media are on the disk", hint="see", code="refused")
    with pytest.raises(Refused, match="media are on the disk"):
        world.add()
    assert world.runs == []


def test_a_manager_that_is_not_provisioned_is_refused(world):
    world.records[world.manager] = None
    with pytest.raises(Refused, match="it is not provisioned") as refused:
        world.add()
    assert "host provision --host admin@203.0.113.7" in refused.value.hint


@pytest.mark.parametrize("nodes", [{"one": "", "two": "10.86.0.9"}])
def test_two_hosts_of_one_name_are_refused(world, nodes):
    world.answers["invite"] = told({**INVITED, "nodes": nodes})
    with pytest.raises(Refused, match="another host of this instance has that name"):
        world.add()
    assert world.runs == []


def test_a_host_that_was_provisioned_alone_gets_another_address(world):
    world.records[world.new] = record("two", "10.86.0.1")
    world.add()
    assert world.records[world.new].mesh.address == "10.86.0.2"


def test_the_others_reach_a_host_behind_nat_where_we_reached_it(world):
    world.manager = FakeRemote("admin@8.8.8.8")
    world.manager.programs[PROGRAM] = world._on_manager
    world.records[world.manager] = record("one", "10.86.0.1")
    seen = world.look

    def look(remote):
        facts = seen(remote)
        return replace(facts, addresses=("172.31.0.5",)) if remote is world.manager else facts

    world.look = look
    world.add()
    (peer,) = world.records[world.new].peers
    assert peer.public_addresses == ("8.8.8.8", "172.31.0.5")


def test_progress_of_the_manager_is_shown_where_somebody_looks(world):
    assert world.add(attended=True).lines == ()
    world.answers["settle"] = Outcome(1)
    with pytest.raises(Partial, match="the manager could not take it in"):
        world.add(attended=True)


def test_an_answer_that_is_none_is_an_error_with_what_was_said(world):
    world.answers["invite"] = Outcome(2, b"", "usage: no such command")
    with pytest.raises(OperationFailed, match="no such command"):
        world.add()


def test_removing_tells_the_others(world):
    world.add()
    world.runs.clear()
    result = adding.remove("two", world.around())
    assert result.status is Status.CHANGED
    assert world.runs == [({"one": ()}, adding.NETWORK_ROLES)]


def test_a_dead_host_is_removed_with_what_to_do_should_it_come_back(world):
    world.add()
    world.answers["dismiss"] = told({**GONE, "answered": False, "homeless": {"sidekiq-push": 1}})
    text = "\n".join(adding.remove("two", world.around()).lines)
    assert "docker swarm leave --force" in text
    assert "no room for 1 × sidekiq-push" in text


def test_removing_goes_on_where_it_was_killed(world):
    world.add()
    world.runs.clear()
    world.answers["dismiss"] = told({**GONE, "was_member": False})
    adding.remove("two", world.around())
    assert world.runs == [({"one": ()}, adding.NETWORK_ROLES)]


def test_a_name_nobody_knows_is_refused(world):
    world.answers["dismiss"] = told({**GONE, "was_member": False})
    with pytest.raises(Refused, match="no host is called that"):
        adding.remove("four", world.around())
