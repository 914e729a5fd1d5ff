"""`scale` and `surge` as a person or a script types them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from instancectl.adapters.sqlite.scaling_record import SqliteScalingRecord
from instancectl.cli import main
from instancectl.cli.context import hoist
from instancectl.core.scaling.decision import Decision, Kind

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


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """An instance beside which an agent recorded yesterday's noon: a quarter of an hour of deliveries."""
    (tmp_path / "instance.toml").write_text('[instance]\ndomain = "social.example"\n')
    yesterday = datetime.now().astimezone().replace(hour=12, minute=0, second=0) - timedelta(days=1)
    record = SqliteScalingRecord(tmp_path / "state" / "scaling.sqlite3")
    rows = {
        "queues": {"push": [900, 42.0, 25, 800, 40.0]},
        "services": {"sidekiq-push": [1, 0, 0, 25, 0.4, 300]},
        "ladder": 0,
    }
    decision = Decision(Kind.REPLICAS, "sidekiq-push", 2, 1, "latency", "oldest job 42 s > 30 s").as_json()
    for tick in range(90):
        made = record.keep(yesterday.timestamp() + 10 * tick, {}, rows, [decision] if tick == 6 else [])
        for number in made:
            record.ended(number, "done")
    record.close()
    return tmp_path


def test_a_recorded_day_is_replayed(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "--config", str(recorded), "--json", "scale", "simulate", "--trace", "yesterday",
        "--machine", "4c/8g", "--policy", "instancectl",
    )  # fmt: skip
    assert code == 0
    data = json.loads(out)["data"]
    assert (data["trace"], data["seconds"]) == ("yesterday", 900)


def test_a_day_without_a_recording_is_refused(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--config", str(recorded), "scale", "simulate", "--trace", "2001-01-01")
    assert code == 7
    assert "less than ten minutes were recorded" in err


def test_a_moment_is_explained_with_its_numbers(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = datetime.now().astimezone() - timedelta(days=1)
    code, out, _ = run(capsys, "--config", str(recorded), "scale", "explain", "--at", f"{day:%Y-%m-%d}T12:01")
    assert code == 0
    assert "`sidekiq-push` 1 → 2: oldest job 42 s > 30 s" in out
    assert "push: 900 jobs, oldest 42 s, 25 busy threads, 40.0 jobs/s come" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("scale", "set", "push"), 3, "`push` is no SERVICE=NUMBER"),
        (("scale", "hold", "web", "3", "--for", "long"), 3, "`long` is no length of time"),
        (("scale", "explain", "--at", "noon"), 3, "`noon` is no moment"),
        (("scale", "watch", "--mode", "full"), 2, "`full` is none of advise, auto, off"),
        (("surge", "on", "--until", "soon"), 3, "`soon` is no moment"),
        (("surge", "turn-away", "everybody"), 2, "neither reading nor inbox"),
    ],
)
def test_what_is_typed_wrong_is_named(
    words: tuple[str, ...], code: int, said: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, _, err = run(capsys, "--config", str(recorded), *words)
    assert seen == code
    assert said in err
