"""YAML for people."""

from __future__ import annotations

import yaml

from instancectl.adapters import yaml_writer


def test_it_reads_back_in_the_order_it_was_given():
    tree = {"b": [1, "x: y", True, None], "a": {"ä": "1", "empty": {}, "text": "two\nlines"}}
    assert yaml.safe_load(yaml_writer.dump(tree)) == tree
    assert list(yaml.safe_load(yaml_writer.dump(tree))) == ["b", "a"]


def test_text_that_looks_like_something_else_stays_text():
    tree = {"version": "3.9", "on": "yes", "number": "012", "port": "80:80", "null": "~"}
    assert yaml.safe_load(yaml_writer.dump(tree)) == tree


def test_the_comment_stands_above():
    assert yaml_writer.dump({"a": 1}, "# hello\n") == "# hello\na: 1\n"


def test_what_is_used_twice_is_written_twice():
    shared = {"x": [1]}
    text = yaml_writer.dump({"a": shared, "b": shared})
    assert "&" not in text
    assert "*" not in text
