"""An instance goes to another host: after the first one was lost, and while it is in use."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.backup_harness import built, container, wait_until
from tests.e2e.browser import Browser
from tests.e2e.host import ROOT
from tests.hosts.conftest import MakeHost
from tests.hosts.instance import DOMAIN, STACK, images_by_key, launch, load_images
from tests.hosts.machine import Laptop, Network, TestHost, docker

pytestmark = [pytest.mark.hosts, pytest.mark.slow, pytest.mark.timeout(1800)]

KEYS = {"INSTANCECTL_BACKUP_KEY_ID": "access-key", "INSTANCECTL_BACKUP_KEY": "secret-key"}
BUCKET = "moved-house"
EMAIL = f"admin@{DOMAIN}"
MOVED_SECONDS = 60
"""Nobody waits longer, however large the database is; most of it is Mastodon's start."""


@pytest.fixture
def store(host_network: Network) -> Iterator[str]:
    """A real S3 server that both hosts reach; its address."""
    built("ceph-rgw")
    with container("testbed/ceph-rgw:18") as name:
        docker("network", "connect", host_network.name, name)
        ready = ["docker", "exec", name, "test", "-f", "/run/rgw-ready"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "the S3 server", 120)
        found = json.loads(docker("inspect", name))[0]["NetworkSettings"]["Networks"]
        yield f"http://{found[host_network.name]['IPAddress']}:7480"


class Carrying(Laptop):
    """A laptop whose shell has the key of the bucket."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **KEYS}


def make_bucket(endpoint: str) -> None:
    import boto3
    from botocore.config import Config

    client = boto3.session.Session().client(
        "s3", region_name="us-east-1", endpoint_url=endpoint,
        aws_access_key_id=KEYS["INSTANCECTL_BACKUP_KEY_ID"],
        aws_secret_access_key=KEYS["INSTANCECTL_BACKUP_KEY"],
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )  # fmt: skip
    client.create_bucket(Bucket=BUCKET)


def browser(host: TestHost) -> Browser:
    """A fresh one, which trusts the authority of that host's proxy and nobody else."""
    authority = host.script(
        f"docker exec $(docker ps -q -f name={STACK}_proxy) cat /data/caddy/pki/authorities/local/root.crt"
    ).out
    return Browser(443, authority, domain=DOMAIN, address=host.address)


@dataclass(frozen=True)
class Known:
    """What somebody remembers of the instance that was lost."""

    password: str
    token: str
    post: dict[str, str]

    def finds_it_again(self, host: TestHost) -> None:
        """Logging in, the post, and an application that was allowed before."""
        person = browser(host)
        landed = person.log_in(EMAIL, self.password)
        assert landed.status == 200, landed.text
        home = person.ask("/api/v1/timelines/home", token=self.token).json
        assert [post["id"] for post in home] == [self.post["id"]]
        path = f"/api/v1/statuses/{self.post['id']}"
        for token in (self.token, person.token(EMAIL, self.password)):
            assert person.ask(path, token=token).json["content"] == self.post["content"]


def live_a_little(laptop: Laptop, host: TestHost, admin: str) -> Known:
    reset = laptop.cli("--host", admin, "tootctl", "accounts", "modify", "admin", "--reset-password").out
    password = reset.rpartition("New password: ")[2].split()[0]
    person = browser(host)
    token = person.token(EMAIL, password)
    post = person.ask("/api/v1/statuses", form={"status": "before the fire"}, token=token).json
    return Known(password, token, post)


@dataclass(frozen=True)
class Houses:
    """The first host has an instance and a set of it in a bucket, the second is empty."""

    first: TestHost
    second: TestHost
    laptop: Laptop
    known: Known
    source: tuple[str, ...]

    @property
    def admin(self) -> str:
        return f"admin@{self.first.address}"

    @property
    def elsewhere(self) -> str:
        return f"admin@{self.second.address}"


def houses(make_host: MakeHost, store: str, directory: Path, **changes: object) -> Houses:
    """Both, with further settings of the instance."""
    first, second = make_host("first", "bookworm"), make_host("second", "trixie")
    (directory / "laptop").mkdir()
    laptop = Carrying(directory / "laptop")
    laptop.knows([first, second])
    laptop.cli("--host", first.ssh_target, "--host", second.ssh_target, "host", "provision")
    admin, kit = f"admin@{first.address}", directory / "kit.txt"

    launch(laptop, first, target=admin, **changes)
    known = live_a_little(laptop, first, admin)
    make_bucket(store)
    place = ("--bucket", BUCKET, "--endpoint", store)
    laptop.cli("--host", admin, "backup", "init", *place, "--kit", "/root/kit.txt")
    kit.write_text(first.exec("cat", "/root/kit.txt").out)
    laptop.cli("--host", admin, "backup", "create")
    load_images(second, images_by_key().values())
    source = ("--from", f"s3://{BUCKET}", "--endpoint", store, "--kit", str(kit))
    return Houses(first, second, laptop, known, source)


def test_a_lost_host_comes_back_on_another(make_host: MakeHost, store: str, tmp_path: Path) -> None:
    made = houses(make_host, store, tmp_path)
    second, laptop, known, elsewhere = made.second, made.laptop, made.known, made.elsewhere
    made.first.remove()
    line = ("--json", "--host", elsewhere, "restore", *made.source)
    planned = json.loads(laptop.cli(*line, "--dry-run").out)["data"]
    assert planned["lost_seconds"] >= 0
    assert second.script("ls /etc/instancectl/*.toml 2>/dev/null || true").out == ""
    done = json.loads(laptop.cli(*line, timeout_seconds=1200).out)["data"]
    print(f"foreseen {planned['seconds']} s, restored in {done['seconds']} s")

    known.finds_it_again(second)
    assert json.loads(laptop.cli("--json", "--host", elsewhere, "status").out)["data"]["verdict"] == "well"
    assert laptop.cli("--host", elsewhere, "plan", "--exit-code").code == 0
    kept = second.script("grep -l AGE-SECRET-KEY -r /etc/instancectl /var/lib/instancectl || true").out
    assert kept == ""


@dataclass
class Writing:
    """Somebody who posts as fast as it is answered, on one host and then on the other."""

    made: Houses
    taken: list[str] = field(default_factory=list)
    ended: float = 0.0
    again: float = 0.0
    over: bool = False

    def run(self) -> None:
        while not self.over and not self.again:
            for host in (self.made.first, self.made.second):
                if post := self._posted(host):
                    self.taken.append(post)
                    if host is self.made.second:
                        self.again = time.monotonic()
                    else:
                        self.ended = time.monotonic()
            time.sleep(0.2)

    def _posted(self, host: TestHost) -> str:
        with contextlib.suppress(Exception):
            answer = browser(host).ask(
                "/api/v1/statuses", form={"status": f"number {len(self.taken)}"}, token=self.made.known.token
            )
            if answer.status == 200:
                return str(answer.json["id"])
        return ""


def test_it_moves_while_somebody_writes_and_nothing_that_was_taken_is_lost(
    make_host: MakeHost, store: str, tmp_path: Path
) -> None:
    made = houses(make_host, store, tmp_path, backup__point_in_time="true")
    laptop, writing = made.laptop, Writing(made)
    thread = threading.Thread(target=writing.run, daemon=True)
    words = ("--json", "--host", made.elsewhere, "restore", *made.source, "--follow")
    following = subprocess.Popen(
        [sys.executable, "-m", "instancectl", *words], cwd=ROOT, env=laptop.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        handover = ("--host", made.admin, "backup", "handover")
        wait_until(lambda: laptop.cli(*handover, "--dry-run", expect=None).code == 0, "who follows", 300)
        thread.start()
        time.sleep(5)
        assert "is handed over" in laptop.cli(*handover, f"--confirm={DOMAIN}").out
        said, told = following.communicate(timeout=300)
        assert following.returncode == 0, told
        print(json.loads(said)["data"])
        thread.join(60)
    finally:
        writing.over = True
        following.kill()
    assert writing.again, "nobody could write on the second host"
    print(f"{len(writing.taken)} posts; nobody could write for {writing.again - writing.ended:.1f} s")
    assert writing.again - writing.ended <= MOVED_SECONDS

    # What was taken is there, and the old host is at rest, also when somebody deploys or it starts again.
    person = browser(made.second)
    for post in writing.taken:
        assert person.ask(f"/api/v1/statuses/{post}", token=made.known.token).status == 200
    assert "handed over" in laptop.cli("--host", made.admin, "deploy", expect=7).err
    script = f"docker ps -q --filter name={STACK}_web --filter name={STACK}_sidekiq"
    assert made.first.script(script).out == ""
    assert laptop.cli("--host", made.elsewhere, "plan", "--exit-code").code == 0
