"""Restore: on an empty host, beside a live instance, of sets that are not what they should be."""

from __future__ import annotations

import pytest

from instancectl.core.backup import reviving
from instancectl.core.backup.verdict import Level, Proof
from instancectl.core.result import Status
from instancectl.errors import InstanceError, OperationFailed, Refused, Unhealthy, Unreachable
from instancectl.operations.backup import redis_back
from tests.fakes.databases import PRODUCTION
from tests.fakes.restore import SERVICES
from tests.operations.restore_world import LIVE, Host, Source


@pytest.fixture
def source():
    made = Source()
    made.create()
    return made


@pytest.fixture
def host(source):
    return Host(source)


@pytest.fixture
def live(source):
    return Host(source).with_instance()


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def pack_of(source: Source) -> str:
    return next(key for key in source.places[0].objects if key.startswith("media/packs/"))


class TestOnAnEmptyHost:
    def test_everything_comes_back(self, source, host):
        wanted = source.now
        result = host.restore()
        assert result.status is Status.CHANGED
        assert host.data == wanted
        assert host.files.files["secrets.env"] == b"SECRET_KEY_BASE=x\n"
        assert host.running == set(SERVICES)
        assert host.deployer.deployed == 1

    def test_postgresql_is_first_and_sidekiq_is_last(self, host):
        host.restore()
        began = host.deployer.began
        assert began[0] == "db"
        assert all(name.startswith("sidekiq") for name in began[-2:])

    def test_jobs_that_waited_are_not_done_twice_unless_asked(self, source, host):
        host.restore()
        assert not host.volumes.live["redis"]
        other = Host(source)
        other.restore(redis=True)
        assert other.volumes.live["redis"]["appendonlydir/appendonly.aof.1.base.rdb"] == b"REDIS0011"
        assert (
            b"base.rdb seq 1 type b" in other.volumes.live["redis"]["appendonlydir/appendonly.aof.manifest"]
        )

    @pytest.mark.parametrize("size", [1, 7, 40, 1000])
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            (b"REDIS0011" + b"x" * 99 + b"\xff12345678" + b"0123456789abcdef" * 2 + b"01234567", -40),
            (b"REDIS0011" + b"x" * 99 + b"\xff12345678", None),
            (b"REDIS0011" + b"0123456789abcdef" * 9, None),
            (b"REDIS0011", None),
        ],
    )
    def test_the_mark_behind_a_dump_of_redis_is_cut_off(self, size, sent, kept):
        out = bytearray()
        stream = redis_back.WithoutMark(out.extend)
        for at in range(0, len(sent), size):
            stream.write(sent[at : at + size])
        stream.end()
        assert bytes(out) == sent[:kept]

    def test_home_timelines_are_filled_again_last(self, host):
        result = host.restore()
        assert host.deployer.ran == [("bin/tootctl", "feeds", "build", "--all")]
        assert not any("timelines" in note for note in result.notes)

    def test_timelines_that_cannot_be_filled_do_not_fail_a_restore(self, host):
        host.deployer.answer = (1, "one\nout of memory\n")
        result = host.restore()
        assert host.record.kept is None
        assert any("out of memory" in note and "feeds build --all" in note for note in result.notes)

    def test_with_redis_they_are_there_already(self, host):
        host.restore(redis=True)
        assert not host.deployer.ran

    def test_nothing_is_left_beside(self, host):
        host.restore()
        assert set(host.databases.all) == {PRODUCTION}
        assert reviving.DUMP_FILE not in host.volumes.live["db"]
        assert not host.volumes.before
        assert not any(host.volumes.restored.values())
        assert host.record.kept is None
        assert not host.desk.entries

    def test_a_set_that_was_restored_counts_as_rehearsed(self, source, host):
        host.restore()
        kept = host.figures.load()
        assert kept.success == source.repository().look().sets[0].set.created
        assert kept.drilled

    def test_certificates_that_belong_elsewhere_are_said(self, source, host):
        tls = b'[tls]\nmode = "files"\ncertificate = "/etc/ssl/a.pem"\nkey = "/etc/ssl/a.key"\n'
        source.files |= {"instance.toml": source.files["instance.toml"] + tls, "a.pem": b"certificate"}
        source.clock.sleep(5)
        source.create()
        result = host.restore()
        assert host.files.files["a.pem"] == b"certificate"
        assert any("to `/etc/ssl/a.pem`" in note for note in result.notes)

    def test_what_was_done_in_the_database_counts_as_done(self, host):
        host.restore()
        applied = host.state.load()
        assert applied.owner_done
        assert applied.schema_before == "web:1"
        assert not applied.shipped

    def test_other_settings_that_are_here_get_another_name(self, host):
        host.files.files["secrets.env"] = b"SECRET_KEY_BASE=mine\n"
        result = host.restore()
        assert host.files.files["secrets.env.before-restore"] == b"SECRET_KEY_BASE=mine\n"
        assert any("secrets.env.before-restore" in note for note in result.notes)

    def test_an_image_that_is_gone_is_said(self, source, host):
        del host.swarm.images["web:1"]
        result = host.restore()
        assert any("`web:1` cannot be had any more" in note for note in result.notes)
        assert not host.state.load().images

    def test_further_roles_come_before_the_data(self, source, host):
        source.streams.globals = (
            b'--\nCREATE ROLE mastodon;\nCREATE ROLE reader;\nALTER ROLE "reader" WITH LOGIN;\n'
        )
        source.create()
        host.restore()
        assert host.databases.roles == ['CREATE ROLE reader;\nALTER ROLE "reader" WITH LOGIN;\n']


class TestBefore:
    def test_a_dry_run_says_what_it_takes_and_what_is_lost(self, source, host):
        source.clock.sleep(4 * 3600 + 12 * 60)
        result = host.show()
        assert result.status is Status.PLANNED
        text = "\n".join(result.lines)
        assert "4 h 12 min of posts" in text
        assert "enough" in text
        assert result.data["lost_seconds"] == 15_120
        assert not host.files.files
        assert host.record.kept is None

    def test_a_drill_says_how_long_it_takes(self, source, host):
        set_, digest = source.repository().read_set(source.sets()[0])
        source.repository().write_proof(Proof(set_.id, digest, Level.DRILLED, 1, seconds=4000))
        assert host.show().data["seconds"] >= 4000

    def test_too_little_room_is_refused(self, host):
        host.free = 10
        with pytest.raises(Refused, match="10 B are free; nothing was changed"):
            host.restore()
        assert "not enough" in "\n".join(host.show().lines)
        assert not host.files.files

    def test_a_live_instance_is_refused(self, live):
        before = live.data
        with pytest.raises(Refused, match="is on this host already") as caught:
            live.restore()
        assert "--side-by-side" in caught.value.hint
        assert live.data == before
        assert live.record.kept is None

    @pytest.mark.parametrize("volume", ["db", "media", "redis"])
    def test_data_that_is_left_is_an_instance_too(self, host, volume):
        """What `destroy --keep-data` kept must not be taken for an empty host."""
        host.swarm.create_volume(host.config.stack, volume)
        host.volumes.live[volume] = {"kept": b"by somebody"}
        with pytest.raises(Refused, match="is on this host already"):
            host.restore()
        assert host.volumes.live[volume] == {"kept": b"by somebody"}


class TestOfBadSets:
    def test_another_kit_is_named(self, source, host):
        host.identity, other = source.sealing.new_identity()
        with pytest.raises(Refused, match="the kit does not open") as caught:
            host.restore()
        assert other in caught.value.message
        assert not host.files.files

    def test_a_kit_of_another_instance_proves_nothing(self, source, host):
        source.public = source.sealing.new_signing_key()[1]
        with pytest.raises(Refused, match="the kit does not prove any of the 1 sets"):
            host.restore()

    def test_no_set_at_all(self, source, host):
        source.places[0].objects.clear()
        with pytest.raises(OperationFailed, match="there is no backup set in place-0"):
            host.restore()

    def test_a_missing_object_is_named_and_another_set_offered(self, source, host):
        first = source.sets()[0]
        source.clock.sleep(10)
        source.create()
        second = source.sets()[1]
        gone = f"parts/{second}/database.dump.zst.age.001"
        del source.places[0].objects[gone]
        with pytest.raises(Unhealthy, match=f"`{second}` is not whole: `{gone}` is missing") as caught:
            host.restore()
        assert f"--set {first}" in caught.value.hint
        assert not host.files.files
        host.restore(first)
        assert host.data["tables"] == source.streams.tables

    def test_media_that_are_missing_can_be_done_without(self, source, host):
        del source.places[0].objects[pack_of(source)]
        with pytest.raises(Unhealthy, match="is missing") as caught:
            host.restore()
        assert "--accept-risk missing-media" in caught.value.hint
        host.restore("latest", "missing-media")
        assert host.data["tables"] == source.streams.tables

    @pytest.mark.parametrize("part", ["database.dump", "configuration.tar", "about.json", "media.tsv"])
    def test_a_flipped_bit_in_a_part_is_found_before_anything_counts(self, source, host, part):
        key = next(key for key in source.places[0].objects if f"/{part}" in key)
        content = source.places[0].objects[key]
        source.places[0].objects[key] = flip(content, content.index(b"\n{") + 4)
        with pytest.raises(InstanceError):
            host.restore()
        assert host.databases.all.get(PRODUCTION) == {}
        assert not host.volumes.live["media"]
        assert not {"web", "sidekiq"} & host.running

    def test_a_flipped_bit_in_a_pack_is_named(self, source, host):
        key = pack_of(source)
        content = source.places[0].objects[key]
        source.places[0].objects[key] = flip(content, content.index(b"media 7"))
        with pytest.raises(Unhealthy, match="that are not what was written") as caught:
            host.restore()
        assert caught.value.subject == key
        assert not host.volumes.live["media"]

    def test_a_set_that_was_found_damaged_is_refused(self, source, host):
        set_, digest = source.repository().read_set(source.sets()[0])
        source.repository().write_proof(Proof(set_.id, digest, Level.READ, 2_000_000_000, ("`x` is gone",)))
        with pytest.raises(Unhealthy, match="was found damaged: `x` is gone"):
            host.restore()

    def test_a_set_that_was_doubted_needs_a_word(self, source, host):
        source.streams.filling = b"x" * 5_000_000
        source.create()
        source.streams.filling = b""
        source.clock.sleep(5)
        with pytest.raises(InstanceError):
            source.create()
        with pytest.raises(Refused, match="was doubted when it was made"):
            host.restore()
        host.restore("latest", "doubted")

    def test_rows_that_do_not_come_back_are_counted(self, host):
        host.databases.loses = "public.statuses"
        with pytest.raises(Unhealthy, match=r"`public.statuses` has 39 rows, 40 were counted"):
            host.restore()
        assert host.databases.all[PRODUCTION] == {}

    def test_a_database_that_pg_restore_refuses_leaves_the_live_one(self, live):
        before = live.data
        live.databases.refuses = "could not create index"
        with pytest.raises(OperationFailed, match="cannot restore the database: exit code 1: pg_restore"):
            live.restore(beside=True)
        assert live.data == before
        assert live.running == set(SERVICES)


class TestBesideALiveInstance:
    def test_the_set_takes_its_place_and_the_old_is_kept(self, source, live):
        result = live.restore(beside=True)
        media = {**source.now["media"], "cache/1.jpg": b"remote"}
        assert live.data == {"tables": source.streams.tables, "media": media}
        assert live.databases.all[reviving.BEFORE] == LIVE["tables"]
        assert live.volumes.before["media"] == {"accounts/99/new.jpg": b"new"}
        assert live.volumes.before["redis"] == {"appendonlydir/x": b"jobs"}
        assert not live.volumes.live["redis"]
        assert any("restore undo" in line for line in result.lines)
        assert live.state.load().schema_before == "web:1"
        assert live.files.files["secrets.env"] == b"SECRET_KEY_BASE=x\n"
        assert live.running == set(SERVICES)
        assert live.silences == ["restore"]

    def test_undo_goes_back_and_finish_lets_go(self, live):
        before = live.data
        live.restore(beside=True)
        live.undo()
        assert live.data == before
        assert live.volumes.live["redis"] == {"appendonlydir/x": b"jobs"}
        assert live.state.load().schema_before == "web:2"
        assert live.running == set(SERVICES)
        live.finish()
        assert set(live.databases.all) == {PRODUCTION}
        assert not live.volumes.restored["media"]
        assert live.finish().status is Status.UNCHANGED

    def test_finish_keeps_what_was_restored(self, source, live):
        live.restore(beside=True)
        live.finish()
        assert live.data["tables"] == source.streams.tables
        assert set(live.databases.all) == {PRODUCTION}
        assert not live.volumes.before
        with pytest.raises(Refused, match="there is nothing to go back to"):
            live.undo()

    def test_a_second_restore_waits_for_a_word(self, live):
        live.restore(beside=True)
        with pytest.raises(Refused, match="is still kept") as caught:
            live.restore(beside=True)
        assert "restore finish" in caught.value.hint

    def test_an_instance_that_does_not_answer_afterwards_says_how_to_go_back(self, live):
        before = live.data
        live.deployer.fails = Unhealthy("web answers 502", hint="read the log")
        with pytest.raises(Unhealthy) as caught:
            live.restore(beside=True)
        assert "restore undo" in caught.value.hint
        live.deployer.fails = None
        live.undo()
        assert live.data == before

    def test_other_secrets_are_refused(self, live):
        live.fingerprints = {"SECRET_KEY_BASE": "other"}
        with pytest.raises(Refused, match="another `SECRET_KEY_BASE`"):
            live.restore(beside=True)
        live.restore("latest", "other-secrets", beside=True)

    def test_a_newer_schema_is_refused(self, source, live):
        source.release = "99.1.0"
        source.clock.sleep(5)
        source.create()
        with pytest.raises(Refused, match=r"has the schema of Mastodon 99.1.0"):
            live.restore(beside=True)
        live.restore(source.sets()[0], beside=True)

    def test_a_restore_that_was_taken_back_can_be_made_again(self, source, live):
        live.restore(beside=True)
        live.undo()
        live.restore(beside=True)
        assert live.data["tables"] == source.streams.tables


class TestFullDisk:
    def test_the_live_instance_stays(self, live):
        before = live.data
        live.volumes.room = 20
        with pytest.raises(OperationFailed, match="no space left"):
            live.restore(beside=True)
        assert live.data == before
        assert live.running == set(SERVICES)

    def test_a_store_that_goes_away_is_retried_by_the_next_run(self, source, host):
        source.places[0].down = True
        with pytest.raises(Unreachable):
            host.restore()
        source.places[0].down = False
        host.restore()
        assert host.data == source.now
