"""Fills templates (`ports.templates.Templates`); the only importer of jinja2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2

from instancectl.errors import OperationFailed


class JinjaTemplates:
    """The templates of one directory.

    A name that a template uses and nobody gave is an error, never an empty
    text. Values are escaped in `*.html` and nowhere else.
    """

    def __init__(self, directory: Path) -> None:
        """Read templates from `directory` (see `adapters.assets`)."""
        self._directory = directory
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(directory),
            undefined=jinja2.StrictUndefined,
            autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The text of template `name` filled with `values`.

        Raises:
            OperationFailed: there is no such template, or it needs another value.
        """
        try:
            return self._environment.get_template(name).render(values)
        except jinja2.TemplateNotFound as error:
            raise OperationFailed(
                f"cannot render `{name}`: no template `{error.name}` in `{self._directory}`",
                hint="reinstall instancectl; the installation is incomplete",
                subject=name,
            ) from error
        except jinja2.TemplateError as error:
            raise OperationFailed(
                f"cannot render `{name}`: {error}",
                hint="this is a mistake in a template; report it with the command you typed",
                subject=name,
            ) from error

    def text(self, name: str) -> str:
        """The file `name` as it is.

        Raises:
            OperationFailed: it cannot be read.
        """
        try:
            return (self._directory / name).read_text(encoding="utf-8")
        except OSError as error:
            raise OperationFailed(
                f"cannot read `{name}` in `{self._directory}`: {error.strerror}",
                hint="reinstall instancectl; the installation is incomplete",
                subject=name,
            ) from error
