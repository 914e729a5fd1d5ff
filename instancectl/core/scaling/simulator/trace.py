"""A trace: what comes to an instance, second by second; read from and written as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from instancectl.errors import ConfigError

QUEUES: Final = ("default", "push", "ingress", "mailers", "pull")
COLUMNS: Final = ("seconds", *QUEUES, "signups", "requests", "faults")
HEAD: Final = "# instancectl trace 1"
INCLUDED: Final = "# signups: included"

FAULTS: Final[Mapping[str, str]] = {
    "smtp-down": "every mail fails after 20 s",
    "smtp-slow": "the mail server takes six times as long",
    "remote-dead": "this share of deliveries goes to a host that does not answer: 10 s, then it fails",
    "remote-slow": "this share of deliveries goes to a host that answers after 8 s",
}
"""What can be broken; the last two take a share, such as `remote-dead=0.4`."""

_SHARED: Final = frozenset({"remote-dead", "remote-slow"})


@dataclass(frozen=True, slots=True)
class Row:
    """What holds from `at` seconds on until the next row: jobs, sign-ups and requests per second."""

    at: int
    jobs: Mapping[str, float]
    signups: float = 0.0
    requests: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows in order of time; the last one only says when it ends.

    Attributes:
        follow_up: whether the simulator adds what sign-ups cause; recordings contain it already.
    """

    name: str
    rows: tuple[Row, ...]
    follow_up: bool = True

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return self.rows[-1].at

    def times(self, factor: float) -> Trace:
        """The same trace with everything coming `factor` times as often."""
        if factor == 1:
            return self
        rows = tuple(
            replace(
                row,
                jobs={queue: rate * factor for queue, rate in row.jobs.items()},
                signups=row.signups * factor,
                requests=row.requests * factor,
            )
            for row in self.rows
        )
        return replace(self, name=f"{self.name} × {factor:g}", rows=rows)


def written(trace: Trace) -> str:
    """The trace as text; `parsed` reads it back."""
    head = [HEAD] if trace.follow_up else [HEAD, INCLUDED]
    lines = [*head, ",".join(COLUMNS)]
    for row in trace.rows:
        rates = [row.jobs.get(queue, 0.0) for queue in QUEUES]
        faults = " ".join(_fault(name, share) for name, share in row.faults.items())
        numbers = [f"{number:.6g}" for number in (*rates, row.signups, row.requests)]
        lines.append(",".join([str(row.at), *numbers, faults]))
    return "\n".join(lines) + "\n"


def _fault(name: str, share: float) -> str:
    return f"{name}={share:.6g}" if name in _SHARED else name


def parsed(text: str, name: str) -> Trace:
    """Read a trace.

    Raises:
        ConfigError: a line is no trace; it is named with its number.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or lines[0][1] != HEAD:
        raise _wrong(name, 1, f"the first line must be `{HEAD}`")
    body = [(number, line) for number, line in lines if not line.startswith("#")]
    if not body:
        raise _wrong(name, 1, "it holds no rows")
    columns = tuple(word.strip() for word in body[0][1].split(","))
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or "seconds" not in columns:
        raise _wrong(name, body[0][0], f"columns are {', '.join(COLUMNS)}; seen: {', '.join(columns)}")
    rows = [
        _row(name, number, dict(zip(columns, line.split(","), strict=False))) for number, line in body[1:]
    ]
    times = [row.at for row in rows]
    if len(rows) < 2 or times[0] != 0 or any(later <= earlier for earlier, later in pairwise(times)):
        raise _wrong(
            name, body[0][0] + 1, "it needs two rows at least, the first at 0 seconds, in order of time"
        )
    return Trace(name, tuple(rows), follow_up=INCLUDED not in (line for _, line in lines))


def _row(name: str, number: int, cells: Mapping[str, str]) -> Row:
    try:
        numbers = {key: float(cells.get(key) or 0) for key in COLUMNS[:-1]}
    except ValueError as error:
        raise _wrong(name, number, f"{error}") from error
    negative = [key for key, value in numbers.items() if not 0 <= value < 1e9]
    if negative:
        raise _wrong(name, number, f"`{negative[0]}` must be a number from 0 to 10⁹")
    return Row(
        int(numbers["seconds"]),
        {queue: numbers[queue] for queue in QUEUES},
        numbers["signups"],
        numbers["requests"],
        dict(_fault_of(name, number, word) for word in cells.get("faults", "").split()),
    )


def _fault_of(name: str, number: int, word: str) -> tuple[str, float]:
    fault, _, share = word.partition("=")
    try:
        value = float(share) if fault in _SHARED else 1.0
    except ValueError:
        value = -1.0
    if fault not in FAULTS or not 0 <= value <= 1:
        raise _wrong(name, number, f"`{word}` is no fault; there are {', '.join(FAULTS)}")
    return fault, value


def _wrong(name: str, number: int, why: str) -> ConfigError:
    return ConfigError(
        f"cannot read the trace `{name}`, line {number}: {why}",
        hint="docs/reference/trace-format.md describes it",
        subject=name,
    )


def reference_markdown() -> str:
    """docs/reference/trace-format.md."""
    lines = [
        "# Trace format",
        "",
        "A trace says what comes to an instance, second by second.",
        "`instancectl scale simulate --trace FILE` replays it.",
        "It is plain text with one line for each change; what it says holds until the next line.",
        "The last line says when the trace ends.",
        "",
        "```text",
        HEAD,
        ",".join(COLUMNS),
        "0,7,3.5,3.4,0.1,0.7,0,6,",
        "1800,63,35,34,1.4,7,0.6,55,",
        "3600,63,35,34,1.4,7,0.6,55,smtp-down remote-slow=0.4",
        "7200,7,3.5,3.4,0.1,0.7,0,6,",
        "9000,,,,,,,,",
        "```",
        "",
        "| Column | Meaning |",
        "|---|---|",
        "| `seconds` | since the beginning; the first line is at 0 |",
        *(f"| `{queue}` | jobs per second that are enqueued there |" for queue in QUEUES),
        "| `signups` | accounts made per second |",
        "| `requests` | requests per second that reach Puma, after the cache |",
        "| `faults` | what is broken, separated by spaces |",
        "",
        "Columns may be left out or come in another order; an empty cell is 0.",
        "",
        "| Fault | Meaning |",
        "|---|---|",
        *(f"| `{name}{'=SHARE' if name in _SHARED else ''}` | {text} |" for name, text in FAULTS.items()),
        "",
        "The simulator adds what a sign-up causes: jobs, requests, and mails, one of them an hour later.",
        f"A second line `{INCLUDED}` says that the trace contains them already, as recordings do.",
    ]
    return "\n".join(lines)
