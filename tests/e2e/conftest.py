"""One deployed instance for all tests of this directory; each leaves it as it found it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, ROOT, STACK, Instance, docker, eventually, lines

ANOTHER = "testbed/mastodon:another"
BROKEN = "testbed/mastodon:never-serves"
NEVER_SERVES = """
ARG BASE
FROM $BASE
USER root
RUN printf '%s\\n' '#!/bin/sh' \\
    'case "$*" in *puma*) echo "waiting for nothing"; exec /usr/bin/tini sleep 3600 ;; esac' \\
    'exec "$@"' > /never \\
 && chmod 755 /never
USER mastodon
ENTRYPOINT ["/never"]
"""


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """`images.*` → tag; built where they are missing."""
    build = [sys.executable, str(ROOT / "tests/testbed/build.py")]
    subprocess.run([*build, "--default"], check=True, stdout=subprocess.DEVNULL)
    return json.loads(subprocess.run([*build, "--json"], check=True, capture_output=True).stdout)


@pytest.fixture(scope="session")
def broken_image(images: dict[str, str]) -> Iterator[str]:
    """Mastodon whose Puma never opens its port; migrations and Sidekiq work."""
    build = ["docker", "build", "--tag", BROKEN, "--build-arg", f"BASE={images['web']}", "-"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    subprocess.run(build, input=NEVER_SERVES, text=True, check=True, capture_output=True, env=environment)
    yield BROKEN
    docker("image", "rm", "--force", BROKEN, check=False)


@pytest.fixture(scope="session")
def another_release(images: dict[str, str]) -> Iterator[str]:
    """The same image under another name, which is all that a release is to a deploy."""
    docker("tag", images["web"], ANOTHER)
    yield ANOTHER
    docker("image", "rm", ANOTHER, check=False)


@pytest.fixture(scope="session")
def old_postgres() -> str:
    """A major version that Mastodon does not run on."""
    build = [sys.executable, str(ROOT / "tests/testbed/build.py"), "postgres-old"]
    done = subprocess.run(build, check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


@pytest.fixture(scope="session")
def instance(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Deployed from nothing by runs that were killed at every kind of step boundary."""
    with (Path(tempfile.gettempdir()) / "e2e.localhost.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        made = Instance(tmp_path_factory.mktemp("e2e"), images)
        remove_everything()
        made.configure()
        try:
            last = made.kill_at_every_boundary()
            assert last.code == 0, last.err + last.out
            made.password = last.document["data"].get("owner", {}).get("password") or new_password(made)
            yield made
        finally:
            made.cli("destroy", f"--confirm={DOMAIN}", expect=None)
            remove_everything()


def new_password(instance: Instance) -> str:
    """As `deploy` advises when the password died with a killed run."""
    done = instance.cli("tootctl", "accounts", "modify", "admin", "--reset-password")
    return re.search(r"New password: (\S+)", done.out).group(1)


def remove_everything() -> None:
    """What an earlier session of these tests left behind; nothing that is there after a good one."""
    for name in lines("ps", "-aq", "--filter", f"label=instancectl.stack={STACK}"):
        docker("rm", "--force", "--volumes", name, check=False)
    mine = ("--filter", f"label=com.docker.stack.namespace={STACK}", "-q")
    for kind in ("service", "network", "secret", "config", "volume"):
        for name in lines(kind, "ls", *mine):
            eventually(lambda kind=kind, name=name: removed(kind, name), seconds=150)


def removed(kind: str, name: str) -> bool:
    done = subprocess.run(["docker", kind, "rm", name], capture_output=True, text=True, check=False)
    return done.returncode == 0 or "not found" in done.stderr.lower() or "no such" in done.stderr.lower()


@pytest.fixture
def browser(instance: Instance) -> Browser:
    """A fresh one, without cookies."""
    path = "/data/caddy/pki/authorities/local/root.crt"
    return Browser(instance.ports[1], docker("exec", instance.container("proxy"), "cat", path))


@pytest.fixture
def token(instance: Instance, browser: Browser) -> str:
    """Of the owner."""
    return browser.token(f"admin@{DOMAIN}", instance.password)


@pytest.fixture
def unchanged(instance: Instance) -> Iterator[None]:
    """Nothing of Docker's or of the instance's files may differ afterwards."""
    before = seen(instance)
    yield
    assert seen(instance) == before


def seen(instance: Instance) -> tuple[object, ...]:
    """Everything but ended containers, which Swarm clears away by and by."""
    objects = {kind: names for kind, names in instance.objects().items() if kind != "container"}
    jobs = lines("ps", "-aq", "--filter", f"label=instancectl.stack={STACK}")
    return instance.tasks(), objects, jobs, (instance.directory / "state/applied.json").read_text()


@pytest.fixture
def layout_as_before(instance: Instance) -> Iterator[None]:
    """The layout's numbers before and after."""
    yield
    instance.configure()
    instance.cli("scale", "release")
    assert instance.cli("plan", "--exit-code").code == 0
