"""The rendered stack file, deployed by hand, makes the very services that instancectl makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from dataclasses import replace

import pytest

from instancectl.adapters import yaml_writer
from instancectl.core import stack_file
from instancectl.core.desired import Desired, Network
from instancectl.core.secrets import Secret, fingerprint
from instancectl.core.service import (
    Attachment,
    FileRef,
    HealthCheck,
    Mount,
    PublishedPort,
    ServiceSpec,
    UpdatePolicy,
)
from tests.contract.swarm_harness import RealHarness
from tests.fakes import instance

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not shutil.which("docker"), reason="needs the docker command"),
]
IMAGE = "testbed/base:forky"


def everything(stack: str, published: int) -> Desired:
    """Two services that use every field there is."""
    secret = f"{stack}_env-{fingerprint('s')}"
    config = f"{stack}_web-page-html-{fingerprint('c')}"
    web = ServiceSpec(
        name="web",
        image=IMAGE,
        entrypoint=("/bin/sh", "-c"),
        command=('cat /etc/page.html; echo "$HOME costs $$5 ${PATH}"; sleep 600',),
        environment=(("EMPTY", ""), ("PRICE", "$5"), ("WORDS", "a b=c")),
        user="0",
        init=True,
        stop_signal="SIGQUIT",
        stop_grace_seconds=1,
        health=HealthCheck(("CMD-SHELL", 'test -n "$HOME"'), 1, 2, 3, 5),
        mounts=tuple(
            sorted(
                (
                    Mount("/data", "data"),
                    Mount("/media", "media", read_only=True),
                    Mount("/dev/shm", kind="tmpfs", size_bytes=2**24),
                )
            )
        ),
        secrets=(FileRef(secret, "/opt/app/.env", "991", "991", 0o400),),
        configs=(FileRef(config, "/etc/page.html"),),
        networks=(Attachment("backend"), Attachment("edge", ("a.localhost", "b.localhost"))),
        ports=(PublishedPort(published, 80), PublishedPort(published, 80, "udp")),
        constraints=("node.role==manager",),
        memory_bytes=2**26,
        memory_reservation_bytes=2**24,
        cpu_nano=500_000_000,
        update=UpdatePolicy("start-first", "rollback", 1, 0, 3),
        log_max_megabytes=7,
        labels=(("note", "costs $5"),),
    )
    plain = ServiceSpec("plain", IMAGE, command=("sleep", "600"), init=True, networks=(Attachment("edge"),))
    return Desired(
        stack=stack,
        networks=(Network("backend", internal=True), Network("edge")),
        volumes=("data", "media"),
        secrets={secret: Secret("s")},
        configs={config: "c costs $5\n"},
        services=(web, plain),
        stages=(("web", "plain"),),
    )


@pytest.fixture
def harness():
    made = RealHarness(f"contract-{uuid.uuid4().hex[:8]}")
    yield made
    made.clean()


@pytest.fixture
def desired(harness, free_port):
    return everything(harness.stack, free_port)


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def create_objects(harness, desired: Desired, *, configs: bool = True) -> None:
    for name, content in desired.secrets.items():
        harness.swarm.create_secret(desired.stack, name, content)
    for name, content in desired.configs.items() if configs else ():
        harness.swarm.create_config(desired.stack, name, content)


def create_all(harness, desired: Desired) -> None:
    for network in desired.networks:
        harness.swarm.create_network(desired.stack, network)
    for name in desired.volumes:
        harness.swarm.create_volume(desired.stack, name)
    create_objects(harness, desired)
    for spec in desired.services:
        harness.swarm.create_service(desired.stack, spec)


def deploy_by_hand(desired: Desired, directory) -> None:
    """Exactly the command that the file's own header shows."""
    text = yaml_writer.dump(stack_file.compose(desired), stack_file.HEADER.format(stack=desired.stack))
    (directory / "configs").mkdir(exist_ok=True)
    (directory / "stack.yml").write_text(text)
    for name, content in stack_file.files(desired).items():
        (directory / name).write_text(content)
    command = (
        next(line for line in text.splitlines() if "docker stack deploy" in line).removeprefix("#").split()
    )
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=120)


def raw(harness) -> dict[str, dict]:
    """Service → its spec as the Engine keeps it, identifiers included."""
    wanted = {"label": f"com.docker.stack.namespace={harness.stack}"}
    return {entry["Spec"]["Name"]: entry["Spec"] for entry in harness.swarm.api.services(filters=wanted)}


def observed(harness) -> dict[str, ServiceSpec]:
    return {name: state.spec for name, state in harness.swarm.observe(harness.stack).services.items()}


def test_by_hand_it_becomes_the_same_services(harness, desired, tmp_path):
    create_objects(harness, desired, configs=False)
    deploy_by_hand(desired, tmp_path)
    assert observed(harness) == {spec.name: spec for spec in desired.services}
    seen = harness.swarm.observe(harness.stack)
    assert seen.networks == {"backend", "edge"}
    assert seen.configs == set(desired.configs)
    harness.wait_until(lambda: seen_volumes(harness) == set(desired.volumes))
    harness.wait_until(lambda: harness.swarm.service(harness.stack, "web").converged)
    lines = list(harness.swarm.logs(harness.stack, "web", tail=0, follow=False, since=0))
    assert "c costs $5" in lines
    assert any(line.startswith("/root costs ") for line in lines)


def seen_volumes(harness) -> set[str]:
    return set(harness.swarm.observe(harness.stack).volumes)


def test_by_hand_on_a_running_stack_nothing_is_restarted(harness, desired, tmp_path):
    create_all(harness, desired)
    for spec in desired.services:
        harness.wait_until(lambda spec=spec: harness.swarm.service(harness.stack, spec.name).converged)
    tasks = {spec.name: harness.live(harness.stack, spec.name) for spec in desired.services}
    before = raw(harness)
    deploy_by_hand(desired, tmp_path)
    after = raw(harness)
    for name in before:
        assert json.dumps(after[name], sort_keys=True, indent=1) == json.dumps(
            before[name], sort_keys=True, indent=1
        )
    assert {spec.name: harness.live(harness.stack, spec.name) for spec in desired.services} == tasks
    assert observed(harness) == {spec.name: spec for spec in desired.services}


@pytest.mark.parametrize("case", ["catch", "bucket"])
def test_docker_reads_the_file_of_a_whole_instance(case, tmp_path):
    from tests.golden.stack import cases

    desired = instance.desired(cases.CASES[case])
    (tmp_path / "configs").mkdir()
    (tmp_path / "stack.yml").write_text(cases.render(case))
    for name, content in stack_file.files(desired).items():
        (tmp_path / name).write_text(content)
    read = subprocess.run(
        ["docker", "stack", "config", "-c", "stack.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    for spec in desired.services:
        assert f"\n  {spec.name}:\n" in read.stdout


def test_what_is_no_longer_in_the_file_is_pruned(harness, desired, tmp_path):
    create_objects(harness, desired, configs=False)
    deploy_by_hand(desired, tmp_path)
    smaller = replace(desired, services=desired.services[:1], stages=(("web",),))
    deploy_by_hand(smaller, tmp_path)
    harness.wait_until(lambda: set(observed(harness)) == {"web"})
    harness.wait_until(lambda: harness.swarm.service(harness.stack, "web").converged)
