"""The page about hosts names every role, in order, with its reason."""

from __future__ import annotations

import re

from instancectl.core.host.roles import ROLES
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "explanation" / "hosts.md"


def test_every_role_is_explained_in_the_order_it_runs() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(role.name, role.title, role.reason) for role in ROLES]


def test_the_playbook_runs_them_in_that_order() -> None:
    text = (ROOT / "playbooks" / "site.yml").read_text()
    assert re.findall(r"- role: (\w+)", text) == [role.name for role in ROLES]
