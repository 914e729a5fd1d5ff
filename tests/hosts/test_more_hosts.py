"""A second host takes workers, dies, comes back and leaves: two real hosts, one private network."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.host import Run, eventually
from tests.hosts.conftest import TwoHosts
from tests.hosts.instance import DOMAIN, STACK, launch
from tests.hosts.machine import Laptop, TestHost

pytestmark = [pytest.mark.hosts, pytest.mark.slow, pytest.mark.timeout(1800)]

TOML = "/etc/instancectl/instance.toml"
SERVICE = "sidekiq-default"
WORKERS = 6
THREADS = 5
INSERTS = 20_000
RISKS = ("--accept-risk=s3", "--accept-risk=disk")
"""There is no object store here: the test is about where workers run, not about media."""


def reachable(address: str, port: int) -> bool:
    """Whether somebody outside gets a connection."""
    try:
        socket.create_connection((address, port), 3).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Cluster:
    """`first` has the instance, `second` has nothing to do yet."""

    first: TestHost
    second: TestHost
    laptop: Laptop

    def cli(self, *words: str, expect: int | None = 0) -> Run:
        """Type something on the laptop, for the manager."""
        return self.laptop.cli("--host", f"admin@{self.first.address}", *words, expect=expect)

    def add(self, *words: str, expect: int | None = 0) -> Run:
        """Type `host add` for the second host."""
        return self.cli("host", "add", f"admin@{self.second.address}", *words, expect=expect)

    def uses_a_bucket(self) -> None:
        """Media leave the disk of the first host, where they are still on it."""
        if 's3_bucket = "media"' in self.first.exec("cat", TOML).out:
            return
        self.settings(r's/^(# )?storage = "local"/storage = "s3"\ns3_bucket = "media"/')
        keys = "AWS_ACCESS_KEY_ID=x\\nAWS_SECRET_ACCESS_KEY=x\\n"
        self.first.script(f"printf '{keys}' >> /etc/instancectl/secrets.env")
        self.cli("deploy", *RISKS)

    def member(self) -> TestHost:
        """The second host, which takes workers if no test before has made it do so."""
        if self.second.name not in self.hosts():
            self.uses_a_bucket()
            self.settings(rf"/^\[services.{SERVICE}\]/,/^# replicas/ s/^# replicas.*/replicas = 2/")
            self.add("--role", "workers")
            self.cli("deploy", *RISKS)
        return self.second

    def hosts(self) -> Mapping[str, dict[str, Any]]:
        """As `host list` tells."""
        listed = self.cli("--json", "host", "list").document["data"]["hosts"]
        return {host["name"]: host for host in listed}

    def carries(self, host: TestHost, service: str = SERVICE) -> int:
        """Replicas of a service that run on a host, as its own Engine says."""
        label = f"label=com.docker.swarm.service.name={STACK}_{service}"
        return len(host.exec("docker", "ps", "-q", "--filter", label).out.split())

    def scraped(self, address: str) -> set[str]:
        """Jobs that Prometheus at this address finds well; asked from the first host."""
        url = f"http://{address}:9090/api/v1/targets?state=active"
        program = f"import urllib.request as u; print(u.urlopen('{url}', timeout=5).read().decode())"
        done = self.first.exec("python3", "-c", program, check=False)
        found = json.loads(done.out)["data"]["activeTargets"] if done.code == 0 else []
        return {one["labels"]["job"] for one in found if one["health"] == "up"}

    def reached_from_web(self, address: str, port: int) -> bool:
        """Whether a container with a way out gets a connection."""
        script = (
            'id=$(docker ps -q --filter "label=com.docker.swarm.service.name=$0_web" | head -n 1); '
            'pid=$(docker inspect --format "{{.State.Pid}}" "$id"); exec nsenter -t "$pid" -n "$@"'
        )
        program = f"import socket; socket.create_connection(('{address}', {port}), 3)"
        return self.first.exec("sh", "-c", script, STACK, "python3", "-c", program, check=False).code == 0

    def settings(self, pattern: str) -> None:
        """Change `instance.toml` on the first host by an expression of sed."""
        self.first.exec("sed", "-i", "-E", pattern, TOML)

    def redis(self, *words: str, stdin: str = "") -> str:
        """Ask Redis; with `stdin` it gets a command in each line."""
        script = (
            'id=$(docker ps -q --filter "label=com.docker.swarm.service.name=$0_redis"); '
            'docker exec -i "$id" sh -c \'export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"; '
            'exec redis-cli "$@"\' redis-cli "$@"'
        )
        return self.first.exec("sh", "-c", script, STACK, *words, stdin=stdin).out.strip()

    def processed(self) -> int:
        """Jobs that were ever done."""
        return int(self.redis("GET", "stat:processed") or 0)

    def push(self, count: int, worker: str = "DistributionWorker", *args: int) -> None:
        """Put jobs into the queue `default`; by themselves they find nothing to do."""
        now = time.time()
        jobs = (
            {"class": worker, "args": args or [0], "queue": "default", "retry": True,
             "jid": uuid.uuid4().hex[:24], "created_at": now, "enqueued_at": now}
            for _ in range(count)
        )  # fmt: skip
        quoted = (json.dumps(json.dumps(job)) for job in jobs)
        self.redis(stdin="".join(f"LPUSH queue:default {job}\n" for job in quoted))

    def waiting(self) -> int:
        """Jobs of `default` that nobody has begun."""
        return int(self.redis("LLEN", "queue:default") or 0)

    def post(self) -> tuple[int, int]:
        """A post of the owner, and its account."""
        ruby = (
            "one = Account.find_local('admin'); "
            "puts [Status.create!(account: one, text: 'hello', visibility: :public).id, one.id].join(' ')"
        )
        script = (
            'id=$(docker ps -q --filter "label=com.docker.swarm.service.name=$0_web" | head -n 1); '
            'exec docker exec "$id" bin/rails runner "$1"'
        )
        status, account = self.first.exec("sh", "-c", script, STACK, ruby).out.split()[-2:]
        return int(status), int(account)

    def room(self) -> list[dict[str, Any]]:
        """Hosts that scaling reckons with."""
        return self.cli("--json", "scale", "show").document["data"]["hosts"]

    def decided(self, subject: str, kind: str) -> list[str]:
        """Sentences of what was done about a service within the last day, oldest first."""
        told = self.cli("--json", "scale", "explain").document["data"]["decisions"]
        return [one["reason"] for one in told if (one["subject"], one["kind"]) == (subject, kind)]

    def does_jobs(self, count: int = 300, seconds: float = 120) -> None:
        """All of the jobs that are put now are done in time, and none fails."""
        failed, before = self.redis("GET", "stat:failed"), self.processed()
        self.push(count)
        eventually(lambda: self.processed() >= before + count, seconds=seconds, pause=1)
        assert self.redis("GET", "stat:failed") == failed


@pytest.fixture(scope="module")
def cluster(two_hosts: TwoHosts) -> Iterator[Cluster]:
    """An instance on the first host that plans with 3 GiB, whatever the machine of the tests has."""
    first, second = two_hosts.both
    made = Cluster(first, second, two_hosts.laptop)
    launch(
        two_hosts.laptop, first, target=f"admin@{first.address}",
        instance__layout="auto", machine__memory_mib=3072, machine__cores=2, database__max_connections=200,
    )  # fmt: skip
    yield made
    made.cli("host", "remove", second.name, expect=None)
    first.exec("instancectl", "destroy", f"--confirm={DOMAIN}", check=False)
    for host in two_hosts.both:
        host.script("docker swarm leave --force >/dev/null 2>&1 || true")
    first.script("cd /etc/instancectl && rm -rf instance.toml secrets.env state")


def test_the_swarm_is_made_on_the_private_network(cluster: Cluster) -> None:
    (host,) = cluster.hosts().values()
    assert host["address"].startswith("10.86.0.")
    assert host["data"]


def test_local_media_keep_a_second_host_out(cluster: Cluster) -> None:
    done = cluster.add("--role", "workers", expect=7)
    assert "media are on the disk of one host" in done.err
    assert "put-media-on-s3" in done.err
    assert list(cluster.hosts()) == [cluster.first.name]


def test_a_second_host_takes_workers_dies_and_comes_back(cluster: Cluster) -> None:
    first, second = cluster.first, cluster.second
    cluster.uses_a_bucket()

    # Six workers are too many for one host, and not for two.
    cluster.settings(rf"/^\[services.{SERVICE}\]/,/^# replicas/ s/^# replicas.*/replicas = {WORKERS}/")
    refused = cluster.cli("plan", expect=7)
    assert "the explicit sizes need more memory than there is" in refused.err
    cluster.add("--role", "workers")
    assert cluster.hosts()[second.name]["roles"] == ["workers"]
    cluster.cli("deploy", *RISKS)
    assert cluster.carries(first) + cluster.carries(second) == WORKERS
    assert cluster.carries(second) >= WORKERS // 2
    assert cluster.carries(first, "sidekiq") == 1
    cluster.does_jobs()
    room = cluster.cli("--json", "scale", "show").document["data"]["hosts"]
    assert {one["name"]: one["measured"] for one in room} == {first.name: True, second.name: False}
    assert {one["name"]: one["replicas"].get(SERVICE, 0) for one in room} == {
        first.name: cluster.carries(first), second.name: cluster.carries(second),
    }  # fmt: skip

    # Adding it again changes nothing.
    assert "is ready for workers" in cluster.add("--role", "workers").out
    assert cluster.cli("--json", "plan").document["data"]["steps"] == []

    # The plug is pulled: the base process goes on with every queue.
    second.kill()
    eventually(lambda: cluster.hosts()[second.name]["state"] == "down", seconds=90, pause=1)
    cluster.does_jobs()
    second.start()
    eventually(lambda: cluster.hosts()[second.name]["state"] == "ready", seconds=180, pause=1)
    eventually(lambda: cluster.carries(first) + cluster.carries(second) == WORKERS, seconds=180, pause=2)
    assert cluster.carries(second)

    # The first is restarted: nothing is lost.
    before = cluster.processed()
    first.reboot()
    eventually(lambda: cluster.cli("status", expect=None).code == 0, seconds=300, pause=3)
    assert cluster.processed() >= before
    cluster.does_jobs()


def test_workers_scale_themselves_onto_the_second_host_and_go_on_when_it_is_cut_off(cluster: Cluster) -> None:
    first, second = cluster.first, cluster.member()
    cluster.settings(rf"/^\[services.{SERVICE}\]/,/^# replicas/ s/^replicas.*/# replicas = 1/")
    cluster.settings(r"/^\[scaling\]/,/^\[/ s/^# mode = .*/mode = \"auto\"/")
    cluster.cli("deploy", *RISKS)
    post = cluster.post()
    cluster.does_jobs()

    # More than the first host can work off in time.
    began, done = time.monotonic(), cluster.processed()
    cluster.push(INSERTS, "FeedInsertWorker", *post)
    eventually(lambda: cluster.carries(second), seconds=120, pause=0.5)
    print(f"a process on the second host {time.monotonic() - began:.0f} s after the surge began")
    eventually(lambda: cluster.decided(SERVICE, "replicas"), seconds=30)
    print(cluster.decided(SERVICE, "replicas")[-1])

    # The plug is pulled while it works: nobody is sent there, and the first one works off what is left.
    in_hand = THREADS * (cluster.carries(second) + cluster.carries(first))
    second.kill()
    eventually(lambda: cluster.hosts()[second.name]["state"] == "down", seconds=90, pause=1)
    eventually(lambda: [one["name"] for one in cluster.room()] == [first.name], seconds=60, pause=1)
    eventually(lambda: not cluster.waiting(), seconds=600, pause=2)
    eventually(lambda: cluster.processed() >= done + INSERTS - in_hand, seconds=60, pause=1)
    print(f"{INSERTS} jobs, {done + INSERTS - cluster.processed()} lost with the host, at most {in_hand}")
    assert min(one["room_bytes"] for one in cluster.room()) >= 0
    assert first.exec("systemctl", "is-active", "instancectl-agent").out.strip() == "active"

    second.start()
    eventually(lambda: cluster.hosts()[second.name]["state"] == "ready", seconds=180, pause=1)
    eventually(lambda: len(cluster.room()) == 2, seconds=60, pause=1)
    cluster.does_jobs()
    cluster.settings(r"/^\[scaling\]/,/^\[/ s/^mode = .*/# mode = \"advise\"/")
    cluster.cli("scale", "release")
    cluster.settings(rf"/^\[services.{SERVICE}\]/,/^# replicas/ s/^# replicas.*/replicas = 2/")
    cluster.cli("deploy", *RISKS)


def test_a_host_for_monitoring_watches_the_first_one(cluster: Cluster) -> None:
    first, second = cluster.first, cluster.member()
    cluster.settings(r"/^\[monitoring\]/,/^\[/ s/^# enabled = .*/enabled = true/")
    cluster.add("--role", "workers", "--role", "monitoring")
    cluster.cli("deploy", *RISKS)
    assert cluster.carries(second, "prometheus") == cluster.carries(second, "alertmanager") == 1
    assert cluster.carries(first, "prometheus") == 0

    watcher, home = (cluster.hosts()[host.name]["address"] for host in (second, first))
    eventually(lambda: cluster.scraped(watcher) >= {"instancectl", "alertmanager"}, seconds=90)
    assert json.loads(cluster.cli("--json", "alert", "list").out)["exit_code"] == 0

    # Containers of the first host reach neither; nor does the world.
    for address, port in ((watcher, 9090), (watcher, 9093), (home, 9394)):
        assert not cluster.reached_from_web(address, port)
    for host, port in ((second, 9090), (second, 9093), (first, 9394)):
        assert not reachable(host.address, port)
    assert reachable(first.address, 22)


def test_the_first_host_is_left_to_the_database(cluster: Cluster) -> None:
    first, second = cluster.first, cluster.member()
    mine = f"admin@{first.address}"
    cluster.add("--role", "workers", "--role", "web")
    cluster.cli("host", "add", mine, "--role", "db")
    cluster.cli("deploy", *RISKS)
    assert cluster.carries(first, "web") == cluster.carries(first) == 0
    assert cluster.carries(second, "web") >= 1
    for service in ("db", "redis", "sidekiq", "cache", "proxy"):
        assert cluster.carries(first, service) == 1
    assert "only host with the role `web`" in cluster.cli("host", "drain", second.name, expect=7).err
    cluster.does_jobs()
    cluster.cli("host", "add", mine, *(word for role in ("db", "web", "workers", "monitoring")
                                       for word in ("--role", role)))  # fmt: skip
    cluster.cli("deploy", *RISKS)


def test_a_drained_host_runs_nothing_and_takes_replicas_again(cluster: Cluster) -> None:
    second = cluster.member()
    cluster.cli("host", "drain", second.name)
    assert cluster.carries(second) == 0
    assert cluster.cli("host", "drain", cluster.first.name, expect=7).out == ""
    cluster.cli("host", "drain", second.name, "--undo")
    eventually(lambda: cluster.carries(second) > 0, seconds=120, pause=1)


def test_a_removed_host_is_forgotten_everywhere(cluster: Cluster) -> None:
    first, second = cluster.first, cluster.member()
    cluster.cli("host", "remove", first.name, expect=7)
    cluster.cli("host", "remove", second.name)
    assert list(cluster.hosts()) == [first.name]
    assert second.exec("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").out.strip() == "inactive"
    assert "PublicKey" not in first.exec("cat", "/etc/wireguard/instancectl0.conf").out
    assert second.address not in first.exec("cat", "/etc/instancectl/firewall.nft").out
