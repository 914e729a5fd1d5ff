"""The command line itself: where options may stand, how everything ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl import wiring
from instancectl.cli import commands, main
from instancectl.cli.context import FLAGS, PASSTHROUGH, VALUED, hoist
from instancectl.errors import EXIT_CODES, Busy, InstanceError, OperationFailed

ENVELOPE = ["schema", "command", "status", "exit_code", "data", "notes", "errors"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty directory; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def ran(*argv: str) -> tuple[int, str, str]:
        code = main.run(argv)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ran


def raising(error: BaseException):
    def broken(*args: object, **kwargs: object) -> None:
        raise error

    return broken


class TestHoisting:
    @pytest.mark.parametrize(
        ("typed", "read"),
        [
            ("status --json", "--json status"),
            ("plan --config x --exit-code", "--config x plan --exit-code"),
            ("plan --config=x -q", "--config=x -q plan"),
            ("maintenance on -v --yes", "-v --yes maintenance on"),
            ("plan --config", "--config plan"),
            ("tootctl accounts create ada --json --config x", None),
            ("--json tootctl media usage --verbose", None),
            ("-q --config x tootctl --json", None),
            ("logs -- --json", None),
            ("", None),
        ],
    )
    def test_global_options_may_stand_anywhere_but_in_others_arguments(self, typed, read):
        assert hoist(typed.split()) == (typed if read is None else read).split()

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([*FLAGS, "plan", "x", "--tail", "tootctl", "--", "--config=y"])))
    def test_no_word_is_lost_or_invented(self, words):
        assert sorted(hoist(words)) == sorted(words)

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([*FLAGS, *VALUED, *PASSTHROUGH, "plan", "x"])))
    def test_hoisting_twice_is_hoisting_once(self, words):
        assert hoist(hoist(words)) == hoist(words)


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [("plan", "--nonsense"), ("nonsense",), ("logs",), ("journal", "--last", "x"), ("maintenance", "x")],
    )
    def test_a_mistake_exits_2_and_points_to_the_help(self, run, words):
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert "--help`" in err

    @pytest.mark.parametrize("words", [("plan", "--nonsense"), ("nonsense",), ("logs",), ()])
    def test_with_json_it_is_one_document(self, run, words):
        code, out, err = run("--json", *words)
        document = json.loads(out)
        assert list(document) == ENVELOPE
        assert (code, err) == (2, "")
        assert document["exit_code"] == 2
        assert document["status"] == "failed"
        assert document["errors"][0]["code"] == "usage"

    @pytest.mark.parametrize("words", sorted(commands.names(main.app)), ids=" ".join)
    def test_every_command_has_help_for_every_option(self, run, words):
        if words[0] in PASSTHROUGH:
            pytest.skip("its help is another program's")
        code, out, _ = run(*words, "--help")
        assert code == 0
        assert f"instancectl {' '.join(words)}" in out

    def test_the_version_is_told(self, run):
        code, out, _ = run("--version")
        assert code == 0
        assert out.startswith("instancectl ")


class TestFailures:
    def test_an_unexpected_error_exits_70_with_a_log_and_no_traceback(self, run, monkeypatch):
        monkeypatch.setattr(wiring, "deployment", raising(ZeroDivisionError("secret-ish detail")))
        code, out, err = run("plan")
        assert (code, out) == (70, "")
        assert "unexpected ZeroDivisionError in `instancectl plan`" in err
        assert "Traceback" not in err
        path = Path(
            next(word for word in err.split() if word.endswith(".log") or ".log;" in word).rstrip(";")
        )
        assert path.stat().st_mode & 0o077 == 0
        log = path.read_text()
        assert log.startswith("command: plan\n")
        assert "ZeroDivisionError: secret-ish detail" in log

    def test_with_json_it_is_one_document_too(self, run, monkeypatch):
        monkeypatch.setattr(wiring, "deployment", raising(ZeroDivisionError("x")))
        code, out, _ = run("plan", "--json")
        document = json.loads(out)
        assert code == document["exit_code"] == 70
        assert document["errors"][0]["code"] == "bug"
        assert document["command"] == ["plan"]

    def test_whoever_debugs_gets_the_traceback(self, run, monkeypatch):
        monkeypatch.setattr(wiring, "deployment", raising(ZeroDivisionError("x")))
        with pytest.raises(ZeroDivisionError):
            run("--debug", "plan")

    def test_an_interruption_exits_130(self, run, monkeypatch):
        monkeypatch.setattr(wiring, "deployment", raising(KeyboardInterrupt()))
        code, out, err = run("plan")
        assert (code, out) == (130, "")
        assert "run the same command again to continue" in err

    def test_a_reader_that_went_away_is_no_bug(self):
        program = f"{sys.executable} -m instancectl plan --help | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() in {"0", "1", "141"}
        assert done.stderr == ""

    @pytest.mark.parametrize("row", [row for row in EXIT_CODES if 0 < row.code < 128 and row.code != 9])
    def test_every_error_exits_with_its_code_in_both_forms(self, run, monkeypatch, row):
        error = InstanceError("it `broke`", hint="type `x`", subject="web")
        error.exit_code, error.code = row.code, row.name
        monkeypatch.setattr(wiring, "deployment", raising(error))
        assert run("plan") == (row.code, "", "error: it `broke`\n\nhint: type `x`\n")
        code, out, err = run("--json", "plan")
        document = json.loads(out)
        assert (code, err, list(document)) == (row.code, "", ENVELOPE)
        assert document["errors"] == [
            {"code": row.name, "message": "it `broke`", "hint": "type `x`", "subject": "web"}
        ]
        assert document["status"] == ("partial" if row.name == "partial" else "failed")

    def test_causes_are_told_once(self, run, monkeypatch):
        error = OperationFailed("cannot go on")
        error.__cause__ = OSError("disk full")
        error.__cause__.__cause__ = OSError("disk full")
        monkeypatch.setattr(wiring, "deployment", raising(error))
        _, _, err = run("plan")
        assert err.count("disk full") == 1
        assert "  caused by: disk full\n" in err

    def test_others_options_do_not_change_our_form(self, run, monkeypatch):
        monkeypatch.setattr(wiring, "run_in_one_shot", raising(Busy("busy")))
        code, out, err = run("tootctl", "accounts", "--json", "--debug")
        assert (code, out) == (5, "")
        assert err == "error: busy\n"


class TestTootctl:
    @pytest.mark.parametrize(
        "words",
        [
            ("accounts", "create", "ada", "--email", "a@b.example", "--confirmed"),
            ("--help",),
            ("media", "remove", "--days=3", "-v", "--json"),
            ("accounts", "modify", "ada", "--no-approve", "--config", "x", "-y"),
            ("search", "--", "--strange"),
            (),
        ],
    )
    def test_every_word_is_handed_on_as_it_is(self, run, monkeypatch, words):
        handed: list[tuple[str, ...]] = []

        def remember(options: object, name: str, argv: tuple[str, ...]) -> int:
            handed.append(argv)
            return 42

        monkeypatch.setattr(wiring, "run_in_one_shot", remember)
        code, out, err = run("tootctl", *words)
        assert (code, out, err) == (42, "", "")
        assert handed == [("bin/tootctl", *words)]


def test_every_command_returns_what_it_has_to_say():
    app = typer.main.get_command(main.app)
    assert set(app.commands) >= {"plan", "deploy", "destroy", "maintenance", "logs", "tootctl", "journal"}


@pytest.mark.parametrize(
    "words",
    [
        (),
        *sorted(
            ({name[:1] for name in commands.names(main.app)} | commands.names(main.app)) - {("tootctl",)}
        ),
    ],
    ids=" ".join,
)
def test_help_is_that_of_the_whole_application(run, capsys, words):
    main.app([*words, "--help"], prog_name="instancectl", standalone_mode=False)
    whole = capsys.readouterr().out
    assert run(*words, "--help") == (0, whole, "")
    assert len(whole.splitlines()) > 3


@pytest.mark.parametrize("flag", ["--no-color", "-q"])
def test_output_is_the_same_without_a_terminal(run, flag, monkeypatch):
    monkeypatch.setattr(wiring, "deployment", raising(Busy("busy", hint="wait")))
    assert run("plan", flag) == run("plan")
    assert "\x1b" not in "".join(map(str, run("plan")))


def test_the_environment_names_the_instance_file(run, monkeypatch, tmp_path):
    monkeypatch.setenv("INSTANCECTL_CONFIG", str(tmp_path / "elsewhere.toml"))
    code, _, err = run("plan")
    assert code == 3
    assert "elsewhere.toml" in err
    assert os.environ["INSTANCECTL_CONFIG"]
