"""`export k8s`: the layout and its objectives as files for a cluster; nothing of them is secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from instancectl.core.result import Result, Status
from instancectl.core.scaling import k8s
from instancectl.core.scaling.settings import Policy

VALUES: Final = "values.yaml"
SCALERS: Final = "keda.yaml"
Write = Callable[[str, str], str]
"""Writes a file of that name with that text; returns its path."""


def export(
    policy: Policy, release: str, dump: Callable[[Mapping[str, object], str], str], write: Write
) -> Result:
    """Write both files.

    Args:
        policy: sizes and objectives of the instance.
        release: the chart's full name in the cluster.
        dump: YAML of a tree, with a header above.
        write: keeps a file.

    Raises:
        OperationFailed: a file cannot be written.
    """
    values, objects = k8s.values(policy), k8s.objects(policy, release)
    head = f"# Layout `{policy.layout.name}`, written by instancectl.\n"
    scalers = "---\n".join(dump(one, "") for one in objects)
    paths = {
        VALUES: write(VALUES, dump(values, head)),
        SCALERS: write(SCALERS, head + scalers),
    }
    lines = (
        f"{paths[VALUES]}: sizes for `helm upgrade {release} mastodon/mastodon --values …`",
        f"{paths[SCALERS]}: {len(objects)} objects for KEDA; `kubectl apply --filename …`",
    )
    data: dict[str, Any] = {"files": paths, "values": values, "objects": list(objects)}
    return Result(Status.CHANGED, data, lines)
