"""The stack: what DESIGN and the measurements demand of every service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core import topology
from instancectl.core.desired import Network
from instancectl.core.service import FileRef, Mount, PublishedPort
from instancectl.core.topology.parts import BACKEND, DOTENV, EDGE, MEDIA
from tests.fakes import instance

DESIRED = instance.desired()
MASTODON = [spec.name for spec in DESIRED.services if spec.image in {"web:1", "streaming:1"}]
STATEFUL = ["db", "redis"]


def services(**sections: object) -> dict:
    return {spec.name: spec for spec in instance.desired(instance.config(**sections)).services}


SMALL = services()


def test_upstreams_names_are_used():
    assert {"db", "redis", "web", "streaming", "sidekiq", "cache", "proxy"} <= set(SMALL)
    assert DESIRED.networks == (Network(BACKEND, internal=True), Network(EDGE))


def test_every_service_is_in_exactly_one_stage():
    staged = [name for stage in DESIRED.stages for name in stage]
    assert sorted(staged) == sorted(SMALL)
    assert [spec.name for spec in DESIRED.services] == staged


@pytest.mark.parametrize("name", SMALL)
def test_only_the_proxy_is_reachable_from_outside(name):
    assert bool(SMALL[name].ports) == (name == "proxy")


def test_the_proxy_publishes_what_the_configuration_says():
    proxy = services(proxy={"http_port": 8080, "https_port": 8443})["proxy"]
    assert set(proxy.ports) == {
        PublishedPort(8080, 80),
        PublishedPort(8443, 443),
        PublishedPort(8443, 443, "udp"),
    }


@pytest.mark.parametrize("name", STATEFUL)
def test_databases_have_no_way_out_and_stay_on_their_host(name):
    spec = SMALL[name]
    assert [link.network for link in spec.networks] == [BACKEND]
    assert spec.constraints == (f"node.labels.{DESIRED.node_label}==true",)
    assert spec.update.order == "stop-first"
    assert spec.stop_grace_seconds >= 60


@pytest.mark.parametrize("name", [name for name in SMALL if name not in {"db", "redis", "pgbouncer"}])
def test_the_edge_never_sees_the_backend(name):
    networks = {link.network for link in SMALL[name].networks}
    assert (BACKEND in networks) == (name in MASTODON)


@pytest.mark.parametrize("name", ["web", "streaming", "cache"])
def test_what_serves_people_is_replaced_without_a_gap(name):
    assert SMALL[name].update.order == "start-first"
    assert SMALL[name].update.failure_action == "rollback"
    assert SMALL[name].health is not None
    assert SMALL[name].restart_condition == "any"


@pytest.mark.parametrize("name", [name for name in SMALL if name.startswith("sidekiq")])
def test_sidekiq_gets_the_time_to_put_jobs_back(name):
    assert SMALL[name].update.order == "stop-first"
    assert SMALL[name].stop_grace_seconds >= 60


def test_the_scheduler_runs_exactly_once():
    spec = services(services={"web": {"replicas": 3}})["sidekiq"]
    assert spec.replicas == 1
    scheduled = [name for name, spec in SMALL.items() if any("scheduler" in word for word in spec.command)]
    assert scheduled == ["sidekiq"]


@pytest.mark.parametrize("name", SMALL)
def test_every_service_has_a_memory_limit(name):
    assert SMALL[name].memory_bytes > 0


@pytest.mark.parametrize("name", [name for name in SMALL if name != "mail"])
def test_every_service_says_when_it_serves(name):
    assert SMALL[name].health is not None


@pytest.mark.parametrize("name", MASTODON)
def test_mastodons_secrets_arrive_as_its_own_dotenv_file(name):
    (file,) = SMALL[name].secrets
    assert file == FileRef(file.name, DOTENV, "991", "991", 0o400)
    assert instance.leaks(DESIRED.secrets[file.name].reveal())


@pytest.mark.parametrize("name", SMALL)
def test_no_secret_stands_in_a_service(name):
    assert not instance.leaks(repr(SMALL[name]))


def test_no_secret_stands_in_a_config():
    files = instance.config(tls={"mode": "files", "certificate": "c", "key": "k"})
    for content in instance.desired(files).configs.values():
        assert not instance.leaks(content)


def test_names_of_secrets_and_configs_follow_their_content():
    changed = instance.desired(instance.config(proxy={"hsts_seconds": 1}, mastodon={"env": {"A": "1"}}))
    same = set(DESIRED.configs) & set(changed.configs)
    assert same
    for name in same:
        assert DESIRED.configs[name] == changed.configs[name]
    assert set(DESIRED.configs) != set(changed.configs)
    assert set(DESIRED.secrets) != set(changed.secrets)


def test_every_file_a_service_refers_to_is_there():
    for spec in DESIRED.services:
        assert {item.name for item in spec.secrets} <= set(DESIRED.secrets)
        assert {item.name for item in spec.configs} <= set(DESIRED.configs)
    used = {item.name for spec in DESIRED.services for item in (*spec.secrets, *spec.configs)}
    assert used == {*DESIRED.secrets, *DESIRED.configs}


def test_names_are_short_enough_for_swarm():
    domain = f"{'a' * 60}.{'b' * 60}.example"
    desired = instance.desired(instance.config(instance={"domain": domain}, database={"pgbouncer": "on"}))
    assert all(len(name) <= 64 for name in (*desired.secrets, *desired.configs))
    assert all(len(f"{desired.stack}_{spec.name}") <= 63 for spec in desired.services)


def test_local_media_is_shared_on_one_host():
    for name in ("web", "sidekiq"):
        assert Mount(MEDIA, "media") in SMALL[name].mounts
        assert SMALL[name].constraints
    assert any(mount.source == "media" and mount.read_only for mount in SMALL["cache"].mounts)
    assert "media" in DESIRED.volumes


def test_media_in_a_bucket_ties_nothing_to_a_host():
    elsewhere = {"storage": "s3", "s3_bucket": "media"}
    found = services(media=elsewhere)
    assert not any(mount.source == "media" for spec in found.values() for mount in spec.mounts)
    assert not found["web"].constraints
    assert "media" not in topology.volumes(instance.config(media=elsewhere))


def test_every_volume_that_is_mounted_is_created():
    mounted = {m.source for spec in DESIRED.services for m in spec.mounts if m.kind == "volume"}
    assert mounted == set(DESIRED.volumes)


def test_a_name_of_the_proxys_own_authority_is_found_inside():
    aliases = [link.aliases for link in SMALL["proxy"].networks]
    assert aliases == [("social.example",)]
    public = services(tls={"mode": "acme"})["proxy"]
    assert [link.aliases for link in public.networks] == [()]


def test_images_are_deployed_by_digest_once_it_is_known():
    pinned = instance.desired(images={"web:1": "web:1@sha256:abc"})
    assert pinned.service("web").image == "web:1@sha256:abc"
    assert pinned.service("sidekiq").image == "web:1@sha256:abc"
    assert pinned.service("db").image == "db:1"


@pytest.mark.parametrize("wanted", ["on", "off"])
def test_pgbouncer_is_there_when_it_is_wanted(wanted):
    config = instance.config(database={"pgbouncer": wanted})
    found = {spec.name for spec in instance.desired(config).services}
    assert ("pgbouncer" in found) == (wanted == "on")
    references = topology.image_references(config, instance.layout(config))
    assert ("pgbouncer:1" in references) == (wanted == "on")


def test_pgbouncer_ends_when_transactions_do_and_takes_as_many_clients_as_it_says():
    desired = instance.desired(instance.config(database={"pgbouncer": "on"}))
    (spec,) = [one for one in desired.services if one.name == "pgbouncer"]
    # Images differ: edoburu's names no signal, and TERM waits for clients that never leave.
    assert spec.stop_signal == "SIGINT"
    assert spec.command[-1].startswith("ulimit -n ")


def test_jobs_talk_to_postgresql_directly_and_hide_their_secrets():
    config = instance.config(database={"pgbouncer": "on"})
    made = instance.rendered(config)
    job = topology.one_shot(
        config, made, {"web:1": "web:1@sha256:abc"}, "tootctl", ("bin/tootctl",), {"X": "1"}
    )
    assert dict(job.environment) == {"DB_HOST": "db", "DB_PORT": "5432", "X": "1"}
    assert job.image == "web:1@sha256:abc"
    assert job.files == ((DOTENV, made.dotenv),)
    assert not instance.leaks(repr(job))
    assert not instance.leaks(repr(made))


def test_order_that_means_nothing_is_canonical():
    for spec in DESIRED.services:
        for field in ("environment", "mounts", "secrets", "configs", "networks", "ports", "labels"):
            assert getattr(spec, field) == tuple(sorted(getattr(spec, field)))


def test_a_changed_message_replaces_nothing_but_the_cache():
    made = [instance.rendered(maintenance=message) for message in (None, "soon", "later")]
    plain, soon, later = (
        topology.desired(instance.config(), instance.layout(), one, DESIRED.images) for one in made
    )
    for one, other in ((plain, soon), (soon, later)):
        changed = [a.name for a, b in zip(one.services, other.services, strict=True) if a != b]
        assert changed == ["cache"]
    assert replace(plain) == DESIRED


class TestPointInTime:
    SERVICES = services(backup={"point_in_time": True, "wal_keep_mib": 512})

    def test_nobody_takes_wal_unless_it_is_wanted(self):
        assert "wal" not in SMALL
        assert not any("slot" in word for word in SMALL["db"].command)

    def test_what_waits_for_the_receiver_cannot_fill_the_disk(self):
        assert "max_slot_wal_keep_size=512MB" in self.SERVICES["db"].command
        assert ("KEEP_MIB", "512") in self.SERVICES["wal"].environment

    def test_the_receiver_is_beside_the_database_of_the_same_image_and_reaches_its_socket(self):
        db, wal = self.SERVICES["db"], self.SERVICES["wal"]
        assert (wal.image, wal.constraints, wal.networks) == (db.image, db.constraints, db.networks)
        socket = Mount("/var/run/postgresql", "db-socket")
        assert socket in db.mounts
        assert set(wal.mounts) == {socket, Mount("/wal", "wal")}
        assert wal.memory_bytes

    def test_its_volumes_are_made(self):
        made = instance.desired(instance.config(backup={"point_in_time": True}))
        assert {"wal", "db-socket"} <= set(made.volumes)
        assert not {"wal", "db-socket"} & set(DESIRED.volumes)
