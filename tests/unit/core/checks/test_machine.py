"""Checks of Docker, memory, cores, disk, ports, clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.budget import Budget, Line
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import machine
from instancectl.core.checks.seen import Disk, ImageSeen, Listener, Memory, Skew
from instancectl.core.observed import Engine
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import ALL, GIB, config_of, facts_of, fresh, stack_of


def judged(answer: object) -> Finding:
    assert isinstance(answer, Finding)
    return answer


def engine(version: str = "28.5.1", swarm: str = "active", *, manager: bool = True) -> Engine:
    return Engine(version, "1.51", swarm, manager, "n", {}, 4, 8 * GIB)


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (engine(), Severity.OK),
        (engine("20.10.24+dfsg1"), Severity.OK),
        (engine("19.3.15"), Severity.FAIL),
        (engine(swarm="inactive", manager=False), Severity.OK),
        (engine(swarm="locked", manager=False), Severity.FAIL),
        (engine(swarm="error", manager=False), Severity.FAIL),
        (engine(manager=False), Severity.FAIL),
    ],
    ids=str,
)
def test_docker_needs_to_be_new_and_its_swarm_usable(found: Engine, severity: Severity) -> None:
    assert machine.docker(facts_of(stack=stack_of(engine=found))).severity is severity


def test_docker_that_does_not_answer_fails_and_says_how_to_start_it() -> None:
    finding = machine.docker(facts_of(stack=Unknown("cannot reach the Docker Engine")))
    assert finding.severity is Severity.FAIL
    assert "systemctl start docker" in finding.hint


def memory_budget(total_mib: int, limit_mib: int) -> Budget:
    mib = 1024**2
    return Budget("memory", (Line("web", total_mib * mib, ""),), limit_mib * mib)


def test_memory_that_suffices_is_told_in_numbers() -> None:
    finding = judged(machine.memory(facts_of(memory_budget=memory_budget(1500, 2000))))
    assert finding.severity is Severity.OK
    assert "1500 MiB of 2000 MiB" in finding.seen


def test_memory_that_only_swap_completes_warns() -> None:
    facts = facts_of(memory_budget=memory_budget(2200, 2000), memory=Memory(2 * GIB, GIB, GIB))
    finding = judged(machine.memory(facts))
    assert finding.severity is Severity.WARN
    assert "2200 MiB > 2000 MiB" in finding.seen


def test_memory_that_not_even_swap_completes_fails_with_what_is_missing() -> None:
    facts = facts_of(memory_budget=memory_budget(2200, 1000), memory=Memory(GIB, GIB, GIB))
    finding = judged(machine.memory(facts))
    assert finding.severity is Severity.FAIL
    assert "1200 MiB of swap" in finding.hint


def test_planning_with_more_memory_than_there_is_fails() -> None:
    facts = facts_of(config_of(machine={"memory_mib": 16384}), memory=Memory(8 * GIB, GIB, 0))
    finding = judged(machine.memory(facts))
    assert finding.severity is Severity.FAIL
    assert "16384 MiB" in finding.seen
    assert "8192 MiB" in finding.seen


def test_more_computing_processes_than_cores_warn() -> None:
    facts = facts_of(config_of(services={"web": {"processes": 6}}), cores=1)
    assert judged(machine.cores(facts)).severity is Severity.WARN


def test_planning_with_more_cores_than_there_are_warns() -> None:
    assert judged(machine.cores(facts_of(config_of(machine={"cores": 16})))).severity is Severity.WARN


@pytest.mark.parametrize(
    ("free_gib", "severity"),
    [(3, Severity.FAIL), (5, Severity.WARN), (20, Severity.OK)],
)
def test_a_first_deploy_needs_room_for_the_images_it_fetches(free_gib: int, severity: Severity) -> None:
    images = (ImageSeen("web", "web:1", False), ImageSeen("db", "db:1", True))
    disk = Disk("/var/lib/docker", 100 * GIB, free_gib * GIB)
    finding = machine.disk(fresh(disk=disk, images=images))
    assert finding.severity is severity
    assert f"{free_gib} GiB of 100 GiB" in finding.seen


def test_a_disk_too_small_is_refused_with_the_numbers() -> None:
    disk = Disk("/var/lib/docker", 10 * GIB, GIB)
    finding = machine.disk(fresh(disk=disk, images=(ImageSeen("web", "web:1", False),)))
    assert finding.seen == "1 GiB of 10 GiB free in /var/lib/docker"
    assert finding.needed.startswith("3.5 GiB: 1.5 GiB for 1 images, 2 GiB for data")


@pytest.mark.parametrize(
    ("total_gib", "free_gib", "severity"),
    [(100, 50, Severity.OK), (100, 8, Severity.WARN), (100, 2, Severity.FAIL), (20, 0.5, Severity.FAIL)],
)
def test_a_running_instance_warns_early_and_fails_before_postgresql_stops(
    total_gib: float, free_gib: float, severity: Severity
) -> None:
    disk = Disk("/var/lib/docker", int(total_gib * GIB), int(free_gib * GIB))
    assert machine.disk(facts_of(disk=disk)).severity is severity


def test_a_disk_nobody_saw_is_unknown() -> None:
    assert machine.disk(facts_of(disk=Unknown("no permission"))).severity is Severity.UNKNOWN


def test_a_taken_port_says_by_what() -> None:
    held = (Listener(80, "tcp", "192.0.2.1", "nginx", 4711),)
    finding = machine.ports(fresh(listeners=held))
    assert finding.severity is Severity.FAIL
    assert finding.seen == "80/tcp on 192.0.2.1 is taken by `nginx` (pid 4711)"
    assert "systemctl disable --now nginx" in finding.hint


def test_a_port_held_by_another_container_names_the_way_to_it() -> None:
    held = (Listener(443, "udp", "::", "docker-proxy", 9, "for the container at 172.17.0.2"),)
    finding = machine.ports(fresh(listeners=held))
    assert finding.severity is Severity.FAIL
    assert "172.17.0.2" in finding.seen
    assert "docker ps --filter publish=443" in finding.hint


def test_a_holder_that_only_root_may_see_is_still_a_holder() -> None:
    finding = machine.ports(fresh(listeners=(Listener(80, "tcp", "192.0.2.1"),)))
    assert finding.severity is Severity.FAIL
    assert "as root" in finding.hint


def test_other_ports_do_not_matter() -> None:
    held = (Listener(8080, "tcp", "192.0.2.1", "x", 1), Listener(80, "udp", "192.0.2.1", "y", 2))
    assert machine.ports(fresh(listeners=held)).severity is Severity.OK


def test_ports_held_by_our_own_proxy_are_fine() -> None:
    held = (Listener(80, "tcp", "192.0.2.1", "docker-proxy", 1),)
    assert machine.ports(facts_of(listeners=held)).severity is Severity.OK


@pytest.mark.parametrize(
    ("state", "severity"), [("starting", Severity.OK), ("failed", Severity.FAIL), ("rejected", Severity.FAIL)]
)
def test_our_proxy_holds_its_ports_before_it_is_healthy(state: str, severity: Severity) -> None:
    held = (Listener(80, "tcp", "192.0.2.1", "docker-proxy", 1),)
    stack = stack_of(*ALL)
    proxy = stack.services["proxy"]
    tasks = tuple(replace(task, state=state) for task in proxy.tasks)
    stack = replace(stack, services={**stack.services, "proxy": replace(proxy, tasks=tasks)})
    assert machine.ports(facts_of(listeners=held, stack=stack)).severity is severity


def test_a_port_that_our_proxy_does_not_hold_yet_must_be_free() -> None:
    held = (
        Listener(80, "tcp", "192.0.2.1", "docker-proxy", 1),
        Listener(8443, "tcp", "192.0.2.1", "tomcat", 2),
    )
    finding = machine.ports(facts_of(config_of(proxy={"https_port": 8443}), listeners=held))
    assert finding.severity is Severity.FAIL
    assert "tomcat" in finding.seen
    assert "80/tcp on" not in finding.seen


@pytest.mark.parametrize(
    ("skew", "severity"),
    [
        (Skew(True, 0.3, "s3.dev.org"), Severity.OK),
        (Skew(None, 0.3, "s3.dev.org"), Severity.OK),
        (Skew(False, 0.3, "s3.dev.org"), Severity.WARN),
        (Skew(True, -7.0, "s3.dev.org"), Severity.WARN),
        (Skew(True, 61.0, "s3.dev.org"), Severity.FAIL),
        (Skew(True), Severity.OK),
        (Skew(False), Severity.WARN),
        (Skew(None), Severity.UNKNOWN),
        (Unknown("no answer"), Severity.UNKNOWN),
    ],
    ids=str,
)
def test_the_clock_is_judged_by_others_and_by_the_kernel(skew: Skew | Unknown, severity: Severity) -> None:
    assert machine.clock(facts_of(clock=skew)).severity is severity


def test_the_clock_says_in_which_direction_it_is_off() -> None:
    assert (
        "1 min 1 s ahead of s3.dev.org" in machine.clock(facts_of(clock=Skew(True, 61.0, "s3.dev.org"))).seen
    )
    assert "7 s behind s3.dev.org" in machine.clock(facts_of(clock=Skew(True, -7.0, "s3.dev.org"))).seen


def test_nothing_deployed_and_everything_free_is_fine() -> None:
    assert machine.ports(fresh()).severity is Severity.OK
    assert machine.ports(facts_of(stack=stack_of(*ALL[:3]))).severity is Severity.OK
