"""The canary of an agent beside a deployed instance: what it posts arrives, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from instancectl.core.monitoring.canary import TOKEN, text
from tests.e2e.browser import Browser
from tests.e2e.host import Instance, eventually
from tests.e2e.test_agent import Agent, running

pytestmark = pytest.mark.e2e


@pytest.fixture
def watched(instance: Instance, browser: Browser, token: str) -> Iterator[Agent]:
    """An agent with a canary, over an account that has posts of its own and one left behind."""
    for said in (text("left behind"), "hello"):
        assert (
            browser.ask("/api/v1/statuses", form={"status": said, "visibility": "direct"}, token=token).status
            == 200
        )
    secrets = instance.directory / "alerts.env"
    secrets.touch(mode=0o600)
    secrets.write_text(f"{TOKEN}={token}\n")
    instance.configure(**{"monitoring.canary": "true"})
    try:
        with running(instance) as agent:
            yield agent
    finally:
        secrets.unlink()
        instance.configure()


def test_what_is_posted_arrives_and_nothing_of_it_stays(instance: Instance, watched: Agent) -> None:
    exported = eventually(lambda: _ran(watched), seconds=60)
    assert exported["instancectl_canary_success", ()] == 1
    assert exported["instancectl_canary_post_failures_total", ()] == 0
    took = exported["instancectl_canary_delivery_seconds_sum", ()]
    print(f"a post arrived after {took * 1000:.0f} ms")
    assert 0 < took < 10
    watched.until(lambda found: found["verdicts"].get("timeline") == "good", 45)
    stay = instance.sql("select text from statuses where visibility = 3 and deleted_at is null")
    assert stay.splitlines() == ["hello"]


def _ran(agent: Agent) -> dict[object, float] | None:
    exported = agent.metrics()
    return exported if exported["instancectl_canary_posts_total", ()] else None
