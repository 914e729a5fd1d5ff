"""Which commands go to the manager, and what of the command line goes with them."""

from __future__ import annotations

import pytest

from instancectl.cli import commands, main
from instancectl.cli.context import hoist, own
from instancectl.core.host.relay import (
    FROM_HERE,
    STAYING,
    TRAVELLING,
    Errand,
    Travelling,
    errand,
    read,
    runs_here,
)

LOOKS_LIKE_A_FILE = {"config", "dir", "directory", "env", "file", "key", "kit", "path", "plot", "trace"}


def typed(text: str):
    words = hoist(text.split())
    return read(words, len(own(words)))


def argv(text: str, **said: object) -> tuple[str, ...]:
    going = errand(typed(text), named=True, **said)
    return going.words([f"/run/{number}" for number in range(len(going.files))])


class TestReading:
    @pytest.mark.parametrize(
        "text", ["status --host a@b --json", "--host=a@b --json status", "--json status --host a@b"]
    )
    def test_the_host_is_found_wherever_it_stands(self, text):
        found = typed(text)
        assert (found.command, found.hosts) == (("status",), ("a@b",))
        assert found.rest == ("--json", "status")

    def test_words_of_another_program_are_left_alone(
        self,
    ):
        found = typed("tootctl accounts create ada --host x --config y")
        assert found.hosts == ()
        assert found.behind == ("accounts", "create", "ada", "--host", "x", "--config", "y")

    def test_a_command_of_two_words_is_one_command(self):
        assert typed("config show --host x").command == ("config", "show")
        assert typed("config explain mail.server").command == ("config", "explain")
        assert typed("logs web").command == ("logs",)

    def test_every_group_of_commands_is_known(self):
        groups = {words[0] for words in commands.names(main.app) if len(words) > 1}
        for group in groups:
            assert len(typed(f"{group} anything").command) == 2, group


class TestWhere:
    @pytest.mark.parametrize(
        "text",
        ["status", "deploy", "init", "config schema", "--version", "journal", "host list", "host drain x"],
    )
    def test_a_command_with_a_host_runs_there(self, text):
        assert not runs_here(typed(text), named=True)

    @pytest.mark.parametrize("text", ["host add x@y", "host provision", "launch --domain x", "status --help"])
    def test_what_reaches_hosts_itself_runs_here(self, text):
        assert runs_here(typed(text), named=True)
        assert runs_here(typed(text), named=False)

    @pytest.mark.parametrize("text", ["init", "config schema", "", "--version"])
    def test_what_needs_no_instance_stays_unless_a_host_is_named(self, text):
        assert runs_here(typed(text), named=False)

    @pytest.mark.parametrize("text", ["status", "deploy", "config show", "config explain x.y", "tootctl x"])
    def test_everything_else_follows_the_instance_file(self, text):
        assert not runs_here(typed(text), named=False)


class TestErrand:
    def test_the_host_does_not_hand_it_on(self):
        assert argv("status --host a@b --json") == ("--host", "local", "--json", "status")

    def test_global_options_keep_their_meaning(self):
        assert argv("plan --config /srv/x --exit-code -q --host a --host-key SHA256:x") == (
            "--host", "local", "--config", "/srv/x", "-q", "plan", "--exit-code",
        )  # fmt: skip

    def test_the_file_that_names_the_manager_is_not_a_file_of_the_manager(self):
        going = errand(typed("plan --config ./here"), named=False)
        assert going.words(()) == ("--host", "local", "plan")

    def test_no_colour_here_is_no_colour_there(self):
        assert argv("status", plain=True) == ("--host", "local", "--no-color", "status")
        assert argv("status --no-color", plain=True) == ("--host", "local", "--no-color", "status")

    @pytest.mark.parametrize("text", ["init --from-env /home/me/.env", "init --from-env=/home/me/.env"])
    def test_a_file_of_this_machine_travels(self, text):
        going = errand(typed(text), named=True)
        assert [file.path for file in going.files] == ["/home/me/.env"]
        assert "/home/me/.env" not in " ".join(going.words(["/run/0"]))
        assert "/run/0" in " ".join(going.words(["/run/0"]))

    def test_a_password_in_the_environment_travels_as_a_file(self):
        going = errand(typed("init --smtp-login me"), named=True, password="hunter22")
        assert going.words(["/run/0"])[-2:] == ("--smtp-password-file", "/run/0")
        assert [file.content for file in going.files] == ["hunter22"]
        assert "hunter22" not in repr(going)

    @pytest.mark.parametrize("text", ["init --smtp-password-file f", "status", "deploy"])
    def test_a_password_that_nobody_needs_stays(self, text):
        going = errand(typed(text), named=True, password="hunter22")
        assert all(not file.content for file in going.files)

    def test_arguments_of_tootctl_go_as_they_are(self):
        assert argv("--host a tootctl accounts create ada --config x")[2:] == (
            "tootctl", "accounts", "create", "ada", "--config", "x",
        )  # fmt: skip

    def test_a_trace_is_a_name_or_a_file(self):
        assert not errand(typed("scale simulate --trace nov7"), named=True).files
        assert not errand(typed("scale simulate --trace=nov7"), named=True).files
        going = errand(typed("scale simulate --trace ./surge.jsonl --times 2"), named=True)
        assert [file.path for file in going.files] == ["./surge.jsonl"]

    def test_files_keep_their_order(self):
        going = Errand(("a", Travelling("x"), "b", Travelling("y", prefix="--y=")))
        assert going.words(["1", "2"]) == ("a", "1", "b", "--y=2")


def options():
    """Every option of every command, with its help."""
    from instancectl.cli.reference import commands as described

    for command in described():
        for option in command.options:
            for name in (text.split()[0] for text in option.names if " " in text):
                yield pytest.param(command.words[1:], name, option.meaning, id=f"{command.words[-1]}{name}")


@pytest.mark.parametrize(("command", "name", "meaning"), list(options()))
def test_every_option_that_names_a_file_has_a_decided_place(command, name, meaning):
    if command[:1] and command[0] in FROM_HERE - {"launch"}:
        return
    looks = name.split("-")[-1] in LOOKS_LIKE_A_FILE
    named = name in STAYING[()] | {"--host-key"}
    if looks and not named:
        decided = TRAVELLING.get(tuple(command), frozenset()) | STAYING.get(tuple(command), frozenset())
        assert name in decided, f"{name} ({meaning}): does its file travel to the host, or is it one of it?"
