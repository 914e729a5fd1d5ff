from __future__ import annotations

import re

from instancectl.core.monitoring.catalogue import CATALOGUE, reference_markdown
from instancectl.core.monitoring.metric import Kind

UNITS = ("seconds", "bytes", "ratio", "info", "total", "timestamp_seconds")
FORBIDDEN_LABELS = {
    "type",
    "account",
    "domain",
    "job",
    "instance",
    "site",
    "jid",
    "host_name",
    "identity",
    "le",
}


def test_no_name_twice_and_every_one_is_ours() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"instancectl_[a-z][a-z0-9_]*", name) for name in names)


def test_only_counters_end_in_total_and_all_of_them_do() -> None:
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name


def test_only_histograms_have_buckets_and_they_ascend() -> None:
    for metric in CATALOGUE:
        assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)
        assert list(metric.bounds) == sorted(metric.bounds)


def test_base_units_only() -> None:
    for metric in CATALOGUE:
        words = metric.name.split("_")
        assert not set(words) & {"minutes", "ms", "milliseconds", "hours", "percent", "kilobytes", "mib"}


def test_no_label_can_grow_with_people_or_jobs() -> None:
    for metric in CATALOGUE:
        assert not set(metric.labels) & (FORBIDDEN_LABELS - {"type"}), metric.name
    assert [metric.name for metric in CATALOGUE if "type" in metric.labels] == [
        "instancectl_update_available"
    ]


def test_help_is_a_sentence() -> None:
    for metric in CATALOGUE:
        assert metric.help.endswith("."), metric.name
        assert len(metric.help) < 130


def test_the_page_has_a_row_for_each() -> None:
    page = reference_markdown()
    for metric in CATALOGUE:
        assert page.count(f"| `{metric.name}` |") == 1
