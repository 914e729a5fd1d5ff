"""`scale tune`: shown, written down, or refused before anything is written."""

from __future__ import annotations

import pytest

from instancectl.core.layout import Machine
from instancectl.core.result import Status
from instancectl.core.sizes import Room
from instancectl.errors import Refused
from instancectl.operations.scaling.tuning import tune as operation
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.scaling_record import FakeScalingRecord

MACHINE = Machine(8 * instance.GIB, 2)


@pytest.fixture
def record():
    clock, made = FakeClock(), FakeScalingRecord()
    for tick in range(60):
        row = {
            "services": {"sidekiq-push": [1, 0, 0, 2, 0.02, 300], "sidekiq-default": [1, 0, 0, 1, 0.8, 300]}
        }
        made.keep(clock.epoch_seconds() - 10 * tick, {}, row, [])
    return made


def tune(config, machine, record, *words, seconds=86400, **options):
    now = FakeClock().epoch_seconds()
    return operation(config, machine, record.rows(now - seconds, now), *words, **options)


CONFIG = instance.config(services={"sidekiq-push": {"threads": 5}, "sidekiq-default": {"threads": 5}})


def test_it_is_shown_and_nothing_is_changed(record):
    told = tune(CONFIG, MACHINE, record, None)
    assert told.status is Status.PLANNED
    assert told.data["keys"] == {"services.sidekiq-push.threads": 25, "services.sidekiq-default.threads": 3}
    assert "`sidekiq-push`: 5 → 25 threads" in told.lines


def test_it_is_written_down(record):
    written = {}
    told = tune(CONFIG, MACHINE, record, written.update)
    assert told.status is Status.CHANGED
    assert written == told.data["keys"]


def test_what_needs_too_many_connections_is_refused_before_it_is_written(record):
    config = instance.config(
        services={"sidekiq-push": {"threads": 5, "replicas": 4}},
        database={"max_connections": 110, "pgbouncer": "off"},
    )
    written = {}
    with pytest.raises(Refused, match="more connections than"):
        tune(config, MACHINE, record, written.update)
    assert not written


def test_without_a_recording_nothing_is_proposed():
    told = tune(CONFIG, MACHINE, FakeScalingRecord(), None)
    assert told.status is Status.UNCHANGED
    assert told.data["keys"] == {}


def test_the_memory_of_other_hosts_counts(record):
    sizes = {"sidekiq-push": {"threads": 5, "replicas": 8}, "sidekiq-default": {"threads": 5}}
    bucket = {"storage": "s3", "s3_bucket": "media"}
    config = instance.config(services=sizes, media=bucket, database={"max_connections": 600})
    small = Machine(3 * instance.GIB, 2)
    with pytest.raises(Refused, match="more memory than"):
        tune(config, small, record, None)
    other = Room("two", 16 * instance.GIB, 8, frozenset({"workers"}))
    told = tune(config, small, record, None, (other,))
    assert told.data["keys"]["services.sidekiq-push.threads"] == 25


@pytest.mark.parametrize(("most", "changed"), [(0, "`db`"), (400, "")], ids=["derived", "set"])
def test_only_sidekiq_changes_or_nothing(record, most, changed):
    database = {"pgbouncer": "off", **({"max_connections": most} if most else {})}
    sizes = {"sidekiq-push": {"threads": 5, "replicas": 6}, "sidekiq-default": {"threads": 5}}
    config, written = instance.config(services=sizes, database=database), {}
    machine = Machine(16 * instance.GIB, 4)
    if changed:
        with pytest.raises(Refused, match=f"{changed} would be sized anew"):
            tune(config, machine, record, written.update, only=True)
        assert not written
    told = tune(config, machine, record, written.update, only=not changed)
    assert told.status is Status.CHANGED
    assert written == told.data["keys"]


def test_only_so_much_of_the_record_counts(record):
    told = tune(CONFIG, MACHINE, record, None, seconds=100)
    assert told.data["keys"] == {}
    assert any("s are needed to judge" in line for line in told.lines)
