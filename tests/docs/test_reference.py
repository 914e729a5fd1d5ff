"""The reference is what the code says, and nothing of the code is missing in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from instancectl.cli import reference
from instancectl.core.config import InstanceConfig
from instancectl.errors import EXIT_CODES, InstanceError
from tests.docs.pages import ROOT

DIRECTORY = ROOT / "docs" / "reference"


def written(page: str) -> str:
    return (DIRECTORY / page).read_text()


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_is_what_the_code_says(page: str) -> None:
    assert written(page) == reference.page(page)


def test_a_stale_page_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reference.PAGES, "json.md", lambda: "# JSON output\n\nSomething new.\n")
    assert reference.main(["check"]) == 1


@pytest.mark.parametrize("command", reference.commands(), ids=lambda command: " ".join(command.words))
def test_a_command_and_its_options_explain_themselves(command: reference.Command) -> None:
    page = written("cli.md")
    assert f"## `{' '.join(command.words)}`" in page
    assert len(command.meaning.split()) >= 3
    assert command.meaning.endswith(".")
    for option in (*command.arguments, *command.options):
        assert option.meaning.endswith("."), option.names
        assert all(f"`{name}`".replace("|", "\\|") in page for name in option.names)


def keys(model: type[BaseModel], section: str = "") -> Iterator[tuple[str, str]]:
    """Section and name of every key; each must have a description."""
    for field, info in model.model_fields.items():
        name = info.alias or field
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from keys(info.annotation, f"{section}.{name}".lstrip("."))
        else:
            assert info.description, f"{section}.{name} has no description"
            yield section, name


def test_every_key_of_the_configuration_is_explained() -> None:
    sections = dict(
        re.findall(
            r"^## `\[(.+?)\]`$\n(.*?)(?=^## |\Z)", written("configuration.md"), re.MULTILINE | re.DOTALL
        )
    )
    assert not [key for key in keys(InstanceConfig) if f"`{key[1]}`" not in sections.get(key[0], "")]


def test_every_exit_code_is_explained() -> None:
    page = written("exit-codes.md")
    assert not [row for row in EXIT_CODES if f"| {row.code} | {row.name} |" not in page]


def subclasses(error: type[InstanceError]) -> Iterator[type[InstanceError]]:
    for one in error.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_error_has_a_documented_exit_code_and_word() -> None:
    import instancectl.cli.main  # noqa: F401 - brings the errors that only the CLI knows

    codes = {row.code for row in EXIT_CODES}
    for error in subclasses(InstanceError):
        assert error.exit_code in codes
        assert f"| `{error.code}` | {error.exit_code} |" in written("exit-codes.md")
