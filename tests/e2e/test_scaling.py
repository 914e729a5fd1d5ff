"""Scaling of a deployed instance: by hand, by the autoscaler in a surge, and no job lost."""

from __future__ import annotations

import json
import os
import time

import pytest

from instancectl.adapters.sqlite.scaling_record import SqliteScalingRecord
from tests.e2e.autoscaler import OBJECTIVE, PUSH, agent, busy, configured, mode, running, seen
from tests.e2e.host import Instance, docker, eventually
from tests.e2e.peers import Flow, Peers, Waited

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("layout_as_before")]

ANSWER_SECONDS = 1.0
FLOW = 42.0
"""Deliveries a second: one process of 25 threads and the base process carry 30 at a second each."""

SURGE = 75
"""Seconds: time enough to notice, to start a process on a busy machine and to work the backlog off."""


class TestByHand:
    def test_a_number_is_kept_by_a_deploy_and_given_back(self, instance: Instance) -> None:
        shown = instance.cli("--json", "scale", "show").document["data"]["services"]
        assert {row["service"] for row in shown} >= {"web", PUSH}
        before = instance.tasks()
        assert "1 → 2" in instance.cli("scale", "set", f"{PUSH}=2").out
        after = instance.tasks()
        assert set(before[PUSH]) < set(after[PUSH])
        assert len(after[PUSH]) == 2
        assert {name: ids for name, ids in before.items() if name != PUSH} == {
            name: ids for name, ids in after.items() if name != PUSH
        }
        assert instance.cli("plan", "--exit-code").code == 0
        assert instance.cli("--json", "scale", "set", f"{PUSH}=2").document["status"] == "unchanged"
        assert instance.cli("--json", "deploy").document["status"] == "unchanged"
        assert running(instance, PUSH) == 2
        instance.cli("scale", "release", PUSH)
        assert running(instance, PUSH) == 1

    def test_what_does_not_fit_is_refused_with_the_arithmetic(self, instance: Instance) -> None:
        before = instance.tasks()
        cores = os.cpu_count() or 1
        refused = instance.cli("scale", "set", f"{PUSH}={cores + 1}", expect=7)
        assert f"{cores} cores" in refused.err
        assert "exactly one" in instance.cli("scale", "set", "sidekiq=2", expect=7).err
        assert "somebody always waits" in instance.cli("scale", "set", "sidekiq-mailers=0", expect=7).err
        instance.configure(database__max_connections=120, database__pgbouncer="off")
        refused = instance.cli("scale", "set", f"{PUSH}=2", expect=7)
        assert "connections: " in refused.err
        assert "= 121 > 120" in refused.err
        assert instance.tasks() == before

    def test_jobs_that_run_while_their_process_leaves_are_not_lost(self, instance: Instance) -> None:
        with Peers(4, seconds=4.0) as peers:
            instance.cli("scale", "set", f"{PUSH}=2")
            flow = Flow(instance, peers)
            flow.send(150)
            eventually(lambda: busy(instance) >= 40, seconds=60)
            told = instance.cli("scale", "set", f"{PUSH}=1")
            assert "finish their jobs" in told.out
            flow.settle()
            assert sorted(peers.received) == list(range(150))
            again = sum(count - 1 for count in peers.received.values())
            print(f"150 jobs, 0 lost, {again} delivered twice")


class TestTune:
    @pytest.mark.slow
    def test_measured_threads_reach_a_running_instance_and_nothing_else(self, instance: Instance) -> None:
        before = instance.tasks()
        now = time.time()
        record = SqliteScalingRecord(instance.directory / "state" / "scaling.sqlite3")
        for tick in range(60):  # ten minutes in which two busy threads took two fifths of a core
            record.keep(now - 10 * tick, {}, {"services": {PUSH: [1, 0, 0, 2, 0.4, 300]}}, [])
        record.close()
        words = ("scale", "tune", "--apply", "--only", "--last", "6h")  # as the agent types it
        instance.configure(proxy__cache_mib=300)
        assert "no matter of threads" in instance.cli("--yes", *words, expect=7).err
        instance.configure()
        done = instance.cli("--yes", *words)
        assert f"`{PUSH}`: 25 → 4 threads" in done.out
        assert instance.cli("plan", "--exit-code").code == 0
        after = instance.tasks()
        assert [name for name in before if before[name] != after[name]] == [PUSH]
        environment = docker("exec", instance.container(PUSH), "printenv", "SIDEKIQ_CONCURRENCY")
        assert environment.strip() == "4"
        assert "tuned" in {entry["event"] for entry in instance.journal()}
        instance.configure()
        instance.cli("deploy")


class TestSurge:
    def test_it_gives_up_and_gives_back_what_the_admin_had(self, instance: Instance) -> None:
        assert mode(instance) == "open"
        done = instance.cli("surge", "on", "--until", "1h")
        assert "wait for approval" in done.out
        assert mode(instance) == "approved"
        again = instance.cli("surge", "on", "--until", "2h")  # as after a kill: nothing more is recorded
        assert "declared" in again.out
        assert "open" in instance.cli("surge", "off").out
        assert mode(instance) == "open"
        assert instance.cli("--json", "surge", "off").document["status"] == "unchanged"

    def test_a_mode_that_somebody_set_meanwhile_stands(self, instance: Instance) -> None:
        instance.cli("surge", "on")
        instance.cli("tootctl", "settings", "registrations", "close")
        try:
            assert "that stands" in instance.cli("surge", "off").out
            assert mode(instance) == "none"
        finally:
            instance.cli("tootctl", "settings", "registrations", "open")


class TestAutomatic:
    @pytest.mark.slow
    def test_fixed_capacity_breaks_its_objective_and_the_autoscaler_restores_it(
        self, instance: Instance
    ) -> None:
        with Peers(4, seconds=ANSWER_SECONDS) as peers:
            fixed = self.surge(instance, peers, "advise", SURGE)
            print(f"fixed: the oldest delivery waited {fixed.longest:.1f} s of {OBJECTIVE} s")
            assert fixed.last > OBJECTIVE
            assert running(instance, PUSH) == 1
            started = time.time()
            scaled = self.surge(instance, peers, "auto", SURGE)
            verdict = "held" if scaled.longest <= OBJECTIVE else "restored"
            print(f"auto: {verdict}; at worst {scaled.longest:.1f} s, at the end {scaled.last:.1f} s")
            grown = next(one for one in seen(instance) if one["at"] > started and one["outcome"] == "done")
            print(f"{grown['at'] - started:.1f} s after the surge began: {grown['reason']}")
            assert scaled.last <= OBJECTIVE, "the flow has not ended, and the objective is broken still"
            assert scaled.longest < fixed.longest
            assert instance.cli("plan", "--exit-code").code == 0

    def surge(self, instance: Instance, peers: Peers, scaling: str, seconds: float) -> Waited:
        configured(instance, scaling)
        instance.cli("scale", "release")
        flow = Flow(instance, peers)
        peers.received.clear()
        with agent(instance):
            time.sleep(12)  # a first sample, so that processor time is known
            waited = flow.keep_up(FLOW, seconds)
            if scaling == "auto":
                self.first_worker(instance)
            flow.settle()
        return waited

    def first_worker(self, instance: Instance) -> None:
        """From the threat to a second process that works: by Swarm's and Redis' own records."""
        assert running(instance, PUSH) == 2
        known = set(instance.tasks()[PUSH])
        made = [json.loads(docker("inspect", task, "--format", "{{json .}}")) for task in known]
        newest = max(made, key=lambda task: task["CreatedAt"])
        container = newest["Status"]["ContainerStatus"]["ContainerID"][:12]
        beat = next(
            name for name in instance.redis("SMEMBERS", "processes").split() if name.startswith(container)
        )
        works = json.loads(instance.redis("HGET", beat, "info"))["started_at"]
        decided = next(one["at"] for one in reversed(seen(instance)) if one["outcome"] == "done")
        threatened = decided - 10  # the sample before did not ask for it
        print(f"decision → a new process works: {works - decided:.1f} s; detection at most 10 s before")
        assert works - threatened <= 30

    def test_killed_at_its_decision_the_next_agent_goes_on(self, instance: Instance) -> None:
        configured(instance, "auto")
        instance.cli("scale", "release")
        with Peers(4, seconds=ANSWER_SECONDS) as peers:
            flow = Flow(instance, peers)
            before = len(seen(instance))
            with agent(instance) as first:
                time.sleep(5)
                flow.send(1500)
                # The decision is written down before it is acted upon.
                eventually(lambda: len(seen(instance)) > before, seconds=60, pause=0.01)
                first.kill()
            with agent(instance):
                eventually(lambda: running(instance, PUSH) == 2, seconds=60)
                recorded = json.loads((instance.directory / "state/applied.json").read_text())["scale"]
                assert recorded[PUSH] == 2
                flow.settle(seconds=180)
            assert sorted(peers.received) == list(range(flow.sent))
