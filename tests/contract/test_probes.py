"""Probes and questions against a small instance whose dependencies really die.

The table of what fails without what is Mastodon's own; `test_standin_web` holds the stand-in to it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence

import pytest

from instancectl.adapters.daemon_threads import DaemonThreads
from instancectl.core import questions
from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import registry, report
from instancectl.core.config import InstanceConfig
from instancectl.core.observed import Engine, Observed, ServiceState, Task
from instancectl.core.service import ServiceSpec
from instancectl.errors import Unreachable
from instancectl.operations.check import Senses, Subject, gather
from tests.contract.standin_harness import DOMAIN, Standin, built_images, docker, eventually
from tests.fakes.host import FakeHost
from tests.fakes.http import FakeHttp
from tests.fakes.mail_server import FakeMailServer
from tests.fakes.names import FakeDns
from tests.fakes.own_host import fresh_host
from tests.fakes.time_source import FakeTime

pytestmark = pytest.mark.contract

SERVICES = ("db", "redis", "web", "streaming", "sidekiq")
ASKED = ("postgresql", "redis", "web", "federation", "api", "streaming", "sidekiq", "queues", "scheduler")


class StandinContainers:
    """`ports.container_probe.ContainerProbe` over the containers of one stand-in."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin

    def observe(self, stack: str) -> Observed:
        engine = Engine("20.10.24", "1.41", "active", True, "n", {}, 2, 8 * 1024**3)
        return Observed(engine, {name: self.state(name) for name in SERVICES})

    def state(self, name: str) -> ServiceState:
        running = self.standin.exit_code(name) is None
        task = Task(name, 1, "running" if running else "failed", "running", name)
        return ServiceState(name, ServiceSpec(name, name), tasks=(task,))

    def resolve_image(self, reference: str, *, pull: bool) -> str | None:
        return reference

    def run_in(self, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
        if service not in SERVICES or self.standin.exit_code(service) is not None:
            raise Unreachable(f"no replica of `{service}` runs on this host")
        done = subprocess.run(
            ["docker", "exec", self.standin.name(service), *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def run_image(self, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
        raise AssertionError("nothing is asked of an image while services run")


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    images = built_images("mastodon", "mastodon-streaming", "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("probes"), images, cost="0") as here:
        here.stores()
        password = here.settings["REDIS_PASSWORD"]
        here.start("redis", "redis", "redis-server", "--requirepass", password, "--appendonly", "yes")
        for name, password in (("db", here.settings["DB_PASS"]), ("redis", here.settings["REDIS_PASSWORD"])):
            script = f"mkdir -p /run/secrets && printf %s '{password}' > /run/secrets/{name}_password"
            docker("exec", "--user", "root", here.name(name), "sh", "-c", script)
        assert here.run("bin/rails", "db:setup").code == 0
        here.create_user("admin", "--role", "Owner")
        here.start("web", "mastodon", "bundle", "exec", "puma", "-C", "config/puma.rb")
        here.start("sidekiq", "mastodon", "bundle", "exec", "sidekiq")
        here.start("streaming", "mastodon-streaming")
        eventually(lambda: not failed(judged(here)[0]), seconds=120)
        yield here


def judged(standin: Standin) -> tuple[dict[str, Finding], str]:
    config = InstanceConfig.model_validate(
        {"instance": {"domain": DOMAIN}, "owner": {"email": f"admin@{DOMAIN}"}}
    )
    senses = Senses(
        StandinContainers(standin),
        FakeHost(),
        FakeDns(),
        FakeMailServer(),
        FakeHttp(),
        FakeTime(),
        DaemonThreads(),
        fresh_host(),
    )
    subject = Subject(config, Applied(local_domain=DOMAIN, owner_done=True), ())
    checks = registry.chosen(ASKED)
    facts = gather(senses, subject, registry.looks(checks))
    found = registry.findings(registry.judge(checks, facts))
    return {one.check: one for one in found}, report.headline(facts, found)


def failed(found: dict[str, Finding]) -> set[str]:
    return {slug for slug, one in found.items() if one.severity is Severity.FAIL}


def test_an_instance_that_runs_well_is_well(standin: Standin) -> None:
    found, headline = judged(standin)
    assert {one.severity for one in found.values()} == {Severity.OK}, found
    assert "is well" in headline


def test_without_postgresql_exactly_what_needs_it_fails_and_says_so(standin: Standin) -> None:
    with standin.without("db"):
        found, headline = eventually(lambda: streaming_back(standin), seconds=120)
        assert failed(found) == {"postgresql", "federation", "streaming"}
        assert "because PostgreSQL is down" in found["federation"].seen
        assert found["api"].severity is Severity.OK
        assert found["web"].severity is Severity.OK
        assert "PostgreSQL is down, which shows in federation, streaming" in headline
    eventually(lambda: not failed(judged(standin)[0]), seconds=120)


def streaming_back(standin: Standin) -> tuple[dict[str, Finding], str]:
    """Streaming ends with 0 when it loses PostgreSQL; an orchestrator starts it again."""
    if standin.exit_code("streaming") is not None:
        docker("start", standin.name("streaming"))
    found, headline = judged(standin)
    assert "answered 500" in found["streaming"].seen
    return found, headline


def test_without_redis_exactly_what_needs_it_fails_and_background_work_is_unknown(standin: Standin) -> None:
    with standin.without("redis"):
        found, headline = judged(standin)
        assert failed(found) == {"redis", "api"}
        assert {slug for slug, one in found.items() if one.severity is Severity.UNKNOWN} == {
            "sidekiq", "queues", "scheduler",
        }  # fmt: skip
        assert "Redis is down, which shows in api" in headline
    eventually(lambda: not failed(judged(standin)[0]), seconds=120)


def test_a_dead_streaming_is_told_as_a_replica_that_is_not_there(standin: Standin) -> None:
    with standin.without("streaming"):
        found, _ = judged(standin)
        assert failed(found) == {"streaming"}
        assert "no replica is in the network" in found["streaming"].seen
    eventually(lambda: not failed(judged(standin)[0]), seconds=120)


def test_a_refusal_is_told_in_the_words_of_the_database(standin: Standin) -> None:
    argv = [word.replace("-d mastodon_production", "-d elsewhere") for word in questions.POSTGRES_ARGV]
    _, output = StandinContainers(standin).run_in("", "db", argv)
    assert questions.read_postgres(output) is None
    assert 'database "elsewhere" does not exist' in output


def test_versions_of_what_runs_are_read(standin: Standin) -> None:
    containers = StandinContainers(standin)
    postgres = questions.read_postgres(containers.run_in("", "db", questions.POSTGRES_ARGV)[1])
    redis = questions.read_redis(containers.run_in("", "redis", questions.REDIS_ARGV)[1])
    assert postgres is not None
    assert postgres.version[0] == 18
    assert postgres.max_connections == 100
    assert postgres.text_order is None  # this one orders by bytes
    assert redis is not None
    assert redis.version[0] == 8
    assert len(redis.processes) == 1
