"""PostgreSQL asked over our own protocol code, as a role that can do nothing else."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from instancectl.adapters.postgres import PostgresLine
from instancectl.core.monitoring import postgres as questions
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Unreachable
from tests.contract.store_containers import PASSWORD, docker, frozen, network_of, postgres, sql
from tests.fakes.database_line import FakeDatabaseLine

contract = pytest.mark.contract

SCHEMA = """
create table users (id serial, email text, disabled boolean not null default false, confirmed_at timestamp,
  approved boolean not null default true, created_at timestamp not null);
create table reports (id serial, comment text, action_taken_at timestamp, created_at timestamp not null);
create table software_updates (version text, type integer, urgent boolean);
insert into users (email, confirmed_at, approved, disabled, created_at) values
  ('a', now() at time zone 'utc', true, false, now() at time zone 'utc' - interval '2 hours'),
  ('b', null, true, false, now() at time zone 'utc' - interval '3 hours'),
  ('c', now() at time zone 'utc', false, false, now() at time zone 'utc' - interval '2 days'),
  ('d', now() at time zone 'utc', true, true, now() at time zone 'utc' - interval '9 days');
insert into reports (comment, created_at) values ('x', now() at time zone 'utc' - interval '1 hour');
insert into software_updates values ('4.6.4', 0, true);
"""


OPEN: list[PostgresLine] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every line a test made is closed after it."""
    yield
    while OPEN:
        OPEN.pop().close()


def line_to(name: str, password: str = PASSWORD, deadline: float = 2.0) -> PostgresLine:
    network = network_of(name)
    line = PostgresLine(
        lambda seconds: network.connect(("127.0.0.1", 5432), seconds), Secret(password), deadline
    )
    OPEN.append(line)
    return line


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    with postgres() as name:
        sql(name, SCHEMA)
        yield name


class TestLines:
    """The fake answers in the shape of the real one."""

    @pytest.fixture(params=["fake", pytest.param("real", marks=contract)])
    def line(self, request: pytest.FixtureRequest) -> object:
        if request.param == "fake":
            return FakeDatabaseLine()
        return line_to(request.getfixturevalue("name"))

    def test_each_question_has_rows_that_can_be_read(self, line) -> None:
        quick = list(questions.quick_samples(line.ask(questions.QUICK)))
        assert [sample.value >= 0 for sample in quick] == [True] * 4
        assert list(questions.standby_samples(line.ask(questions.STANDBYS))) == []
        sizes = list(questions.size_samples(line.ask(questions.SIZES), line.ask(questions.TABLES)))
        assert sizes[0].value > 1000
        assert len(list(questions.people_samples(line.ask(questions.PEOPLE)))) == 10
        updates = {one.labels: one.value for one in questions.update_samples(line.ask(questions.UPDATES))}
        assert updates["patch", "true"] == 1
        assert len(updates) == 6

    def test_a_second_connection_is_greeted(self, line) -> None:
        line.greet()


@contract
class TestRealPostgres:
    """What only a real one does."""

    def test_people_are_counted_by_state(self, name: str) -> None:
        found = {
            (one.metric.name, one.labels): one.value
            for one in questions.people_samples(line_to(name).ask(questions.PEOPLE))
        }
        states = {
            labels[0]: value for (metric, labels), value in found.items() if metric == "instancectl_users"
        }
        assert states == {"active": 1, "unconfirmed": 1, "pending_review": 1, "disabled": 1}
        assert found["instancectl_users_oldest_pending_seconds", ("unconfirmed",)] == pytest.approx(
            10800, abs=60
        )
        assert found["instancectl_signups_last_day", ("confirmed",)] == 1
        assert found["instancectl_signups_last_day", ("unconfirmed",)] == 1
        assert found["instancectl_reports_open", ()] == 1
        assert found["instancectl_reports_oldest_open_seconds", ()] == pytest.approx(3600, abs=60)

    def test_the_role_may_read_that_and_nothing_else(self, name: str) -> None:
        line = line_to(name)
        for query in (
            "select email from users",
            "select comment from reports",
            "create table mine (a int)",
            "set default_transaction_read_only = off; create table mine (a int)",
            "select pg_read_file('/etc/passwd')",
        ):
            with pytest.raises(OperationFailed) as refused:
                line.ask(query)
            assert refused.value.subject in {"42501", "25006"}, query

    def test_a_statement_ends_after_two_seconds_at_the_server_too(self, name: str) -> None:
        slow = line_to(name, deadline=10)
        started = time.monotonic()
        with pytest.raises(OperationFailed) as refused:
            slow.ask("select pg_sleep(8)")
        assert refused.value.subject == "57014"
        assert time.monotonic() - started < 4

    def test_no_more_than_four_connections(self, name: str) -> None:
        *welcome, last = (line_to(name) for _ in range(5))
        count = f"select count(*) from pg_stat_activity where usename = '{questions.ROLE}'"  # noqa: S608 - a name of ours
        eventually_alone(name, count)
        for line in welcome:
            line.ask("select 1")
        with pytest.raises(OperationFailed) as refused:
            last.ask("select 1")
        assert refused.value.subject == "53300"
        assert sql(name, count) == "4"

    def test_the_password_is_in_no_log(self, name: str) -> None:
        sql(name, "alter system set log_statement = 'all'")
        sql(name, "select pg_reload_conf()")
        sql(name, f"drop owned by {questions.ROLE}")
        sql(name, f"drop role {questions.ROLE}")
        line_to(name).ask("select 1")
        said = subprocess.run(
            ["docker", "logs", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        ).stdout
        assert questions.ROLE in said
        assert questions.role_password(Secret(PASSWORD)).reveal() not in said
        assert PASSWORD not in said

    def test_grants_follow_tables_that_come_later(self, name: str) -> None:
        sql(name, f"revoke select (type, urgent) on software_updates from {questions.ROLE}")  # noqa: S608
        assert line_to(name).ask(questions.UPDATES) == [("0", "t", "1")]

    def test_a_frozen_postgres_is_told_within_the_deadline_and_answers_again(self, name: str) -> None:
        line = line_to(name)
        line.ask("select 1")
        with frozen(name):
            for ask in (lambda: line.ask("select 1"), line.greet):
                started = time.monotonic()
                with pytest.raises(Unreachable, match="no answer within 2 s"):
                    ask()
                assert time.monotonic() - started < 2.5
        assert line.ask("select 1") == [("1",)]

    def test_a_postmaster_that_takes_no_connections_is_told_by_greeting(self, name: str) -> None:
        line = line_to(name)
        line.ask("select 1")
        docker("kill", "--signal", "STOP", name)
        try:
            assert line.ask("select 1") == [("1",)]
            with pytest.raises(Unreachable):
                line.greet()
        finally:
            docker("kill", "--signal", "CONT", name)

    def test_a_restart_in_between_is_not_noticed(self, name: str) -> None:
        line = line_to(name)
        line.ask("select 1")
        docker("restart", "--time", "10", name)
        deadline = time.monotonic() + 30
        while True:
            try:
                assert line.ask("select 1") == [("1",)]
                return
            except (OperationFailed, Unreachable):
                assert time.monotonic() < deadline

    def test_threads_take_turns(self, name: str) -> None:
        line, wrong = line_to(name), []

        def work(number: int) -> None:
            wrong.extend(turn for turn in range(20) if line.ask(f"select {number * 100 + turn}")
                         != [(str(number * 100 + turn),)])  # fmt: skip

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def eventually_alone(name: str, count: str) -> None:
    deadline = time.monotonic() + 20
    role = questions.ROLE
    sql(name, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'")  # noqa: S608
    while sql(name, count) != "0":
        assert time.monotonic() < deadline
        time.sleep(0.2)


@contract
@pytest.mark.parametrize(
    ("image", "method"), [("postgres", "scram-sha-256"), ("postgres-old", "md5"), ("postgres", "password")]
)
def test_every_way_to_log_in(image: str, method: str) -> None:
    with postgres(image, method) as name:
        sql(name, SCHEMA)
        assert line_to(name).ask("select current_user") == [(questions.ROLE,)]
        with pytest.raises(OperationFailed) as refused:
            line_to(name, "a-wrong-password").ask("select 1")
        assert refused.value.subject in {"28P01", "28000"}
