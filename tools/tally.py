"""What passed and failed: sums, the JUnit reports they are read from, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET


@dataclass
class Tally:
    """How many checks passed and failed, in all; `unsteady` are tests that passed when run once more."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)

    def count(self, *, passed: int = 0, failed: int = 0, skipped: int = 0) -> None:
        """Add to the sums."""
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def add(self, part: Tally) -> None:
        """Add the sums of a part."""
        self.count(passed=part.passed, failed=part.failed, skipped=part.skipped)
        self.unsteady += part.unsteady


def suites_of(path: Path) -> list[ET.Element]:
    """The suites of a JUnit report; none when there is no report."""
    try:
        return list(ET.parse(path).getroot().iter("testsuite"))
    except (OSError, ET.ParseError):
        return []


def failed_tests(path: Path) -> list[str]:
    """The tests that failed in a JUnit report, by name."""
    return [
        f"{case.get('classname')}.{case.get('name')}"
        for suite in suites_of(path)
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]


def count_report(path: Path, tally: Tally) -> bool:
    """Count a JUnit report; False when there is none."""
    for suite in suites_of(path):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        tally.count(passed=int(suite.get("tests", 0)) - failed - skipped, failed=failed, skipped=skipped)
    return tally.passed + tally.failed > 0


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


def minutes(seconds: float) -> str:
    """`41.2 s` or `3 min 12 s`."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def tail(path: Path, begun: int = 0, lines: int = 60) -> list[str]:
    """The command line at `begun` in a log, and the last lines of what followed."""
    with path.open("rb") as file:
        file.seek(begun)
        text = file.read().decode(errors="replace").splitlines()
    return text if len(text) <= lines + 1 else [text[0], "…", *text[-lines:]]
