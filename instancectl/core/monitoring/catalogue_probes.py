"""Metrics of probes, slices and uptime."""

from __future__ import annotations

from instancectl.core.monitoring.metric import Kind, Metric

_G, _C, _H = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
_PROBE = ("surface", "vantage")

PROBE_SUCCESS = Metric(
    "instancectl_probe_success", _G, "1 if the last probe of the surface succeeded.", _PROBE
)
PROBE_DURATION = Metric(
    "instancectl_probe_duration_seconds",
    _H,
    "Time until the slowest answer of a surface's probe.",
    _PROBE,
    (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
PROBES = Metric("instancectl_probes_total", _C, "Probes made since the agent started.", _PROBE)
PROBE_FAILURES = Metric(
    "instancectl_probe_failures_total",
    _C,
    "Failed probes since the agent started; reason is dns, connect, tls, timeout, status, body or absent.",
    (*_PROBE, "reason"),
)
PROBE_LAST_RUN = Metric(
    "instancectl_probe_last_run_timestamp_seconds", _G, "When the surface was last probed.", _PROBE
)
PROBE_CONNECTIVITY = Metric(
    "instancectl_probe_connectivity",
    _G,
    "1 if a vantage reaches anything at all; what one measures that does not is unknown.",
    ("vantage",),
)
CERTIFICATE_END = Metric(
    "instancectl_probe_tls_not_after_timestamp_seconds",
    _G,
    "End of the certificate served under a name; looked at every 5 minutes.",
    ("host",),
)
EDGE_ANSWERS = Metric(
    "instancectl_edge_answers_total",
    _C,
    "Answers of the edge to an anonymous reader; cache is fresh, hit, stale or none. Stale counts as not up.",
    ("cache",),
)
SLICES = Metric(
    "instancectl_sli_slices_total", _C, "Slices of 15 s that were measured, since the ledger began.", ("sli",)
)
BAD_SLICES = Metric(
    "instancectl_sli_bad_slices_total", _C, "Measured slices that were bad, since the ledger began.", ("sli",)
)
UNKNOWN_SLICES = Metric(
    "instancectl_sli_unknown_slices_total",
    _C,
    "Slices that nobody had measured at first, since the ledger began; those that were filled in count, too.",
    ("sli",),
)
FILLED_SLICES = Metric(
    "instancectl_sli_filled_slices_total",
    _C,
    "Unknown slices for which another vantage later told what it had measured, since the ledger began.",
    ("sli",),
)
OBJECTIVE = Metric(
    "instancectl_sli_objective_ratio", _G, "Share of the measured slices that should be good.", ("sli",)
)
CAUSE = Metric(
    "instancectl_cause",
    _G,
    "1 while the last verdict names this service as what is broken; consequences of it stay 0.",
    ("service",),
)

CANARY_POSTS = Metric(
    "instancectl_canary_posts_total",
    _C,
    "Runs on the write path since the agent started: post, see it arrive, delete.",
)
CANARY_FAILURES = Metric(
    "instancectl_canary_post_failures_total",
    _C,
    "Runs whose post was refused or did not arrive in 30 s.",
)
CANARY_DELIVERY = Metric(
    "instancectl_canary_delivery_seconds",
    _H,
    "From the answer to a post until it arrived over the WebSocket.",
    (),
    (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
CANARY_SUCCESS = Metric(
    "instancectl_canary_success",
    _G,
    "1 if the last post arrived; a run every 5 minutes, every minute after a failure.",
)
CANARY_LAST_RUN = Metric(
    "instancectl_canary_last_run_timestamp_seconds", _G, "When the last run on the write path began."
)

PROBE_METRICS = (
    PROBE_SUCCESS, PROBE_DURATION, PROBES, PROBE_FAILURES, PROBE_LAST_RUN, PROBE_CONNECTIVITY,
    CERTIFICATE_END, EDGE_ANSWERS,
    SLICES, BAD_SLICES, UNKNOWN_SLICES, FILLED_SLICES, OBJECTIVE, CAUSE,
    CANARY_POSTS, CANARY_FAILURES, CANARY_DELIVERY, CANARY_SUCCESS, CANARY_LAST_RUN,
)  # fmt: skip
