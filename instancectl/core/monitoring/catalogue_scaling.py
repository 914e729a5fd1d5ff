"""Metrics of the autoscaler."""

from __future__ import annotations

from instancectl.core.monitoring.metric import Kind, Metric

_G, _C = Kind.GAUGE, Kind.COUNTER

MODE = Metric(
    "instancectl_autoscaler_mode", _G, "1 for the mode it works in: auto, advise or off.", ("mode",)
)
LAST_RUN = Metric(
    "instancectl_autoscaler_last_run_timestamp_seconds",
    _G,
    "When it last judged a sample, complete or not; no series before the first.",
)
DESIRED = Metric(
    "instancectl_autoscaler_desired_replicas",
    _G,
    "Processes that were ordered: Puma's for `web`, replicas for Sidekiq; at most 10 s old.",
    ("service",),
)
REPLICAS = Metric(
    "instancectl_autoscaler_replicas", _G, "Of those, the ones that work; at most 10 s old.", ("service",)
)
MAX_REPLICAS = Metric(
    "instancectl_autoscaler_max_replicas", _G, "The most that the cores of this host can use.", ("service",)
)
PRESSURE = Metric(
    "instancectl_autoscaler_pressure_ratio",
    _G,
    "Wait as a share of its objective, by queue, and `web` for requests; at most 10 s old.",
    ("queue",),
)
LADDER = Metric("instancectl_autoscaler_ladder", _G, "Rung of the degrade ladder; 0 is none.")
DECISIONS = Metric(
    "instancectl_autoscaler_decisions_total",
    _C,
    "Decisions since the agent started; `direction` is up, down, hold or what else is done, "
    "`reason` the rule.",
    ("service", "direction", "reason"),
)
THREADS = Metric(
    "instancectl_autoscaler_threads",
    _G,
    "Threads of one process, where enough work was recorded to judge; at most an hour old.",
    ("service",),
)
WANTED_THREADS = Metric(
    "instancectl_autoscaler_wanted_threads",
    _G,
    "Threads that the jobs of the last six hours ask for, as `scale tune` has it; at most an hour old.",
    ("service",),
)

SCALING_METRICS = (
    MODE,
    LAST_RUN,
    DESIRED,
    REPLICAS,
    MAX_REPLICAS,
    PRESSURE,
    LADDER,
    DECISIONS,
    THREADS,
    WANTED_THREADS,
)
