"""What stops a deploy before anything is touched, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.check import Severity
from instancectl.core.checks.seen import Disk, Listener
from tests.operations.check_world import DOMAIN, GIB, fresh, world


def test_an_old_postgresql_stops_a_first_deploy_before_anything_is_touched() -> None:
    here = fresh()
    here.containers.postgres_version = "13.16"
    assert here.gate()["postgresql-version"].severity is Severity.FAIL


def test_an_image_that_is_not_here_yet_is_judged_by_its_tag() -> None:
    here = fresh(images={"db": "postgres:13"})
    here.containers.images.clear()
    finding = here.gate()["postgresql-version"]
    assert finding.severity is Severity.FAIL
    assert "by the image's tag" in finding.seen


@pytest.mark.parametrize("slug", ["ports", "dns", "disk", "owner-mail"])
def test_what_would_break_a_first_deploy_stops_it(slug: str) -> None:
    here = fresh()
    here.host.held = (Listener(80, "tcp", "192.0.2.1", "nginx", 1),)
    here.dns.records[DOMAIN] = ("1.1.1.1",)
    here.host.room = Disk("/var/lib/docker", 10 * GIB, GIB)
    here.containers.mail_records = ((), ())
    assert here.gate()[slug].severity is Severity.FAIL
    assert here.gate(accepted=(slug,))[slug].severity is Severity.WARN


def test_a_later_deploy_asks_nobody_outside() -> None:
    here = world()
    found = here.gate()
    assert here.http.asked == []
    assert not {"dns", "smtp", "ports", "owner-mail"} & set(found)
    assert {"secrets", "identity", "postgresql-version", "disk"} <= set(found)


def test_the_gate_looks_at_the_stack_it_is_given() -> None:
    here = world()
    here.gate()
    assert "stack" not in here.together.ran


def test_a_first_deploy_that_was_cut_short_is_still_a_first_one() -> None:
    here = world()
    here.applied = replace(here.applied, verified="")
    assert "dns" in here.gate()
