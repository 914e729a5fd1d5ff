"""The file an admin can deploy by hand."""

from __future__ import annotations

import pytest
import yaml

from instancectl.core import stack_file
from tests.fakes import instance
from tests.golden.plan import cases as plans
from tests.golden.stack import cases as stacks

DESIRED = instance.desired()
TREE = stack_file.compose(DESIRED)


@pytest.mark.parametrize("case", stacks.CASES)
def test_a_stack_file_equals_its_golden_file(case):
    assert stacks.render(case) == (stacks.HERE / f"{case}.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", plans.CASES)
def test_a_plan_equals_its_golden_file(case):
    assert plans.render(case) == (plans.HERE / f"{case}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("where", [stacks, plans], ids=["stack", "plan"])
def test_no_golden_file_is_left_over(where):
    assert {path.stem for path in where.HERE.iterdir() if path.suffix in {".yml", ".txt"}} == set(where.CASES)


@pytest.mark.parametrize("case", stacks.CASES)
def test_no_secret_stands_in_a_stack_file_or_beside_it(case):
    beside = stack_file.files(instance.desired(stacks.CASES[case]))
    assert not instance.leaks(stacks.render(case) + "".join(beside.values()))


def test_everything_of_the_stack_is_in_the_file():
    assert set(TREE["services"]) == {spec.name for spec in DESIRED.services}
    assert set(TREE["networks"]) == {network.name for network in DESIRED.networks}
    assert set(TREE["volumes"]) == set(DESIRED.volumes)
    assert {entry["name"] for entry in TREE["secrets"].values()} == set(DESIRED.secrets)
    assert {entry["name"] for entry in TREE["configs"].values()} == set(DESIRED.configs)


def test_secrets_are_only_named():
    assert all(set(entry) == {"external", "name"} and entry["external"] for entry in TREE["secrets"].values())


def test_configs_lie_beside_the_file_with_their_content():
    files = stack_file.files(DESIRED)
    for entry in TREE["configs"].values():
        assert files[entry["file"].removeprefix("./")] == DESIRED.configs[entry["name"]]
    assert len(files) == len(DESIRED.configs)


def test_what_a_service_uses_is_declared():
    for service in TREE["services"].values():
        assert {item["source"] for item in service.get("secrets", ())} <= set(TREE["secrets"])
        assert {item["source"] for item in service.get("configs", ())} <= set(TREE["configs"])
        assert set(service["networks"]) <= set(TREE["networks"])
        volumes = [item["source"] for item in service.get("volumes", ()) if item["type"] == "volume"]
        assert set(volumes) <= set(TREE["volumes"])


def test_keys_stay_apart_however_long_the_stacks_name_is():
    domain = f"{'a' * 60}.{'b' * 60}.example"
    desired = instance.desired(
        instance.config(instance={"domain": domain}, tls={"mode": "files", "certificate": "c", "key": "k"})
    )
    tree = stack_file.compose(desired)
    assert len(tree["configs"]) == len(desired.configs)
    assert len(tree["secrets"]) == len(desired.secrets)


def test_the_file_says_how_to_deploy_it_by_hand():
    text = stacks.render("catch")
    assert "docker stack deploy --resolve-image never --prune -c stack.yml social-example" in text
    assert yaml.safe_load(text) == TREE
