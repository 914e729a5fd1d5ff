"""What a Swarm must do, on the fake and on a real Engine."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from instancectl.core.desired import Network, OneShot
from instancectl.core.secrets import Secret, fingerprint
from instancectl.core.service import (
    Attachment,
    FileRef,
    HealthCheck,
    Mount,
    ServiceSpec,
    UpdatePolicy,
)
from instancectl.errors import OperationFailed, Unreachable
from tests.contract.swarm_harness import FakeHarness, RealHarness

IMAGE = "testbed/base:forky"
QUICK = HealthCheck(("CMD", "true"), interval_seconds=1, timeout_seconds=2, retries=1, start_period_seconds=2)
NEVER = replace(QUICK, test=("CMD", "false"))
ROLLING = UpdatePolicy(order="start-first", monitor_seconds=1)
WEB = ServiceSpec(
    "web",
    IMAGE,
    command=("sleep", "600"),
    init=True,
    stop_grace_seconds=1,
    health=QUICK,
    update=ROLLING,
    restart_delay_seconds=1,
)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def harness(request):
    made = FakeHarness() if request.param == "fake" else RealHarness(f"contract-{uuid.uuid4().hex[:8]}")
    yield made
    made.clean()


@pytest.fixture
def swarm(harness):
    return harness.swarm


@pytest.fixture
def stack(harness):
    return harness.stack


def environment(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def job(*argv: str, name: str = "job", **changes: object) -> OneShot:
    return replace(OneShot(name, IMAGE, argv, networks=(Attachment("edge"),)), **changes)


class TestObserving:
    def test_the_engine_is_described(self, swarm):
        engine = swarm.engine()
        assert engine.swarm == "active"
        assert engine.is_manager
        assert engine.node_id
        assert engine.cores > 0
        assert engine.memory_bytes > 2**29

    def test_a_stack_nobody_created_is_empty(self, swarm, stack):
        assert swarm.observe(stack).empty
        assert swarm.service(stack, "web") is None
        assert swarm.containers(stack) == 0

    def test_node_labels_come_and_go(self, swarm, stack):
        key = f"instancectl.data.{stack}"
        swarm.label_node(swarm.engine().node_id, key, "true")
        assert swarm.engine().node_labels[key] == "true"
        swarm.unlabel_node(swarm.engine().node_id, key)
        swarm.unlabel_node(swarm.engine().node_id, key)
        assert key not in swarm.engine().node_labels


class TestPlaces:
    def test_the_hosts_are_described(self, swarm, stack):
        engine = swarm.engine()
        (node,) = (node for node in swarm.observe(stack).nodes if node.id == engine.node_id)
        assert (node.state, node.availability) == ("ready", "active")
        assert node.name
        assert node.manager_address.endswith(":2377")
        assert node.cores == engine.cores
        assert node.memory_bytes == engine.memory_bytes

    def test_a_replica_says_where_it_runs(self, harness, swarm, stack):
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert {task.node_id for task in swarm.service(stack, "web").tasks} == {swarm.engine().node_id}

    def test_a_replica_waits_until_a_host_may_have_it(self, harness, swarm, stack):
        node, label = swarm.engine().node_id, f"instancectl.web.{stack}"
        swarm.create_service(stack, replace(WEB, constraints=(f"node.labels.{label}==true",)))
        harness.wait_until(lambda: swarm.service(stack, "web").tasks[0].state == "pending")
        swarm.label_node(node, label, "true")
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        swarm.unlabel_node(node, label)
        harness.wait_until(lambda: not swarm.service(stack, "web").running)

    def test_no_host_gets_more_than_its_share(self, harness, swarm, stack):
        swarm.create_service(stack, replace(WEB, replicas=2, max_replicas_per_node=1))
        harness.wait_until(lambda: swarm.service(stack, "web").running == 1)
        waiting = [task for task in swarm.service(stack, "web").tasks if not task.node_id]
        assert [task.state for task in waiting] == ["pending"]
        swarm.update_service(stack, replace(WEB, replicas=2))
        harness.wait_until(lambda: swarm.service(stack, "web").converged)

    def test_another_place_restarts_nothing_that_may_stay(self, harness, swarm, stack):
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        before = harness.live(stack, "web")
        moved = replace(WEB, max_replicas_per_node=3, constraints=("node.hostname!=elsewhere",))
        swarm.update_service(stack, moved)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert swarm.service(stack, "web").spec == moved
        assert harness.live(stack, "web") == before


class TestObjects:
    def test_creating_twice_is_creating_once(self, swarm, stack):
        secret, config = f"{stack}_env-{fingerprint('a')}", f"{stack}_web-conf-{fingerprint('b')}"
        for _ in range(2):
            swarm.create_network(stack, Network("edge"))
            swarm.create_volume(stack, "db")
            swarm.create_secret(stack, secret, Secret("a"))
            swarm.create_config(stack, config, "b")
            swarm.create_service(stack, replace(WEB, command=("sleep", "601")))
        observed = swarm.observe(stack)
        assert observed.networks == {"edge"}
        assert observed.volumes == {"db"}
        assert observed.secrets == {secret}
        assert observed.configs == {config}
        assert set(observed.services) == {"web"}

    def test_removing_what_is_not_there_is_fine(self, swarm, stack):
        for kind in ("service", "network", "volume", "secret", "config", "job"):
            swarm.remove(stack, kind, f"{stack}_none")
        assert swarm.observe(stack).empty

    def test_everything_can_be_removed_again(self, harness, swarm, stack):
        secret = f"{stack}_env-{fingerprint('a')}"
        swarm.create_network(stack, Network("edge", internal=True))
        swarm.create_volume(stack, "db")
        swarm.create_secret(stack, secret, Secret("a"))
        mounts, files = (Mount("/data", "db"),), (FileRef(secret, "/env"),)
        swarm.create_service(
            stack, replace(WEB, mounts=mounts, secrets=files, networks=(Attachment("edge"),))
        )
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert swarm.containers(stack) == 1
        swarm.remove(stack, "service", "web")
        harness.wait_until(lambda: swarm.containers(stack) == 0)
        harness.retry(lambda: swarm.remove(stack, "network", "edge"))
        swarm.remove(stack, "secret", secret)
        harness.retry(lambda: swarm.remove(stack, "volume", "db"))
        assert swarm.observe(stack).empty

    def test_what_is_used_cannot_be_removed(self, harness, swarm, stack):
        secret = f"{stack}_env-{fingerprint('a')}"
        swarm.create_secret(stack, secret, Secret("a"))
        swarm.create_service(stack, replace(WEB, secrets=(FileRef(secret, "/env"),)))
        with pytest.raises(OperationFailed, match="in use"):
            swarm.remove(stack, "secret", secret)

    def test_a_service_whose_secret_is_missing_is_refused(self, swarm, stack):
        missing = FileRef(f"{stack}_env-{fingerprint('a')}", "/env")
        with pytest.raises(OperationFailed):
            swarm.create_service(stack, replace(WEB, secrets=(missing,)))
        assert swarm.service(stack, "web") is None


class TestServices:
    def test_a_new_service_converges_only_when_it_is_healthy(self, harness, swarm, stack):
        swarm.create_service(stack, replace(WEB, replicas=2))
        assert not swarm.service(stack, "web").converged
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        state = swarm.service(stack, "web")
        assert state.spec == replace(WEB, replicas=2)
        assert state.running == 2
        assert {task.slot for task in state.tasks} == {1, 2}
        assert all(task.image == IMAGE and task.container_id for task in state.tasks)

    @pytest.mark.parametrize(
        "changes",
        [
            {"environment": environment(A="2")},
            {"memory_bytes": 64 * 2**20},
            {"restart_delay_seconds": 2},
            {"log_max_megabytes": 5},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_a_changed_replica_is_awaited_whatever_changed(self, harness, swarm, stack, changes):
        """Right after an update the old replica still runs: that is not yet what was asked for."""
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        (old,) = harness.live(stack, "web")
        swarm.update_service(stack, replace(WEB, **changes))
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        (new,) = harness.live(stack, "web")
        assert new != old
        assert swarm.service(stack, "web").spec == replace(WEB, **changes)

    def test_scaling_keeps_the_replicas_that_serve(self, harness, swarm, stack):
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        before = harness.live(stack, "web")
        swarm.update_service(stack, replace(WEB, replicas=2))
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert before < harness.live(stack, "web")
        swarm.update_service(stack, WEB)
        harness.wait_until(lambda: len(harness.live(stack, "web")) == 1)
        assert swarm.service(stack, "web").converged

    def test_a_change_of_how_to_update_restarts_nothing(self, harness, swarm, stack):
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        before = harness.live(stack, "web")
        changed = replace(WEB, update=UpdatePolicy(order="stop-first", monitor_seconds=2))
        swarm.update_service(stack, changed)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert swarm.service(stack, "web").spec == changed
        assert harness.live(stack, "web") == before


class TestBrokenUpdates:
    def test_a_replica_that_never_gets_healthy_is_rolled_back_and_the_old_one_stays(
        self, harness, swarm, stack
    ):
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        before = harness.live(stack, "web")
        broken = replace(WEB, health=NEVER)
        swarm.update_service(stack, broken)
        harness.wait_until(lambda: swarm.service(stack, "web").update_state == "rollback_completed")
        state = swarm.service(stack, "web")
        assert state.spec == WEB
        assert state.converged
        assert harness.live(stack, "web") == before
        assert "unhealthy" in swarm.describe_unhealthy(stack, "web")

    def test_what_was_stopped_first_is_started_again_after_a_rollback(self, harness, swarm, stack):
        first = replace(WEB, update=UpdatePolicy(order="stop-first", monitor_seconds=1))
        swarm.create_service(stack, first)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        before = harness.live(stack, "web")
        swarm.update_service(stack, replace(first, command=("false",)))
        harness.wait_until(lambda: swarm.service(stack, "web").update_state == "rollback_completed")
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert swarm.service(stack, "web").spec == first
        assert not before & harness.live(stack, "web")

    def test_without_rollback_the_update_pauses(self, harness, swarm, stack):
        spec = replace(WEB, update=replace(ROLLING, failure_action="pause"))
        swarm.create_service(stack, spec)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        swarm.update_service(stack, replace(spec, command=("false",)))
        harness.wait_until(lambda: swarm.service(stack, "web").update_state == "paused")
        assert not swarm.service(stack, "web").converged
        assert swarm.service(stack, "web").spec.command == ("false",)

    def test_a_new_service_that_fails_is_started_again_and_again(self, harness, swarm, stack):
        swarm.create_service(stack, replace(WEB, command=("false",)))
        harness.wait_until(
            lambda: sum(task.state == "failed" for task in swarm.service(stack, "web").tasks) >= 3
        )
        state = swarm.service(stack, "web")
        assert not state.converged
        assert "exit code 1" in swarm.describe_unhealthy(stack, "web")


class TestJobs:
    @pytest.fixture(autouse=True)
    def _network(self, swarm, stack):
        swarm.create_network(stack, Network("edge"))

    def test_a_job_returns_its_exit_code_and_leaves_nothing(self, harness, swarm, stack):
        harness.expect_job("job", 3, "hello\n")
        assert swarm.run_once(stack, job("sh", "-c", "echo hello; exit 3")) == (3, "hello\n")
        assert not swarm.observe(stack).jobs

    def test_the_job_of_a_killed_run_is_joined(self, harness, swarm, stack):
        marker = job("sh", "-c", "sleep 1; date +%s%N")
        harness.leave_behind(marker, ended=False)
        assert list(swarm.observe(stack).jobs) == ["job"]
        code, _ = swarm.run_once(stack, marker)
        assert code == 0
        assert harness.times_started == 1
        assert not swarm.observe(stack).jobs

    def test_a_failed_job_that_was_left_behind_is_run_again(self, harness, swarm, stack):
        failing = job("false")
        harness.expect_job("job", 1, "")
        harness.leave_behind(failing, ended=True)
        harness.expect_job("job", 1, "")
        assert swarm.run_once(stack, failing)[0] == 1
        assert harness.times_started == 2

    def test_another_job_of_the_same_name_is_not_mistaken_for_it(self, harness, swarm, stack):
        harness.expect_job("job", 0, "first\n")
        harness.leave_behind(job("echo", "first"), ended=True)
        harness.expect_job("job", 0, "second\n")
        assert swarm.run_once(stack, job("echo", "second")) == (0, "second\n")

    def test_a_job_can_be_removed_by_name(self, harness, swarm, stack):
        harness.leave_behind(job("true"), ended=True)
        swarm.remove(stack, "job", "job")
        assert not swarm.observe(stack).jobs


class TestQuestions:
    def test_commands_run_inside_a_replica(self, harness, swarm, stack):
        with pytest.raises(Unreachable, match="no replica of `web`"):
            swarm.run_in(stack, "web", ("true",))
        swarm.create_service(stack, WEB)
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert swarm.run_in(stack, "web", ("echo", "hello")) == (0, "hello\n")
        assert swarm.run_in(stack, "web", ("false",))[0] == 1

    def test_an_image_answers_without_a_service(self, swarm, stack):
        assert swarm.run_image(IMAGE, ("echo", "hello")) == (0, "hello\n")

    def test_a_local_image_keeps_its_name(self, swarm):
        assert swarm.resolve_image(IMAGE, pull=False) == IMAGE
        assert swarm.resolve_image(IMAGE, pull=True) == IMAGE

    def test_an_image_nobody_has_is_none_or_cannot_be_pulled(self, swarm):
        assert swarm.resolve_image("nobody.invalid/none:1", pull=False) is None
        with pytest.raises(Unreachable, match=r"cannot pull the image `nobody\.invalid/none:1`"):
            swarm.resolve_image("nobody.invalid/none:1", pull=True)

    def test_the_last_lines_of_a_log_are_read(self, harness, swarm, stack):
        harness.expect_log("web", ["one", "two", "three"])
        talking = ("sh", "-c", "echo one; echo two; echo three; sleep 600")
        swarm.create_service(stack, replace(WEB, command=talking))
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        assert list(swarm.logs(stack, "web", tail=2, follow=False, since=0)) == ["two", "three"]
        assert list(swarm.logs(stack, "web", tail=0, follow=False, since=0)) == ["one", "two", "three"]

    # The SDK leaves the connection of a log nobody follows any more to the garbage collector.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_following_a_log_waits_longer_than_an_answer_may_take(self, harness, swarm, stack):
        harness.expect_log("web", ["one", "two"])
        harness.answers_within(seconds=2)
        talking = ("sh", "-c", "echo one; sleep 5; echo two; sleep 600")
        swarm.create_service(stack, replace(WEB, command=talking))
        harness.wait_until(lambda: swarm.service(stack, "web").converged)
        lines = swarm.logs(stack, "web", tail=0, follow=True, since=0)
        assert [next(lines), next(lines)] == ["one", "two"]
        lines.close()
