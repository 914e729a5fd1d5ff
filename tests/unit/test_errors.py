"""Errors: every one has a row in the table of exit codes."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import instancectl
from instancectl.errors import EXIT_CODES, InstanceError, Partial

for module in pkgutil.walk_packages(instancectl.__path__, "instancectl."):
    if module.name != "instancectl.__main__":
        importlib.import_module(module.name)


def everyone(kind: type[InstanceError] = InstanceError) -> list[type[InstanceError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in everyone(child))]


def test_exit_codes_and_their_names_are_unique():
    assert len({row.code for row in EXIT_CODES}) == len(EXIT_CODES)
    assert len({row.name for row in EXIT_CODES}) == len(EXIT_CODES)


@pytest.mark.parametrize("kind", everyone(), ids=lambda kind: kind.__name__)
def test_every_error_has_its_row(kind):
    rows = {row.code: row.name for row in EXIT_CODES}
    assert rows[kind.exit_code] == kind.code
    assert 0 < kind.exit_code < 128


@pytest.mark.parametrize("row", EXIT_CODES, ids=lambda row: row.name)
def test_a_row_tells_a_script_what_to_do(row):
    assert row.when
    assert row.script_should
    assert not row.when.endswith(".")


def test_an_error_keeps_its_parts_apart():
    error = Partial("it broke", hint="run it again", subject="web")
    assert (str(error), error.message, error.hint, error.subject) == (
        "it broke",
        "it broke",
        "run it again",
        "web",
    )
    assert InstanceError("x").hint == ""
