from __future__ import annotations

import json
from typing import Any

import pytest

from instancectl.core.host import inventory
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.files import managed_files
from instancectl.core.host.inventory import Desired
from instancectl.core.host.settings import HostSettings
from tests.unit.core.host.hosts import KEY, OTHER_KEY, PEER, PROGRAM, VPS, fill, vps


def desired(facts: HostFacts = VPS, settings: HostSettings | None = None) -> Desired:
    settings = settings or HostSettings()
    files = managed_files(settings, facts, fill, peers=(PEER,))
    proof = ("ssh", "admin@203.0.113.7", "sudo -n true")
    return Desired(
        settings, facts, (PEER,), files, PROGRAM, "1.2.3", {"ansible_host": "x"}, proof, "/usr/bin/python3"
    )


def variables(facts: HostFacts = VPS, settings: HostSettings | None = None) -> dict[str, Any]:
    return inventory.variables(desired(facts, settings))


def test_everything_is_plain_json() -> None:
    assert json.loads(json.dumps(variables())) == variables()


def test_the_look_asks_for_everything_a_task_compares() -> None:
    found = variables()
    paths = {file["path"] for files in found["host_files"].values() for file in files}
    assert paths <= set(found["host_look"]["files"])
    assert {mark["path"] for mark in found["host_applied"].values()} <= set(found["host_look"]["files"])
    assert {one["path"] for one in found["host_directories"]} == set(found["host_look"]["directories"])
    assert set(found["host_own_units"]) <= set(found["host_look"]["units"])


def test_the_keys_that_let_us_in_let_the_admin_in() -> None:
    settings = HostSettings(admin_keys=(OTHER_KEY, KEY))
    assert variables(settings=settings)["host_admin_keys"] == [KEY, OTHER_KEY]


def test_without_a_key_nobody_tries_to_prove_a_login() -> None:
    assert variables(vps(login_keys=()))["host_proof"] == []
    assert variables()["host_proof"]


@pytest.mark.parametrize(
    ("facts", "wanted", "unwanted"),
    [
        (vps(), {"docker.io", "python3-venv"}, {"docker-cli", "docker-ce"}),
        (vps(version="13"), {"docker.io", "docker-cli"}, set()),
        (
            vps(system="ubuntu", version="22.04"),
            {"docker.io", "python3.11-venv"},
            {"python3-venv", "docker-cli"},
        ),
        (vps(docker_version="28.5", docker_package="docker-ce"), {"nftables"}, {"docker.io"}),
        (vps(docker_version="20.10", docker_package="docker.io"), {"docker.io"}, set()),
    ],
)
def test_packages_fit_the_system_and_what_is_there(
    facts: HostFacts, wanted: set[str], unwanted: set[str]
) -> None:
    found = set(inventory.packages(HostSettings(), facts))
    assert wanted <= found
    assert not unwanted & found


def test_docker_s_own_packages_come_from_its_repository_where_there_is_no_engine() -> None:
    settings = HostSettings(docker_from="docker")
    bare = variables(vps(codename="bookworm"), settings)
    assert {"docker-ce", "docker-ce-cli", "containerd.io"} <= set(bare["host_look"]["packages"])
    assert "docker.io" not in bare["host_look"]["packages"]
    assert bare["host_docker_key"] == "https://download.docker.com/linux/debian/gpg"
    (sources,) = bare["host_files"]["packages"]
    assert "URIs: https://download.docker.com/linux/debian\nSuites: bookworm\n" in sources["content"]

    there = variables(vps(docker_package="docker.io", docker_version="20.10"), settings)
    assert "docker.io" in there["host_look"]["packages"]
    assert (there["host_docker_key"], there["host_files"]["packages"]) == ("", [])


def test_the_record_names_every_file_but_the_marks() -> None:
    record = variables()["host_record"]
    assert "/etc/ssh/sshd_config.d/01-instancectl.conf" in record["files"]
    assert not [path for path in record["files"] if "/applied/" in path]
    assert record["intended_ports"] == ["22/tcp", "80/tcp", "443/tcp", "443/udp"]
    assert record["peers"][0]["name"] == "second"
