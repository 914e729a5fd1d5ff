"""The layout and the objectives for a cluster: values for Mastodon's Helm chart, objects for KEDA.

Values are those of github.com/mastodon/chart (`values.yaml`), objects those of KEDA 2 (`keda.sh/v1alpha1`).
KEDA sizes each service alone: it knows neither of a shared budget nor of the ladder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from instancectl.core import footprint
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.work import saturated_rate
from instancectl.core.sizes import BASE, SidekiqPlan
from instancectl.core.units import MIB

CALM_SECONDS: Final = 300
SHRINK_SECONDS: Final = 120
SHRINK_PERCENT: Final = 25
POLL_SECONDS: Final = 10
GROWTH_SECONDS: Final = 15

Tree = Mapping[str, Any]


def values(policy: Policy) -> Tree:
    """What to hand to `helm upgrade --values`."""
    web, streaming = policy.layout.web, policy.layout.streaming
    return {
        "mastodon": {
            "sidekiq": {"workers": [_worker(plan) for plan in policy.layout.sidekiq]},
            "web": {
                "replicas": web.replicas,
                "workers": str(web.processes),
                "minThreads": str(web.threads),
                "maxThreads": str(web.threads),
                "resources": _memory(footprint.web_fresh(web.processes), web.memory_bytes),
            },
            "streaming": {
                "replicas": streaming.replicas,
                "resources": _memory(footprint.STREAMING_LOADED, streaming.memory_bytes),
            },
        }
    }


def name_of(plan: SidekiqPlan) -> str:
    """Of a worker in the chart, and the end of its Deployment's name."""
    return "all-queues" if plan.service == BASE else plan.service.removeprefix(f"{BASE}-")


def _worker(plan: SidekiqPlan) -> dict[str, Any]:
    return {
        "name": name_of(plan),
        "concurrency": plan.threads,
        "replicas": plan.replicas,
        "queues": [f"{queue},{weight}" for queue, weight in zip(plan.queues, plan.weights, strict=True)],
        "resources": _memory(footprint.sidekiq_loaded(plan.threads), plan.memory_bytes),
    }


def _memory(request: int, limit: int) -> dict[str, Any]:
    return {
        "requests": {"memory": f"{request // MIB}Mi"},
        "limits": {"memory": f"{max(request, limit) // MIB}Mi"},
    }


def objects(policy: Policy, release: str) -> tuple[Tree, ...]:
    """One ScaledObject for each service that scales; the one with the scheduler has none, it is always one.

    Args:
        policy: sizes and objectives.
        release: the chart's full name: Deployments are called `RELEASE-sidekiq-NAME`.
    """
    return tuple(_object(policy, plan, release) for plan in policy.scalable)


def backlog(policy: Policy, queue: str, threads: int) -> int:
    """Jobs that may wait for each process: what it does in the queue's share of its objective."""
    return max(1, round(policy.profile.share * policy.objectives[queue] * saturated_rate(queue, threads)))


def _object(policy: Policy, plan: SidekiqPlan, release: str) -> Tree:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": f"{release}-{plan.service}"},
        "spec": {
            "scaleTargetRef": {"name": f"{release}-{BASE}-{name_of(plan)}"},
            "pollingInterval": POLL_SECONDS,
            "cooldownPeriod": CALM_SECONDS,
            "minReplicaCount": policy.floor(plan.service),
            "maxReplicaCount": policy.ceiling(plan.service),
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior()}},
            "triggers": [_trigger(policy, plan, queue) for queue in policy.queues(plan)],
        },
    }


def _behavior() -> Tree:
    def limit(kind: str, value: int, seconds: int) -> dict[str, Any]:
        return {"type": kind, "value": value, "periodSeconds": seconds}

    return {
        "scaleDown": {
            "stabilizationWindowSeconds": CALM_SECONDS,
            "policies": [limit("Percent", SHRINK_PERCENT, SHRINK_SECONDS), limit("Pods", 1, SHRINK_SECONDS)],
            "selectPolicy": "Max",
        },
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": [limit("Percent", 100, GROWTH_SECONDS), limit("Pods", 2, GROWTH_SECONDS)],
            "selectPolicy": "Max",
        },
    }


def _trigger(policy: Policy, plan: SidekiqPlan, queue: str) -> Tree:
    return {
        "type": "redis",
        "name": queue,
        "metadata": {
            "hostFromEnv": "REDIS_HOST",
            "portFromEnv": "REDIS_PORT",
            "passwordFromEnv": "REDIS_PASSWORD",
            "listName": f"queue:{queue}",
            "listLength": str(backlog(policy, queue, plan.threads)),
        },
    }
