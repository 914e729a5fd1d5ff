"""One host is lost: on another one, empty, a line typed on the laptop brings the instance back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.backup_harness import built, container, wait_until
from tests.e2e.browser import Browser
from tests.hosts.conftest import MakeHost
from tests.hosts.instance import DOMAIN, STACK, images_by_key, launch, load_images
from tests.hosts.machine import Laptop, Network, TestHost, docker

pytestmark = [pytest.mark.hosts, pytest.mark.slow, pytest.mark.timeout(1800)]

KEYS = {"INSTANCECTL_BACKUP_KEY_ID": "access-key", "INSTANCECTL_BACKUP_KEY": "secret-key"}
BUCKET = "moved-house"
EMAIL = f"admin@{DOMAIN}"


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


def test_a_lost_host_comes_back_on_another(make_host: MakeHost, store: str, tmp_path: Path) -> None:
    first, second = make_host("first", "bookworm"), make_host("second", "trixie")
    (tmp_path / "laptop").mkdir()
    laptop = Carrying(tmp_path / "laptop")
    laptop.knows([first, second])
    laptop.cli("--host", first.ssh_target, "--host", second.ssh_target, "host", "provision")
    admin, elsewhere = f"admin@{first.address}", f"admin@{second.address}"

    launch(laptop, first, target=admin)
    known = live_a_little(laptop, first, admin)
    make_bucket(store)
    place = ("--bucket", BUCKET, "--endpoint", store)
    laptop.cli("--host", admin, "backup", "init", *place, "--kit", "/root/kit.txt")
    kit = tmp_path / "kit.txt"
    kit.write_text(first.exec("cat", "/root/kit.txt").out)
    laptop.cli("--host", admin, "backup", "create")
    first.remove()

    load_images(second, images_by_key().values())
    source = ("--from", f"s3://{BUCKET}", "--endpoint", store, "--kit", str(kit))
    line = ("--json", "--host", elsewhere, "restore", *source)
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
