"""The autoscaler while something else is broken: mail, PostgreSQL's connections, a worker that is killed."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.autoscaler import PUSH, agent, busy, configured, running, seen
from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, STACK, Instance, docker, eventually
from tests.e2e.peers import Flow, Peers

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.usefixtures("layout_as_before")]

MAILERS = "sidekiq-mailers"
MAIL_DOWN_SECONDS = 600
MAIL_AGAIN_SECONDS = 90
"""From the server's return to the last mail; in their own turn some would go ten minutes later."""
CONNECTIONS = 200  # what the instance of these tests is configured with


def test_ten_minutes_without_a_mail_server_cost_no_mail_and_no_workers(
    instance: Instance, browser: Browser
) -> None:
    configured(instance, "auto")
    with agent(instance):
        with _stopped("mail"):
            down = time.monotonic()
            waiting = _signed_up(instance, 8)
            told = eventually(
                lambda: [one for one in seen(instance, "mailers") if one["rule"] == "breaker"], seconds=120
            )
            print(f"told after {time.monotonic() - down:.0f} s: {told[0]['reason']}")
            while time.monotonic() - down < MAIL_DOWN_SECONDS:
                assert running(instance, MAILERS) == 1
                time.sleep(5)
        up = time.monotonic()
        waiting += _signed_up(instance, 4)
        eventually(lambda: not set(waiting) - _receivers(browser), seconds=MAIL_AGAIN_SECONDS, pause=1)
        print(f"all {len(waiting)} mails are there {time.monotonic() - up:.0f} s after the server is back")
    (again,) = [one for one in seen(instance, "mailers") if one["kind"] == "retry"]
    assert again["outcome"] == "done"
    assert not [one for one in seen(instance, MAILERS) if one["kind"] == "replicas"]


def _signed_up(instance: Instance, number: int) -> list[str]:
    """Addresses that shall each get a confirmation; made inside, where nobody counts sign-ups."""
    emails = [f"grace{secrets.token_hex(4)}@{DOMAIN}" for _ in range(number)]
    ruby = """ARGV.each { |email| Registration.new({ username: email[/^\\w+/], email: email,
        password: SecureRandom.hex }, address: '192.0.2.1').call.persisted? || abort(email) }"""
    docker("exec", instance.container("web"), "bin/rails", "runner", ruby, *emails)
    return emails


def _receivers(browser: Browser) -> set[str]:
    return {one["To"][0]["Address"] for one in browser.mails()}


@contextlib.contextmanager
def _stopped(service: str) -> Iterator[None]:
    docker("service", "scale", f"{STACK}_{service}=0")
    try:
        yield
    finally:
        docker("service", "scale", f"{STACK}_{service}=1")


def test_no_worker_is_added_while_postgresql_has_no_connection_left(instance: Instance) -> None:
    configured(instance, "auto")
    with Peers(4, seconds=1.0) as peers, agent(instance):
        flow = Flow(instance, peers)
        time.sleep(12)
        with _all_connections_taken(instance):
            flow.send(1500)
            eventually(lambda: seen(instance), seconds=60)
            until = time.monotonic() + 60
            while time.monotonic() < until:
                assert running(instance, PUSH) <= 1  # one that finds no connection starts again and again
                time.sleep(2)
            print("; ".join(sorted({str(one["reason"]) for one in seen(instance)})))
            assert not [one for one in seen(instance) if one["kind"] == "replicas"]
        flow.send(1500)
        eventually(lambda: running(instance, PUSH) == 2, seconds=120)
        flow.settle(seconds=300)


@contextlib.contextmanager
def _all_connections_taken(instance: Instance) -> Iterator[None]:
    """By people, so to speak, who sit in `psql`; those that find no connection left try again."""
    login = 'export PGPASSWORD="$(cat /run/secrets/db_password)"'
    one = "psql -h 127.0.0.1 -U mastodon -d mastodon_production -Xqc 'select pg_sleep(600)' 2>&-"
    script = f"{login}; for _ in $(seq {CONNECTIONS}); do (until {one}; do sleep 1; done) & done; wait"
    words = ("docker", "exec", instance.container("db"), "bash", "-c", script)
    taking = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: "too many clients" in _refusal(instance), seconds=60, pause=1)
        yield
    finally:
        docker("exec", instance.container("db"), "pkill", "-f", "for _ in", check=False)
        docker("exec", instance.container("db"), "pkill", "-x", "psql", check=False)
        taking.kill()
        taking.wait()


def _refusal(instance: Instance) -> str:
    login = (
        'PGPASSWORD="$(cat /run/secrets/db_password)" psql -h 127.0.0.1 -U mastodon -d mastodon_production'
    )
    words = ("docker", "exec", instance.container("db"), "sh", "-c", f"{login} -Xqc 'select 1'")
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30).stderr


def test_a_killed_worker_is_replaced_and_costs_the_jobs_in_its_hands_at_most(instance: Instance) -> None:
    configured(instance, "auto")
    with Peers(4, seconds=4.0) as peers, agent(instance):
        flow = Flow(instance, peers)
        flow.send(300)
        eventually(lambda: busy(instance) >= 20, seconds=60)
        # Which of them it is must be asked: the agent may have added one meanwhile.
        container = instance.container(PUSH)
        label = '{{index .Config.Labels "com.docker.swarm.task.id"}}'
        task = docker("inspect", container, "--format", label).strip()
        wanted, in_hand = running(instance, PUSH), busy(instance)
        docker("kill", "--signal", "KILL", container)
        eventually(lambda: task not in instance.tasks()[PUSH], seconds=60)
        eventually(lambda: running(instance, PUSH) >= wanted, seconds=60)
        eventually(lambda: not int(instance.redis("LLEN", "queue:push")) and not busy(instance), seconds=180)
        eventually(lambda: 300 - len(peers.received) <= in_hand, seconds=60)
        # Sidekiq itself keeps no record of what a killed process had begun.
        lost = 300 - len(peers.received)
        print(f"300 deliveries, {lost} lost with a process that had up to {in_hand} in hand")
