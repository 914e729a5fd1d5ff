"""Restore from a place that somebody tampered with, or that tears: it is named, and what is here stays."""

from __future__ import annotations

import json

import pytest

from instancectl.core.backup import naming
from instancectl.core.backup.model import canonical
from instancectl.errors import Busy, InstanceError, OperationFailed, Refused, Unhealthy, Unreachable
from tests.fakes.databases import PRODUCTION
from tests.fakes.restore import SERVICES
from tests.operations.restore_world import Host, Source


@pytest.fixture
def source():
    made = Source()
    made.create()
    made.clock.sleep(60)
    made.streams.tables = {"public.accounts": 4, "public.statuses": 50}
    made.media.write("accounts/01/a.jpg", b"another one")
    made.files["secrets.env"] = b"SECRET_KEY_BASE=y\n"
    made.create()
    return made


@pytest.fixture
def live(source):
    return Host(source).with_instance()


@pytest.fixture
def unharmed(live):
    before = live.data
    yield
    assert live.data == before
    assert live.running == set(SERVICES)


def objects(source: Source) -> dict[str, bytes]:
    return source.places[0].objects


@pytest.mark.usefixtures("unharmed")
class TestTampered:
    def test_a_set_that_somebody_else_signed(self, source, live):
        """Age proves no sender: whoever can write to the bucket can seal a set for us."""
        newest = source.sets()[-1]
        other, _ = source.sealing.new_signing_key()
        key = naming.set_key(newest)
        objects(source)[naming.signature_key(key)] = source.sealing.sign(other, objects(source)[key])
        with pytest.raises(Unhealthy, match="is not signed by this instance"):
            live.restore(newest, beside=True)

    def test_a_set_under_the_name_of_another(self, source, live):
        older, newer = source.sets()
        for suffix in ("", naming.SIGNATURE_SUFFIX):
            old = objects(source)[naming.set_key(older) + suffix]
            objects(source)[naming.set_key(newer) + suffix] = old
        with pytest.raises(Unhealthy, match=f"is really `{older}`"):
            live.restore(newer, beside=True)

    def test_a_format_of_tomorrow(self, source, live):
        newest = source.sets()[-1]
        key = naming.set_key(newest)
        raw = canonical({**json.loads(objects(source)[key]), "format": 99})
        objects(source)[key] = raw
        objects(source)[naming.signature_key(key)] = source.sealing.sign(source.signing, raw)
        with pytest.raises(Unhealthy, match="has format 99"):
            live.restore(newest, beside=True)

    @pytest.mark.parametrize("part", ["database.dump", "media.tsv", "about.json", "configuration.tar"])
    def test_a_part_of_another_set(self, source, live, part):
        older, newer = source.sets()
        keys = [next(key for key in objects(source) if f"/{one}/{part}" in key) for one in (older, newer)]
        objects(source)[keys[1]] = objects(source)[keys[0]]
        with pytest.raises(Unhealthy) as caught:
            live.restore(newer, beside=True)
        assert caught.value.subject in {keys[1], newer}

    def test_a_part_that_is_cut_short(self, source, live):
        key = next(key for key in objects(source) if f"{source.sets()[-1]}/database.dump" in key)
        objects(source)[key] = objects(source)[key][:-3]
        with pytest.raises(Unhealthy, match=r"bytes, \d+ were written"):
            live.restore(beside=True)


@pytest.mark.usefixtures("unharmed")
class TestTorn:
    def test_a_store_that_goes_away_in_the_middle(self, source, live):
        """Whatever was read until then is not live; the next run goes on."""
        place = source.places[0]
        original = place.read

        def torn(key: str):
            if key.startswith(naming.PACKS):
                raise Unreachable("the store does not answer")
            yield from original(key)

        place.read = torn
        with pytest.raises(Unreachable):
            live.restore(beside=True)
        place.read = original

    def test_a_disk_that_fills_up(self, live):
        live.volumes.room = 30
        with pytest.raises(OperationFailed, match="no space left"):
            live.restore(beside=True)
        live.volumes.room = None

    def test_nothing_runs_beside_a_backup(self, live):
        live.lock.table["holder"] = "backup create"
        with pytest.raises(Busy, match="backup create"):
            live.restore(beside=True)


def test_after_any_of_it_the_older_set_still_restores(source):
    older, newer = source.sets()
    for key in [key for key in objects(source) if f"/{newer}/" in key]:
        objects(source)[key] = b"nonsense"
    host = Host(source)
    with pytest.raises(InstanceError):
        host.restore(newer)
    host.restore(older)
    assert host.databases.all[PRODUCTION] == {"public.accounts": 3, "public.statuses": 40}


def test_a_host_with_another_kit_says_which_one_is_needed(source):
    host = Host(source)
    host.identity, mine = source.sealing.new_identity()
    with pytest.raises(Refused) as caught:
        host.restore()
    assert source.recipient in caught.value.message
    assert mine in caught.value.message
