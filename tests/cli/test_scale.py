"""`scale simulate` as a person or a script types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instancectl.cli import main
from instancectl.cli.context import hoist

TRACE = """\
# instancectl trace 1
seconds,default,push,ingress,mailers,pull,signups,requests,faults
0,5,5,3,0.1,1,0,5,
120,150,150,30,1,5,0.5,90,
420,5,5,3,0.1,1,0,5,
480,,,,,,,,
"""


@pytest.fixture
def surge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short trace, and no instance."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "surge.csv").write_text(TRACE)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main.run(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_rehearsal_says_what_breaks_first_and_draws_it(
    surge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(
        capsys, "scale", "simulate", "--trace", "surge.csv", "--host", "4c/8g",
        "--policy", "instancectl", "--policy", "fixed", "--plot", "surge.svg",
    )  # fmt: skip
    assert code == 0
    assert "on 4 cores and 8 GiB: layout `medium`, measured costs, seed 0" in out
    assert "instancectl, heavier jobs" in out
    assert "Under instancectl" in out
    assert "rehearsing 8 min of `surge.csv` under fixed" in err
    assert (surge / "surge.svg").read_text().startswith("<svg")


def test_a_script_gets_every_number_and_the_same_again(
    surge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = (
        "--json",
        "scale",
        "simulate",
        "--trace",
        "surge.csv",
        "--machine",
        "2c/4g",
        "--policy",
        "instancectl",
    )
    first, again = run(capsys, *typed), run(capsys, *typed)
    assert first[:2] == again[:2]
    data = json.loads(first[1])["data"]
    assert data["host"] == {"cores": 2, "memory_bytes": 4 * 1024**3}
    (one,) = data["outcomes"]
    assert one["policy"] == "instancectl"
    assert all(decision["sentence"] for decision in one["decisions"])
    assert data["heavier"]["costs"] == "heavy"


def test_times_makes_it_larger(surge: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def late(times: str) -> float:
        _, out, _ = run(
            capsys, "--json", "scale", "simulate", "--trace", "surge.csv", "--machine", "2c/4g",
            "--policy", "fixed", "--times", times,
        )  # fmt: skip
        return float(json.loads(out)["data"]["outcomes"][0]["out_of_objective"])

    assert late("0.1") < late("3")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--trace", "step11"), 3, "there is no trace `step11`"),
        (("--trace", "missing.csv"), 3, "cannot read the trace `missing.csv`"),
        (("--trace", "surge.csv", "--machine", "big"), 3, "`big` is no size of a host"),
        (("--trace", "surge.csv", "--policy", "magic"), 3, "there is no policy `magic`"),
        (("--trace", "surge.csv", "--costs", "free"), 3, "there is no model of costs `free`"),
        (("--trace", "surge.csv", "--plot", "surge.png"), 7, "pictures are SVG"),
    ],
)
def test_what_is_wrong_is_named(
    options: tuple[str, ...], code: int, words: str, surge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, _, err = run(capsys, "scale", "simulate", *options)
    assert seen == code
    assert words in err
    assert "hint:" in err


def test_a_size_is_no_host_to_log_in_to() -> None:
    assert hoist(["scale", "simulate", "--host", "4c/8g", "--json"]) == [
        "--json",
        "scale",
        "simulate",
        "--machine",
        "4c/8g",
    ]
    assert hoist(["scale", "simulate", "--host=4c/8.5g"]) == ["scale", "simulate", "--machine=4c/8.5g"]
    assert hoist(["status", "--host", "admin@203.0.113.7"]) == ["--host", "admin@203.0.113.7", "status"]
    assert hoist(["tootctl", "--host", "4c/8g"]) == ["tootctl", "--host", "4c/8g"]
