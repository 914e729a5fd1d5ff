"""The surge of tests/captured/README.md, on the layout that instancectl deploys, and on both of the capture.

    sudo .venv/bin/python tests/benchmarks/surge.py                 about twelve minutes, on a quiet machine
    sudo .venv/bin/python tests/benchmarks/surge.py --seconds 20    to see that it works

Each layout gets the same: sign-ups, people who read their home timeline, strangers who read one post, and
17,000 feed inserts and 4,000 deliveries that wait from the start. Mail and other servers answer after 0.3 s.

    stock   one Sidekiq with 5 threads, no cache, Docker's own weights
    tuned   the queues apart, threads and weights as tuned by hand in the capture, with the cache
    ours    as deployed, with the agent in `auto`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

from by_hand import job  # noqa: E402 - the path comes first
from stack import OWNER, STACK, BenchmarkError, Instance, docker, instance, wait_until  # noqa: E402 - the path comes first
from surge_crowd import CROWD  # noqa: E402 - the path comes first

from instancectl.core.scaling.drill_scripts import WORLD  # noqa: E402 - the path comes first

WAIT_SECONDS = "0.3"
THREADS = {"sidekiq-default": 5, "sidekiq-mailers": 10, "sidekiq-push": 25}
STEEP = {"web": 16384, "sidekiq-mailers": 512, "sidekiq-default": 64, "sidekiq-push": 64}
DOCKERS_OWN = 1024
SETTLE_SECONDS = 20


@dataclass(frozen=True)
class Bound:
    """A figure of ours against the stock layout's: a multiple that must be reached, or not be exceeded."""

    name: str
    key: str
    factor: float
    at_least: bool = False

    def holds(self, ours: float, stock: float) -> bool:
        return ours >= self.factor * stock if self.at_least else ours <= self.factor * stock


BOUNDS = (
    Bound("feed inserts a second", "inserts", 5.0, at_least=True),
    Bound("deliveries a second", "deliveries", 3.5, at_least=True),
    Bound("sign-ups taken, share", "taken", 1.0, at_least=True),
    Bound("sign-up p95, s", "signup_p95", 1.0),
    Bound("mail after sign-up p95, s", "mail_p95", 1.0),
    Bound("home timeline p50, s", "home_p50", 1.3),
    Bound("home timeline p95, s", "home_p95", 2.0),
)


def services() -> list[str]:
    """Of the stack, without its prefix."""
    names = docker("service", "ls", "--filter", f"name={STACK}_", "--format", "{{.Name}}").split()
    return [name.removeprefix(f"{STACK}_") for name in names]


def changed(service: str, *words: str) -> None:
    """One service, until it has converged."""
    docker("service", "update", "--quiet", "--no-resolve-image", *words, f"{STACK}_{service}")


def weighed(weights: dict[str, int], others: int) -> None:
    """Every container of the stack."""
    for service in services():
        label = f"label=com.docker.swarm.service.name={STACK}_{service}"
        for container in docker("ps", "-q", "--filter", label).split():
            docker("update", "--cpu-shares", str(weights.get(service, others)), container)


def stock() -> None:
    """As upstream's compose file has it; Puma is as it was before."""
    for service in services():
        if service.startswith("sidekiq-"):
            changed(service, "--replicas", "0")
    # Without words of ours it goes by the weights of Mastodon's own `config/sidekiq.yml`.
    changed("sidekiq", "--env-add", "SIDEKIQ_CONCURRENCY=5", "--args", "bundle exec sidekiq")
    weighed({}, DOCKERS_OWN)


def tuned() -> None:
    """As tuned by hand; Puma as in the capture, whatever the agent had made of it."""
    changed("web", "--force", "--env-add", "WEB_CONCURRENCY=2", "--env-add", "MAX_THREADS=5")
    for service in services():
        threads = ("--env-add", f"SIDEKIQ_CONCURRENCY={THREADS[service]}") if service in THREADS else ()
        if service.startswith("sidekiq-"):
            changed(service, "--replicas", "1", *threads)
    weighed(STEEP, 32)


@contextlib.contextmanager
def ours(made: Instance) -> Iterator[None]:
    """With the agent beside it, from before the load until after it."""
    words = (
        "-m",
        "instancectl",
        "--config",
        str(made.directory),
        "agent",
        "run",
        "--listen",
        "127.0.0.1:29394",
    )
    agent = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    try:
        time.sleep(SETTLE_SECONDS)
        if agent.poll() is not None:
            raise BenchmarkError(f"the agent ended with {agent.returncode}")
        yield
    finally:
        agent.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            agent.wait(20)
        agent.kill()


@contextlib.contextmanager
def world(image: str) -> Iterator[None]:
    """Other servers, which answer after a while."""
    made = docker(
        "run", "--detach", "--network", f"{STACK}_edge", "--network-alias", "world",
        "--env", f"DRILL_WAIT={WAIT_SECONDS}", "--entrypoint", "ruby", image, "-e", WORLD,
    ).strip()  # fmt: skip
    try:
        yield
    finally:
        docker("rm", "--force", made)


def loaded(made: Instance, image: str, dotenv: str, read: str, seconds: int) -> dict[str, Any]:
    """What the crowd saw; strangers read from `read` (`HOST:PORT`)."""
    wait_until(made.converged, "every service serves")
    wishes = {
        "SURGE_SECONDS": str(seconds), "SURGE_READ": read,
        "SURGE_EMAIL": OWNER, "SURGE_PASSWORD": made.password,
    }  # fmt: skip
    with world(image):
        said = job(image, dotenv, ("bin/rails", "runner", CROWD), wishes)
    found = next((line for line in reversed(said.splitlines()) if line.startswith("surge: ")), "")
    if not found:
        raise BenchmarkError(f"the crowd said nothing of use:\n{said[-1000:]}")
    answer: dict[str, Any] = json.loads(found.removeprefix("surge: "))
    return answer


def measured(seconds: int) -> dict[str, dict[str, Any]]:
    """Every layout, ours first: it is what was deployed."""
    found: dict[str, dict[str, Any]] = {}
    with instance() as made:
        made.set("scaling", "mode", '"auto"')
        made.set("registrations", "mode", '"open"')
        made.deploy()
        changed("mail", "--env-add", f"TESTBED_SMTP_DELAY_SECONDS={WAIT_SECONDS}")
        web = made.container("web")
        dotenv = docker("exec", web, "cat", "/opt/mastodon/.env.production")
        image = docker("inspect", "--format", "{{.Config.Image}}", web).strip()
        with ours(made):
            found["ours"] = loaded(made, image, dotenv, "cache:8080", seconds)
        layouts: dict[str, tuple[Callable[[], None], str]] = {
            "tuned": (tuned, "cache:8080"), "stock": (stock, "web:3000"),
        }  # fmt: skip
        for name, (lay_out, read) in layouts.items():
            lay_out()
            found[name] = loaded(made, image, dotenv, read, seconds)
    return found


def report(found: dict[str, dict[str, Any]]) -> bool:
    """The table, and whether every bound holds."""
    print(f"\n{'':28}{'stock':>10}{'tuned':>10}{'ours':>10}{'ratio':>9}  bound")
    good = True
    for bound in BOUNDS:
        # Nothing was answered: that is as late as can be.
        each = {
            name: float("inf") if one[bound.key] is None else one[bound.key] for name, one in found.items()
        }
        holds = bound.holds(each["ours"], each["stock"])
        good &= holds
        ratio = each["ours"] / each["stock"] if each["stock"] else float("inf")
        row = "".join(f"{each[name]:10.2f}" for name in ("stock", "tuned", "ours"))
        sign = "≥" if bound.at_least else "≤"
        print(f"{bound.name:28}{row}{ratio:8.2f}×  {sign} {bound.factor:g} × {'' if holds else 'MISSED'}")
    for name, one in found.items():
        print(f"{name}: {json.dumps(one)}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=90, help="of load on each layout")
    seconds: int = parser.parse_args().seconds
    try:
        return 0 if report(measured(seconds)) else 1
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
