"""An agent whose files are changed under it."""

from __future__ import annotations

from instancectl.core.monitoring.catalogue_stores import SETTINGS_REFUSED
from instancectl.errors import ConfigError
from instancectl.operations import monitoring
from instancectl.operations.monitoring.settings import EVERY_LOOKS, Settings
from tests.fakes.lock import FakeLock
from tests.fakes.reporter import FakeReporter
from tests.operations.test_monitoring import FakeServer, around
from tests.operations.watched import CONFIG, Watched


class Files:
    """Files with one word in them; `bad` ones cannot be used."""

    def __init__(self) -> None:
        self.content = "first"
        self.reporter = FakeReporter()
        self.settings = Settings(lambda: self.content, self._load, self.reporter)

    def _load(self) -> None:
        if self.content.startswith("bad"):
            raise ConfigError(f"`{self.content}` is no setting", hint="mend it")

    def changed(self, reads: int = 2) -> bool:
        looks = [self.settings.changed() for _ in range(reads * EVERY_LOOKS)]
        return any(looks)

    def exported(self) -> list[tuple[str, float]]:
        return [(one.metric.name, one.value) for one in self.settings.samples()]


def test_files_that_stay_as_they_are_change_nothing() -> None:
    files = Files()
    assert not files.changed(5)
    assert not files.reporter.notes


def test_other_settings_that_can_be_used_are_a_change() -> None:
    files = Files()
    files.content = "second"
    assert files.changed()


def test_a_file_that_is_still_being_written_is_waited_for() -> None:
    files = Files()
    for word in ("s", "se", "sec"):
        files.content = word
        assert not files.changed(1)
    assert files.changed(1)


def test_settings_that_cannot_be_used_are_told_once_and_shown_until_they_are_mended() -> None:
    files = Files()
    files.content = "bad one"
    assert not files.changed(5)
    assert files.reporter.notes == [
        "the settings were changed and are not used: `bad one` is no setting; mend it"
    ]
    assert files.settings.refused == "`bad one` is no setting"
    assert files.exported() == [(SETTINGS_REFUSED.name, 1)]
    files.content = "first"
    assert not files.changed(5)
    assert files.exported() == [(SETTINGS_REFUSED.name, 0)]
    files.content = "second"
    assert files.changed()


def test_the_agent_ends_everything_and_starts_anew_once_the_settings_changed() -> None:
    files, events, server = Files(), [], FakeServer()
    files.content = "second"
    lock = FakeLock()

    def again() -> None:
        with lock.hold("agent run"):
            events.append("again")

    monitoring.run(
        CONFIG,
        around(
            Watched().deployed(), waits=100, settings=files.settings, again=again, lock=lock,
            serve=lambda *_: server,
        ),
    )  # fmt: skip
    assert server.events == ["start", "close"]
    assert events == ["again"]


def test_being_asked_to_stop_is_no_new_start() -> None:
    events: list[str] = []
    files = Files()
    monitoring.run(
        CONFIG,
        around(Watched().deployed(), waits=3, settings=files.settings, again=lambda: events.append("again")),
    )
    assert not events
