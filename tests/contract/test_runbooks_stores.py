"""What runbooks ask PostgreSQL and Redis is answered by a real PostgreSQL and a real Redis."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.contract.standin_harness import docker
from tests.contract.store_containers import PASSWORD, postgres, redis
from tests.docs.runbooks import RUNBOOKS, commands

pytestmark = pytest.mark.contract

FILLED = {"(PID)": "(0)", "TABLE": "pg_catalog.pg_class"}
ASKED = sorted(
    {command for path in RUNBOOKS for command in commands(path) if command.startswith("docker exec ")}
)


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, str]]:
    """What finds a container in a runbook → a container that is there."""
    with postgres() as database, redis() as keys:
        password = f"mkdir -p /run/secrets && printf %s {PASSWORD} > /run/secrets/redis_password"
        docker("exec", keys, "sh", "-c", password)
        yield {
            "$(docker ps -qf name=STACK_db.1)": database,
            "$(docker ps -qf name=STACK_redis.1)": keys,
        }


@pytest.mark.parametrize("command", ASKED)
def test_it_is_answered(stores: dict[str, str], command: str) -> None:
    for found, instead in {**stores, **FILLED}.items():
        command = command.replace(found, instead)
    assert "STACK" not in command
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, (command, done.stderr)
    assert not done.stdout.startswith(("ERR", "NOAUTH", "WRONG"))


def test_there_is_something_to_ask() -> None:
    assert len(ASKED) > 10
