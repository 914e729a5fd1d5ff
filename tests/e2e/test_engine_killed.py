"""`kill -9` of the Docker Engine under a deploy."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from tests.e2e.engine import Engine, possible
from tests.e2e.host import STACK, Instance, eventually

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not possible(), reason="needs root, and dockerd, unshare, nsenter and ip"),
]
MOMENTS = (("prepare-schema", "schema", 2.0), ("wait-services", "web", 2.0))
"""Step, a word of its summary, and how many seconds into it the Engine dies."""


@pytest.fixture
def engine(images, tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine"))
    try:
        made.start()
        made.load(*(images[key] for key in ("web", "streaming", "db", "redis", "proxy", "cache", "mail")))
        yield made
    finally:
        made.close()


def step_begins(
    instance: Instance, run: subprocess.Popen[str], moment: tuple[str, str, float], after: int
) -> bool:
    """Whether such a step is among what the journal got after its first `after` entries."""
    assert run.poll() is None, run.communicate()
    step, word, _ = moment
    return any(
        entry["event"] == "step-started" and entry["step"] == step and word in entry["summary"]
        for entry in instance.journal()[after:]
    )


def deploy_and_kill(instance: Instance, engine: Engine, moment: tuple[str, str, float]) -> None:
    before = len(instance.journal())
    run = instance.start("--json", "deploy")
    eventually(lambda: step_begins(instance, run, moment, before), seconds=180, pause=0.05)
    time.sleep(moment[2])
    engine.kill()
    out, err = run.communicate(timeout=120)
    assert run.returncode in {6, 8}, (out, err)
    assert json.loads(out)["errors"][0]["hint"]
    assert "Traceback" not in err


@pytest.fixture
def instance(engine: Engine, images, tmp_path):
    made = Instance(
        tmp_path / "instance", images, prefix=engine.prefix, variables={"DOCKER_HOST": engine.address}
    )
    made.configure()
    return made


def sql(instance: Instance, engine: Engine, query: str) -> list[str]:
    database = engine.docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={STACK}_db")
    password = instance.secret_values()["DB_PASS"]
    psql = ("psql", "-h", "127.0.0.1", "-U", "mastodon", "-d", "mastodon_production", "-qtAX", "-c", query)
    return engine.docker("exec", "--env", f"PGPASSWORD={password}", database, *psql).split()


def test_a_deploy_goes_on_once_the_engine_is_back(engine: Engine, instance: Instance):
    for moment in MOMENTS:
        deploy_and_kill(instance, engine, moment)
        engine.start()

    last = instance.cli("--json", "deploy").document

    assert last["status"] == "changed"
    assert instance.cli("plan", "--exit-code").code == 0
    running = engine.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
    replicas = dict(line.split() for line in running.splitlines())
    assert len(replicas) == 11
    assert set(replicas.values()) == {"1/1"}
    mine = ("--filter", f"label=com.docker.stack.namespace={STACK}", "--format", "{{.Name}}")
    for kind, count in (("network", 2), ("volume", 6), ("secret", 4), ("config", 3)):
        assert len(engine.docker(kind, "ls", *mine).split()) == count, kind
    assert not engine.docker("ps", "-aq", "--filter", f"label=instancectl.stack={STACK}")
    assert sql(instance, engine, "SELECT count(*) FROM users") == ["1"]
    versions = sql(instance, engine, "SELECT version FROM schema_migrations")
    assert versions
    assert len(set(versions)) == len(versions)
