"""Values for the chart and objects for KEDA: the same sizes and objectives as here."""

from __future__ import annotations

import pytest

from instancectl.core.config import InstanceConfig
from instancectl.core.scaling import k8s
from instancectl.core.scaling.settings import policy_for
from instancectl.core.sizes import QUEUES, Machine
from instancectl.core.units import GIB

CONFIG = InstanceConfig.model_validate({"instance": {"domain": "a.example"}, "mail": {"mode": "none"}})


@pytest.fixture(params=["tiny", "small", "medium", "large"])
def policy(request: pytest.FixtureRequest):
    config = CONFIG.model_copy(
        update={"instance": CONFIG.instance.model_copy(update={"layout": request.param})}
    )
    return policy_for(config, Machine(32 * GIB, 8))


def test_every_queue_is_worked_and_the_scheduler_once(policy) -> None:
    workers = k8s.values(policy)["mastodon"]["sidekiq"]["workers"]
    queues = [word.split(",")[0] for one in workers for word in one["queues"]]
    assert set(queues) == set(QUEUES)
    assert queues.count("scheduler") == 1
    (base,) = [one for one in workers if any(word.startswith("scheduler,") for word in one["queues"])]
    assert (base["name"], base["replicas"]) == ("all-queues", 1)
    assert len({one["name"] for one in workers}) == len(workers)


def test_the_one_with_the_scheduler_is_never_scaled(policy) -> None:
    targets = {one["spec"]["scaleTargetRef"]["name"] for one in k8s.objects(policy, "m")}
    assert "m-sidekiq-all-queues" not in targets
    names = {one["name"] for one in k8s.values(policy)["mastodon"]["sidekiq"]["workers"]}
    assert targets == {f"m-sidekiq-{name}" for name in names - {"all-queues"}}


def test_each_object_stays_between_one_and_what_the_cores_can_use(policy) -> None:
    for one in k8s.objects(policy, "m"):
        spec = one["spec"]
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
        assert all(trigger["metadata"]["listName"].startswith("queue:") for trigger in spec["triggers"])
        assert all(int(trigger["metadata"]["listLength"]) >= 1 for trigger in spec["triggers"])


def test_the_allowed_line_follows_the_objective() -> None:
    policy = policy_for(CONFIG, Machine(16 * GIB, 4))
    assert k8s.backlog(policy, "push", 25) == round(0.25 * 120 * 25 / 0.30)
    assert k8s.backlog(policy, "push", 5) < k8s.backlog(policy, "push", 25)
