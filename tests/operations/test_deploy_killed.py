"""`kill -9` of a deploy at every point: run again, it ends where an undisturbed one does."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core.result import Status
from instancectl.errors import Partial, Unreachable
from tests.fakes import instance
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

FIRST = instance.config()
NEWER = instance.config(
    images={"web": "web:2"}, proxy={"hsts_seconds": 1}, mail={"mode": "smtp", "server": "smtp.example"}
)


def new_site(*, deployed: bool) -> Site:
    site = Site()
    site.add_images(NEWER)
    if deployed:
        site.deployment(FIRST).deploy()
    return site


def killed(site: Site, config, points: int) -> bool:
    """Deploy, dying after that many points; whether it died at all."""
    site.fuse.blow_after(points)
    try:
        site.deployment(config).deploy()
    except Killed:
        return True
    finally:
        site.fuse.mend()
        site.clock.sleep(3)
    return False


def undisturbed(config, *, deployed: bool) -> tuple[dict[str, object], int]:
    """Outcome and number of points of a run that nobody kills."""
    site = new_site(deployed=deployed)
    before = site.fuse.passed
    site.deployment(config).deploy()
    return site.outcome(), site.fuse.passed - before


SCENES = {"first deploy": (FIRST, False), "upgrade": (NEWER, True)}
EXPECTED = {scene: undisturbed(config, deployed=deployed) for scene, (config, deployed) in SCENES.items()}
POINTS = [(scene, point) for scene, (_, points) in EXPECTED.items() for point in range(points)]


def assert_as_undisturbed(site: Site, scene: str) -> None:
    assert site.outcome() == EXPECTED[scene][0]
    created = [what for what in site.swarm.did if what[0].startswith("create") and what[0] != "create swarm"]
    assert len(created) == len(set(created)), "something was created twice"
    assert not site.deployment(SCENES[scene][0]).show_plan().data["steps"]


@pytest.mark.parametrize(("scene", "point"), POINTS, ids=[f"{scene}-{point}" for scene, point in POINTS])
def test_a_run_that_was_killed_is_continued(scene, point):
    config, deployed = SCENES[scene]
    site = new_site(deployed=deployed)
    assert killed(site, config, point)
    assert site.deployment(config).deploy().status in {Status.CHANGED, Status.UNCHANGED}
    assert_as_undisturbed(site, scene)


@pytest.mark.parametrize("scene", SCENES)
def test_a_run_that_is_killed_one_point_later_each_time_ends(scene):
    config, deployed = SCENES[scene]
    site = new_site(deployed=deployed)
    points = 0
    while killed(site, config, points):
        points += 1
        assert points <= EXPECTED[scene][1]
    assert_as_undisturbed(site, scene)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(SCENES)), st.lists(st.integers(0, 60), max_size=6))
def test_however_often_it_is_killed_the_end_is_the_same(scene, kills):
    config, deployed = SCENES[scene]
    site = new_site(deployed=deployed)
    for points in kills:
        killed(site, config, points)
    site.deployment(config).deploy()
    assert_as_undisturbed(site, scene)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200), st.booleans())
def test_changing_ones_mind_after_a_kill_is_fine(points, back):
    site = new_site(deployed=True)
    killed(site, NEWER, points)
    final = FIRST if back else instance.config(services={"web": {"replicas": 2}}, images={"web": "web:2"})
    site.deployment(final).deploy()
    assert not site.deployment(final).show_plan().data["steps"]
    assert set(site.tasks()) == {spec.name for spec in instance.desired(final).services}
    assert list(site.mastodon.accounts) == ["admin"]


@pytest.mark.parametrize("point", range(0, EXPECTED["first deploy"][1], 3))
def test_the_owner_can_always_log_in_with_what_was_last_shown(point):
    site = new_site(deployed=False)
    killed(site, FIRST, point)
    result = site.deployment(FIRST).deploy()
    shown = result.data.get("owner", {}).get("password")
    lost = any("--reset-password" in line for line in result.lines)
    told = "owner-told" in site.journal.events()
    assert shown == site.mastodon.accounts["admin"] or lost or told


@pytest.mark.parametrize("scene", SCENES)
def test_an_engine_that_dies_meanwhile_is_told_and_continued_once_it_is_back(scene):
    config, deployed = SCENES[scene]
    for point in range(0, EXPECTED[scene][1], 3):
        site = new_site(deployed=deployed)
        site.fuse.happen_after(point, lambda site=site: setattr(site.swarm, "down", True))
        with contextlib.suppress(Unreachable, Partial):
            site.deployment(config).deploy()
        site.swarm.down = False
        site.clock.sleep(3)
        site.deployment(config).deploy()
        assert_as_undisturbed(site, scene)


def test_no_service_that_serves_is_stopped_because_a_run_was_killed():
    site = new_site(deployed=True)
    before = site.tasks()
    changed = instance.config(proxy={"hsts_seconds": 1})
    for points in range(0, 30, 5):
        killed(site, changed, points)
    site.deployment(changed).deploy()
    after = site.tasks()
    assert {name for name in before if before[name] != after[name]} == {"proxy"}
    assert site.swarm.observe(STACK).services["proxy"].converged
