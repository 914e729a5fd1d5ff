"""Every alert has a runbook of one shape, and every command in it is one that exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from instancectl.core.checks.registry import SLUGS
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alerts import catalogue
from instancectl.core.monitoring.runbook import SECTIONS, as_markup, commands_of, sections_of, title_of
from tests.docs.pages import name
from tests.docs.runbooks import PROGRAMS, ROOT, RUNBOOKS, commands, parsed

CONFIG = InstanceConfig.model_validate({"instance": {"domain": "social.example"}})
ALERTS = {alert.runbook: alert for alert in catalogue(CONFIG)}
OURS = [
    (path, command) for path in RUNBOOKS for command in commands(path) if command.startswith("instancectl ")
]
SERVICES = {
    "web", "streaming", "sidekiq", "db", "redis", "proxy", "cache", "prometheus", "alertmanager", "wal",
}  # fmt: skip
UNITS = {path.name.removesuffix(".j2") for path in (ROOT / "templates" / "host").glob("*.service.j2")}


def test_every_alert_has_a_runbook_and_none_is_left_over() -> None:
    assert {path.stem for path in RUNBOOKS} == set(ALERTS)


@pytest.mark.parametrize("path", RUNBOOKS, ids=name)
def test_a_runbook_has_its_five_parts(path: Path) -> None:
    text = path.read_text()
    assert title_of(text) == ALERTS[path.stem].name
    assert tuple(sections_of(text)) == SECTIONS
    assert all(sections_of(text).values())
    assert commands(path, "Diagnose")
    assert commands(path, "Mitigate")


@pytest.mark.parametrize("path", RUNBOOKS, ids=name)
def test_its_sentences_are_short(path: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`|\([^)]*\)", "x", path.read_text(), flags=re.DOTALL)
    for sentence in re.split(r"(?<=[.?!:;])\s|\n\n", prose):
        assert len(re.findall(r"[\w'’-]+", sentence)) <= 30, sentence


@pytest.mark.parametrize(
    ("path", "command"), OURS, ids=lambda value: value if isinstance(value, str) else value.stem
)
def test_each_of_our_commands_exists_as_it_is_written(path: Path, command: str) -> None:
    words, parameters = parsed(command)
    assert set(parameters.get("only") or ()) <= set(SLUGS)
    assert parameters.get("service", "web") in SERVICES
    if words == ("config", "explain") and parameters["key"]:
        assert key_exists(parameters["key"])


def key_exists(key: str) -> bool:
    found: object = CONFIG.model_dump(by_alias=True)
    for word in key.split("."):
        if not isinstance(found, dict) or word not in found:
            return False
        found = found[word]
    return True


@pytest.mark.parametrize("path", RUNBOOKS, ids=name)
def test_settings_that_are_named_exist(path: Path) -> None:
    for key in re.findall(r"`([a-z]+\.[a-z_.]+)(?: = [^`]+)?`", path.read_text()):
        assert key_exists(key) or key.endswith(".env"), key


@pytest.mark.parametrize("path", RUNBOOKS, ids=name)
def test_commands_of_others_are_few_and_name_units_that_exist(path: Path) -> None:
    for command in commands(path):
        words = shlex.split(command)
        assert words[0] in PROGRAMS, command
        if words[0] == "systemctl" and words[-1] != "docker":
            assert f"{words[-1]}.service" in UNITS, command


@pytest.mark.parametrize("path", RUNBOOKS, ids=name)
def test_links_between_runbooks_lead_to_one(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        assert (path.parent / target).is_file(), target


def test_the_first_command_of_a_message_is_in_its_runbook_or_at_least_exists() -> None:
    for alert in ALERTS.values():
        if alert.command.startswith("instancectl "):
            parsed(alert.command)


@pytest.mark.parametrize(
    "command",
    [
        "instancectl made-up",
        "instancectl check --made-up",
        "instancectl alert silence X --for",
        "instancectl scale made",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command: str) -> None:
    with pytest.raises(TyperException):
        parsed(command)


def test_as_html_everything_is_there_and_escaped() -> None:
    text = (
        "# A\n\n## Meaning\n\nOne `<b>` and [B](b.md).\nTwo.\n\n- x\n- y\n\n```console\n$ df <x>\n```\n\nEnd."
    )
    assert as_markup(text) == (
        "<h1>A</h1><h2>Meaning</h2><p>One <code>&lt;b&gt;</code> and "
        '<a href="/runbooks/b">B</a>. Two.</p><ul><li>x</li><li>y</li></ul>'
        '<pre tabindex="0"><code>$ df &lt;x&gt;</code></pre><p>End.</p>'
    )
    assert commands_of(sections_of(text)["Meaning"]) == ("df <x>",)
