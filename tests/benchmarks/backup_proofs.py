"""Bars of backups that are no figures but proofs: B15, B17 and B18 as tests that are run and counted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.docs.test_faults_page import NAMED

if TYPE_CHECKING:
    from tests.benchmarks.backup import Report

ROOT = Path(__file__).resolve().parents[2]
FAULTS, STEPS = 45, 10_000
BY_HAND = ("contract/test_backup_by_hand.py",)
MODEL = ("operations/test_backup_model.py",)
ON_CEPH = (
    "contract/test_s3.py", "contract/test_destinations.py", "contract/test_object_lock.py",
    "contract/test_backup_s3.py", "contract/test_backup_faults.py", "contract/test_restore_real.py",
)  # fmt: skip


def run(directory: Path, nodes: Iterable[str], more: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Run tests; how many passed, and how many did not, those that were skipped among them."""
    kept = directory / "proof.xml"
    words = ["-q", "-p", "no:randomly", f"--junitxml={kept}"]
    nodes = [f"tests/{node}" for node in nodes]
    subprocess.run(
        [sys.executable, "-m", "pytest", *words, *nodes], cwd=ROOT, stdout=subprocess.DEVNULL,
        env={**os.environ, **(more or {})}, check=False,
    )  # fmt: skip
    cases = list(ET.parse(kept).getroot().iter("testcase"))  # noqa: S314 - written by the line above
    if not cases:
        raise SystemExit(f"no test ran of {', '.join(nodes)}")
    failed = [case for case in cases if len(case) and case[0].tag in {"failure", "error", "skipped"}]
    for case in failed:
        print(f"    {case.get('classname')}::{case.get('name')}: {case[0].tag}", file=sys.stderr, flush=True)
    return len(cases) - len(failed), len(failed)


def proofs(report: Report, base: Path) -> None:
    """B15, B17, B18: what failed of what was run."""
    passed, failed = run(base, BY_HAND)
    report.bar("B15", f"the text in the bucket, by hand: failed of {passed + failed} tests", failed, 0, "")
    passed, failed = run(base, dict.fromkeys(test for _, test in NAMED))
    report.bar("B17", f"faults without a test, of {FAULTS}", FAULTS - len({one for one, _ in NAMED}), 0, "")
    report.bar("B17", f"faults: failed of {passed + failed} tests", failed, 0, "")
    _, failed = run(base, MODEL, {"BACKUP_MODEL_STEPS": str(STEPS)})
    report.bar("B17", f"seeds that lost a set, in {STEPS} random steps", failed, 0, "")
    passed, failed = run(base, ON_CEPH)
    report.bar("B18", f"a real S3 server (Ceph RGW): failed of {passed + failed} tests", failed, 0, "")
