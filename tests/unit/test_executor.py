"""The executor: every step in order, told before and after."""

from __future__ import annotations

import pytest

from instancectl import executor
from instancectl.core.plan import Plan
from instancectl.core.steps import CreateVolume
from instancectl.errors import OperationFailed, Partial, Unreachable
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.reporter import FakeReporter

STEPS = tuple(CreateVolume(name) for name in ("a", "b", "c"))


class Scene:
    """Runs steps; `fails` names the step that does."""

    def __init__(self, fails: str = "", error: Exception | None = None) -> None:
        self.clock, self.journal, self.reporter = FakeClock(), FakeJournal(), FakeReporter()
        self.done: list[str] = []
        self._fails, self._error = (
            fails,
            error or Unreachable("away\n  | detail", hint="look", subject="docker"),
        )

    def handle(self, step: CreateVolume) -> str:
        self.clock.sleep(1.5)
        if step.name == self._fails:
            raise self._error
        self.done.append(step.name)
        return f"made {step.name}"

    def apply(self, steps=STEPS, already: int = 0) -> None:
        executor.apply(
            Plan(steps, instance.nothing()),
            {CreateVolume.kind: self.handle},
            journal=self.journal, reporter=self.reporter, clock=self.clock, again="instancectl deploy",
            already=already,
        )  # fmt: skip


def test_every_step_is_taken_in_order_and_told():
    scene = Scene()
    scene.apply()
    assert scene.done == ["a", "b", "c"]
    assert scene.reporter.started == scene.reporter.done
    assert scene.reporter.said == ["made a", "made b", "made c"]
    assert scene.journal.events() == ["step-started", "step-done"] * 3
    first, second = scene.journal.written[:2]
    assert (first["number"], first["of"], first["step"]) == (1, 3, "create-volume")
    assert second["seconds"] == 1.5


def test_steps_taken_before_are_counted():
    scene = Scene()
    scene.apply(already=4)
    assert [(e["number"], e["of"]) for e in scene.journal.written if "of" in e] == [(5, 7), (6, 7), (7, 7)]


def test_no_step_is_no_event():
    scene = Scene()
    scene.apply(())
    assert not scene.journal.written


def test_a_failure_of_the_first_step_is_told_as_it_is():
    scene = Scene(fails="a")
    with pytest.raises(Unreachable) as caught:
        scene.apply()
    assert caught.value.message == "away\n  | detail"
    assert scene.journal.events() == ["step-started", "step-failed"]
    assert scene.reporter.failed == [STEPS[0].summary()]


@pytest.mark.parametrize(
    ("fails", "already", "said"), [("b", 0, "1 of 3"), ("a", 2, "2 of 5"), ("c", 1, "3 of 4")]
)
def test_a_later_failure_says_how_far_it_came_and_how_to_go_on(fails, already, said):
    scene = Scene(fails=fails)
    with pytest.raises(Partial) as caught:
        scene.apply(already=already)
    assert caught.value.message == f"away ({said} steps applied)\n  | detail"
    assert caught.value.hint == "look\nrun `instancectl deploy` again to continue"
    assert caught.value.subject == "docker"
    assert isinstance(caught.value.__cause__, Unreachable)


def test_nothing_is_taken_after_a_failure():
    scene = Scene(fails="b", error=OperationFailed("no"))
    with pytest.raises(Partial):
        scene.apply()
    assert scene.done == ["a"]


def test_a_partial_failure_is_not_wrapped_again():
    error = Partial("half", hint="again")
    with pytest.raises(Partial) as caught:
        Scene(fails="b", error=error).apply()
    assert caught.value is error


def test_a_bug_in_a_handler_is_not_hidden():
    scene = Scene(fails="b", error=ZeroDivisionError("x"))
    with pytest.raises(ZeroDivisionError):
        scene.apply()
    assert scene.journal.events()[-1] == "step-started"
