"""Backed up, lost, restored: people, posts, media and settings are there again, and nothing is done twice."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, STACK, Instance, docker, eventually, lines

pytestmark = pytest.mark.e2e

PICTURE = b"\x89PNG\r\n\x1a\n" + os.urandom(200_000)


@dataclass
class Saved:
    """An instance with a backup set, and what is in it."""

    instance: Instance
    places: Path
    kit: Path
    set_id: str = ""
    post: str = ""
    media: dict[str, str] = field(default_factory=dict)
    rows: str = ""

    @property
    def source(self) -> tuple[str, ...]:
        return ("--from", str(self.places), "--kit", str(self.kit))

    @property
    def stored(self) -> Path:
        return self.places / DOMAIN

    def restore(self, *words: str, expect: int = 0) -> dict:
        return self.instance.cli("--json", "restore", *self.source, *words, expect=expect).document

    def browser(self) -> Browser:
        """A fresh one, which trusts whatever authority the proxy has now."""
        path = "/data/caddy/pki/authorities/local/root.crt"
        authority = docker("exec", self.instance.container("proxy"), "cat", path)
        return Browser(self.instance.ports[1], authority)


def upload(browser: Browser, token: str) -> str:
    """A picture; its id."""
    boundary = secrets.token_hex(8)
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode() + PICTURE + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
    connection = http.client.HTTPConnection(DOMAIN, browser.port)
    connection.sock = browser.open()
    headers = {
        "Host": f"{DOMAIN}:{browser.port}",
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
    }
    try:
        connection.request("POST", "/api/v2/media", body, headers)
        answer = connection.getresponse()
        assert answer.status in {200, 202}, answer.read()
        return str(json.loads(answer.read())["id"])
    finally:
        connection.close()


def media_files() -> dict[str, str]:
    """Path → hash of everything uploaded."""
    root = Path(docker("volume", "inspect", f"{STACK}_media", "--format", "{{.Mountpoint}}"))
    live = (top for top in root.iterdir() if top.name != "cache" and not top.name.startswith(".instancectl"))
    files = (path for top in live for path in (top, *top.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(instance: Instance) -> str:
    return instance.sql(
        "select (select count(*) from users), (select count(*) from statuses), "
        "(select count(*) from media_attachments), "
        "(select md5(string_agg(text, '|' order by id)) from statuses)"
    )


@pytest.fixture(scope="module")
def saved(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    base = tmp_path_factory.mktemp("backups")
    made = Saved(instance, base / "sets", base / "kit.txt")
    made.places.mkdir(mode=0o700)
    instance.cli(
        "backup",
        "init",
        "--directory",
        str(made.places),
        "--kit",
        str(made.kit),
        "--accept-risk",
        "same-disk",
    )
    browser = made.browser()
    token = browser.token(f"admin@{DOMAIN}", instance.password)
    for number in range(5):
        form = {"status": f"before the fire {number}"}
        made.post = str(browser.ask("/api/v1/statuses", form=form, token=token).json["id"])
    upload(browser, token)
    # Somebody with two factors: only the secrets of the instance read that column.
    ruby = "User.first.update!(otp_secret: 'made-up')"
    docker("exec", instance.container("web"), "bin/rails", "runner", ruby)
    # An admin's own role, as the agent has one: what is granted to it is in the dump.
    instance.sql("create role reader")
    instance.sql("grant select on accounts to reader")
    # A job for later, which the set holds and which must not be done by the restored instance.
    instance.redis(
        "ZADD", "schedule", "4102444800", '{"class":"Never","args":[],"jid":"x","queue":"default"}'
    )
    made.set_id = instance.cli("--json", "backup", "create").document["data"]["set"]
    made.media, made.rows = media_files(), rows(instance)
    assert made.media
    yield made
    instance.sql("drop owned by reader")
    instance.sql("drop role reader")
    instance.redis("ZREM", "schedule", '{"class":"Never","args":[],"jid":"x","queue":"default"}')
    (instance.directory / "backup.env").unlink(missing_ok=True)
    instance.configure()
    shutil.rmtree(base)


def broken(saved: Saved, tmp_path: Path) -> Path:
    """A copy of the sets that a test may damage."""
    shutil.copytree(saved.places, tmp_path / "sets")
    return tmp_path / "sets"


class TestSetsThatAreNotWhatTheyShouldBe:
    def refused(self, saved: Saved, places: Path, kit: Path, code: int) -> str:
        run = saved.instance.cli(
            "--json", "restore", "--from", str(places), "--kit", str(kit), "--side-by-side", expect=code
        )
        assert rows(saved.instance) == saved.rows
        return run.document["errors"][0]["message"]

    def test_a_live_instance_is_not_restored_over(self, saved: Saved):
        error = saved.restore(expect=7)["errors"][0]
        assert "is on this host already; nothing was changed" in error["message"]
        assert "--side-by-side" in error["hint"]

    def test_a_kit_of_another_instance(self, saved: Saved, tmp_path: Path):
        text, other = saved.kit.read_text(), tmp_path / "kit.txt"
        line = next(line for line in text.splitlines() if "AGE-SECRET-KEY" in line)
        made = subprocess.run(
            [*saved.instance.words()[:1], "-c", "import pyrage; print(pyrage.x25519.Identity.generate())"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        other.write_text(text.replace(line.strip(), made.stdout.strip()))
        assert "the kit does not open" in self.refused(saved, saved.places, other, 7)

    def test_an_object_that_is_missing(self, saved: Saved, tmp_path: Path):
        places = broken(saved, tmp_path)
        (gone,) = places.glob("*/parts/*/database.dump.*")
        gone.unlink()
        assert f"{gone.name}` is missing" in self.refused(saved, places, saved.kit, 4)

    @pytest.mark.parametrize("part", ["media/packs/*", "sets/*.json"])
    def test_one_bit(self, saved: Saved, tmp_path: Path, part: str):
        places = broken(saved, tmp_path)
        (path,) = places.glob(f"*/{part}")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        try:
            message = self.refused(saved, places, saved.kit, 7 if "json" in part else 4)
            assert path.name.partition(".")[0] in message
        finally:
            saved.instance.cli("restore", "undo", expect=None)
            saved.instance.cli("restore", "finish", expect=None)


def test_a_dry_run_says_what_is_lost(saved: Saved):
    document = saved.restore("--dry-run")
    assert document["status"] == "planned"
    assert document["data"]["set"] == saved.set_id
    assert document["data"]["lost_seconds"] < 3600


def of_drills(kind: str) -> list[str]:
    words = ("ps", "-a") if kind == "ps" else (kind, "ls")
    return lines(*words, "-q", "--filter", f"label=instancectl.drill={STACK}-drill")


def test_a_drill_makes_an_instance_of_the_set_and_leaves_nothing(saved: Saved):
    kit = ("--kit", str(saved.kit))
    run = saved.instance.start("backup", "drill", *kit)
    eventually(lambda: of_drills("ps"), seconds=60)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    (network,) = of_drills("network")
    assert docker("network", "inspect", network, "--format", "{{.Internal}}") == "true"

    done = saved.instance.cli("--json", "backup", "drill", *kit)

    assert "removed 1 containers that a killed drill left" in done.err
    data = done.document["data"]
    print(f"drilled in {data['rto_seconds']} s: {data['findings']}")
    assert data["rpo_seconds"] < 3600
    assert "as counted" in data["findings"]["database"]
    assert int(data["findings"]["indexes"].split()[0]) > 20
    assert f"{len(saved.media)} of {len(saved.media)} files" in data["findings"]["media"]
    assert "boots, and answers" in data["findings"]["web"]
    assert data["findings"]["secrets"] == "the secrets of the set read 1 of `users.otp_secret`"
    assert not any(of_drills(kind) for kind in ("ps", "volume", "network"))
    shown = saved.instance.cli("--json", "backup", "show").document["data"]
    assert shown["copies"][0]["verdict"] == "drilled"
    assert rows(saved.instance) == saved.rows


def test_beside_a_live_instance_and_back(saved: Saved):
    instance = saved.instance
    browser = saved.browser()
    token = browser.token(f"admin@{DOMAIN}", instance.password)
    later = str(browser.ask("/api/v1/statuses", form={"status": "after the set"}, token=token).json["id"])
    now = rows(instance)
    for_later = ("ZCOUNT", "schedule", str(time.time() + 3600), "+inf")
    waiting = instance.redis(*for_later)

    assert saved.restore("--side-by-side")["data"]["kept"]

    assert rows(instance) == saved.rows
    assert media_files() == saved.media
    assert instance.redis("ZCARD", "schedule") == "0"
    assert saved.browser().ask(f"/api/v1/statuses/{later}").status == 404
    assert saved.browser().ask(f"/api/v1/statuses/{saved.post}").status == 200

    instance.cli("restore", "undo")

    assert rows(instance) == now
    assert instance.redis(*for_later) == waiting
    assert int(waiting)
    assert saved.browser().ask(f"/api/v1/statuses/{later}").status == 200
    instance.cli("restore", "finish")
    databases = instance.sql(
        "select string_agg(datname, ' ' order by 1) from pg_database where datname ~ '^mastodon'"
    )
    assert databases == "mastodon_production"
    assert instance.cli("plan", "--exit-code").code == 0


def test_from_nothing_killed_and_again(saved: Saved):
    instance = saved.instance
    instance.cli("destroy", f"--confirm={DOMAIN}")
    for path in [*instance.directory.iterdir()]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    began = time.monotonic()
    run = instance.start("--json", "restore", *saved.source)
    eventually(lambda: phases(instance) and "data" in phases(instance), seconds=120, pause=0.05)
    time.sleep(0.3)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert "a restore of" in instance.cli("deploy", expect=7).err
    done = instance.cli("--json", "restore", *saved.source)
    seconds = time.monotonic() - began

    assert done.document["status"] == "changed"
    assert "goes on with the restore" in done.err
    print(f"restored in {seconds:.1f} s, with a kill in between")
    assert rows(instance) == saved.rows
    assert media_files() == saved.media
    assert instance.sql("select has_table_privilege('reader', 'accounts', 'select')") == "t"
    assert instance.redis("ZCARD", "schedule") == "0"
    browser = saved.browser()
    assert browser.log_in(f"admin@{DOMAIN}", instance.password).status == 200
    assert browser.ask(f"/api/v1/statuses/{saved.post}").status == 200
    assert instance.cli("plan", "--exit-code").code == 0
    assert not (instance.directory / "state" / "restore.json").exists()
    assert not (instance.directory / "state" / "restore").exists()


def phases(instance: Instance) -> list[str]:
    try:
        return json.loads((instance.directory / "state" / "restore.json").read_text())["done"]
    except (FileNotFoundError, ValueError):
        return []
