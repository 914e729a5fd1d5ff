"""Moving to another host by restoring there: the link is cut, the new host dies, the old set stays."""

from __future__ import annotations

import pytest

from instancectl.core.backup.restoring import Phase
from instancectl.errors import Unreachable
from tests.fakes.fuse import Killed
from tests.fakes.restore import SERVICES
from tests.operations.restore_world import Host, Source


@pytest.fixture
def source():
    made = Source()
    made.create()
    made.clock.sleep(60)
    made.create()
    return made


def cut(source: Source, *, off: bool = True) -> None:
    source.places[0].down = off


def test_a_link_that_is_cut_in_any_phase_is_told_and_the_same_command_goes_on(source):
    wanted, kept, points, cuts = source.now, dict(source.places[0].objects), 0, set()
    while True:
        host = Host(source)
        host.fuse.happen_after(points, lambda: cut(source))
        told = None
        try:
            host.restore()
        except Unreachable as error:
            told = error
        host.fuse.mend()
        happened = source.places[0].down
        cut(source, off=False)
        if told:
            assert told.exit_code == 6
            assert host.journal.events()[-1] == "restore-failed"
            figures = host.figures.load()
            assert (figures.success, figures.drilled) == (0, 0)
            assert not any(name.startswith("sidekiq") for name in host.running)
            cuts.add(host.record.kept.done[-1:])
            host.restore()
        assert host.data == wanted, f"cut after {points} points"
        assert host.running == set(SERVICES)
        assert source.places[0].objects == kept
        if not happened:
            break
        points += 1
    assert {(), (Phase.DATA,), (Phase.DATABASE,), (Phase.MEDIA,)} <= cuts


def test_a_new_host_that_dies_before_it_serves_is_given_up_for_a_third(source):
    wanted, points, died = source.now, 0, set()
    older = source.sets()[0]
    while True:
        host = Host(source)
        host.fuse.blow_after(points)
        try:
            host.restore()
            killed = False
        except Killed:
            killed = True
        host.fuse.mend()
        done = host.record.kept.done if host.record.kept else ()
        if killed and Phase.SWAP in done:
            died.add(done[-1])
            assert host.figures.load().drilled == 0 or Phase.FEEDS in done
            third, again = Host(source), Host(source)
            third.restore()
            again.restore(older)
            assert third.data == again.data == wanted, f"died after {points} points"
            assert third.running == set(SERVICES)
        if not killed:
            break
        points += 1
    assert {Phase.SWAP, Phase.START, Phase.JOBS} <= died
