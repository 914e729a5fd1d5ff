"""Any moment of a live instance: switched on, sent, gone back to the second before a mistake, and undone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, Instance, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def places(instance: Instance, tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "sets"
    made.mkdir(mode=0o700)
    kit = ("--kit", str(tmp_path / "kit.txt"), "--accept-risk", "same-disk")
    instance.configure(backup__point_in_time="true")
    instance.cli("backup", "init", "--directory", str(made), *kit)
    yield made
    (instance.directory / "backup.env").unlink(missing_ok=True)
    instance.configure()
    instance.cli("deploy")
    shutil.rmtree(made)


def test_back_to_the_second_before_a_mistake(instance: Instance, browser: Browser, places: Path) -> None:
    instance.cli("deploy")
    assert instance.cli("plan", "--exit-code").code == 0
    eventually(lambda: "t" in instance.sql("select active from pg_replication_slots"), seconds=60)
    instance.cli("backup", "send")
    instance.cli("backup", "create")
    token = browser.token(f"admin@{DOMAIN}", instance.password)

    def say(words: str) -> str:
        return str(browser.ask("/api/v1/statuses", form={"status": words}, token=token).json["id"])

    kept = say("before the mistake")
    time.sleep(1.1)
    moment = int(time.time())
    time.sleep(1.1)
    later = say("the mistake")
    instance.cli("backup", "send")
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
    kit = ("--kit", str(places.parent / "kit.txt"))

    assert "point-in-time" in instance.cli("check", expect=None).out
    (listed,) = instance.cli("--json", "backup", "list").document["data"]["destinations"]
    assert listed["moments"][0]["missing"] == ""
    began = time.monotonic()
    restored = instance.cli("--json", "restore", *kit, "--side-by-side", "--at", at).document["data"]
    print(f"back to {at} in {time.monotonic() - began:.0f} s")

    assert restored["at"] == at.replace(" ", "T") + "Z"
    assert browser.ask(f"/api/v1/statuses/{kept}").status == 200
    assert browser.ask(f"/api/v1/statuses/{later}").status == 404
    instance.cli("restore", "undo")
    assert browser.ask(f"/api/v1/statuses/{later}").status == 200
    instance.cli("restore", "finish")
    assert instance.cli("plan", "--exit-code").code == 0


def test_what_was_handed_over_is_taken_back_as_long_as_nobody_took_it(
    instance: Instance, browser: Browser, places: Path
) -> None:
    instance.cli("deploy")
    eventually(lambda: "t" in instance.sql("select active from pg_replication_slots"), seconds=60)
    instance.cli("backup", "send")
    instance.cli("backup", "create")
    words = ("backup", "handover", f"--confirm={DOMAIN}")
    assert "nobody" in instance.cli(*words, expect=7).err
    assert browser.ask("/about").status == 200

    instance.cli(*words, "--accept-risk=nobody-follows")
    try:
        page = browser.ask("/about")
        assert page.status == 503
        assert "moving to another server" in page.text
        assert not {"web", "streaming", "sidekiq"} & set(instance.tasks())
        for refused in (("deploy",), ("maintenance", "off"), ("backup", "create")):
            assert "handed over" in instance.cli(*refused, expect=7).err
        assert list(places.rglob("handovers/*.json"))
    finally:
        instance.cli(*words, "--undo")
    eventually(lambda: browser.ask("/about").status == 200, seconds=30)
    assert instance.cli("plan", "--exit-code").code == 0
    assert {"handover-started", "handover-done", "handover-undone"} <= {
        entry["event"] for entry in instance.journal()
    }
