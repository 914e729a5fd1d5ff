from __future__ import annotations

import pytest

from instancectl.adapters.assets import assets_directory
from instancectl.adapters.jinja_templates import JinjaTemplates
from instancectl.errors import OperationFailed


@pytest.fixture
def templates(tmp_path):
    (tmp_path / "a.conf.j2").write_text("x = {{ value }}\n")
    (tmp_path / "a.html").write_text("<p>{{ value }}</p>")
    (tmp_path / "broken.j2").write_text("{% if %}")
    return JinjaTemplates(tmp_path)


def test_values_are_escaped_in_pages_and_nowhere_else(templates):
    assert templates.render("a.conf.j2", {"value": "<&>"}) == "x = <&>\n"
    assert templates.render("a.html", {"value": "<&>"}) == "<p>&lt;&amp;&gt;</p>"


def test_a_value_nobody_gave_is_an_error(templates):
    with pytest.raises(OperationFailed, match=r"cannot render `a\.conf\.j2`: 'value' is undefined"):
        templates.render("a.conf.j2", {})


def test_a_template_that_is_missing_or_broken_is_an_error(templates):
    with pytest.raises(OperationFailed, match="no template `none`"):
        templates.render("none", {})
    with pytest.raises(OperationFailed, match=r"cannot render `broken\.j2`"):
        templates.render("broken.j2", {})


def test_a_file_can_be_had_as_it_is(templates):
    assert templates.text("a.conf.j2") == "x = {{ value }}\n"
    with pytest.raises(OperationFailed, match="cannot read `none`"):
        templates.text("none")


def test_templates_are_found():
    assert (assets_directory("templates") / "nginx.conf.j2").is_file()
