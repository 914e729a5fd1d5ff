"""Jobs of the stand-in: queues, payloads, Redis keys, mails, and what each job costs."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import urlencode

import pytest

from tests.contract.standin_harness import Standin, built_images, docker, eventually
from tests.contract.standin_http import CAPTURED, DOMAIN, EDGE
from tests.contract.standin_websocket import WebSocket

pytestmark = pytest.mark.contract

USER_STREAM = "/api/v1/streaming?stream=user&access_token="
SIDEKIQ = json.loads((CAPTURED / "redis" / "sidekiq-8.1.6.json").read_text())


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    images = built_images("mastodon", "mastodon-streaming", "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("standin"), images) as standin:
        standin.stores()
        assert standin.run("bin/rails", "db:setup").code == 0
        standin.password = standin.create_user("admin", "--role", "Owner")
        assert standin.run("tootctl", "settings", "registrations", "open").code == 0
        standin.processes()
        yield standin


@pytest.fixture
def token(standin):
    return standin.user_token(f"admin@{DOMAIN}", standin.password)


def sign_up(standin, username):
    form = {
        "username": username,
        "email": f"{username}@{DOMAIN}",
        "password": "long enough",
        "agreement": "true",
    }
    return standin.api("/api/v1/accounts", token=standin.app_token(), form=form, client="203.0.113.20")


def mail_to(standin, username):
    def found():
        return [mail for mail in standin.mails() if mail["To"][0]["Address"] == f"{username}@{DOMAIN}"]

    return eventually(found)[0]


def scheduled(standin):
    members = standin.redis("ZRANGE", "schedule", "0", "-1", "WITHSCORES").split("\n")
    return [
        (json.loads(member), float(score)) for member, score in zip(members[::2], members[1::2], strict=True)
    ]


def shape(value):
    """Keys and types, values aside."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def test_a_sign_up_is_confirmed_by_mail_and_welcomed_an_hour_later(standin):
    assert sign_up(standin, "alice").status == 200
    mail = mail_to(standin, "alice")
    message = standin.mail_text(mail)
    path = re.search(rf"https://{DOMAIN}(/auth/confirmation\?confirmation_token=[\w-]+)", message)[1]
    before = time.time()
    assert standin.api(path).status == 200
    job, due = next((job, due) for job, due in scheduled(standin) if "welcome" in job["args"][0]["arguments"])
    assert 3590 < due - before < 3610
    captured, _ = SIDEKIQ["schedule oldest"][0]
    assert list(job) == list(json.loads(captured))
    assert shape(job) == shape(json.loads(captured))
    assert (job["class"], job["wrapped"]) == ("Sidekiq::ActiveJob::Wrapper", "ActionMailer::MailDeliveryJob")


def test_a_sign_up_by_form_is_confirmed_by_mail_too(standin):
    form = standin.api("/auth/sign_up")
    assert form.status == 200
    token = re.search(rb'name="authenticity_token" value="([^"]+)"', form.body)[1].decode()
    fields = {"username": "dora", "email": f"dora@{DOMAIN}", "password": "long enough"}
    sent = {f"user[{key}]": value for key, value in fields.items()} | {"authenticity_token": token}
    headers = {"Cookie": form.headers["Set-Cookie"].split(";")[0], "Origin": f"https://{DOMAIN}"}
    headers |= {**EDGE, "Content-Type": "application/x-www-form-urlencoded"}
    done = standin.web("/auth", method="POST", headers=headers, body=urlencode(sent).encode())
    assert (done.status, done.headers["Location"]) == (303, f"https://{DOMAIN}/auth/setup")
    assert "/auth/confirmation?confirmation_token=" in standin.mail_text(mail_to(standin, "dora"))


def test_the_confirmation_token_is_readable_in_the_jobs_arguments(standin):
    with standin.without("sidekiq"):
        sign_up(standin, "bob")
        payload = json.loads(standin.redis("LINDEX", "queue:mailers", "-1"))
    method, token = payload["args"][0]["arguments"][1], payload["args"][0]["arguments"][3]["args"][1]
    assert method == "confirmation_instructions"
    assert token in standin.mail_text(mail_to(standin, "bob"))


@pytest.mark.parametrize(("mode", "status"), [("close", 403), ("approved", 200)])
def test_sign_ups_honour_the_registration_mode(standin, mode, status):
    try:
        assert standin.run("tootctl", "settings", "registrations", mode).code == 0
        assert sign_up(standin, f"user_{mode}").status == status
        if mode == "approved":
            assert standin.sql("SELECT count(*) FROM users WHERE NOT approved") == "1"
    finally:
        standin.run("tootctl", "settings", "registrations", "open")


def test_the_process_hash_has_the_captured_shape(standin):
    identity = eventually(lambda: standin.redis("SMEMBERS", "processes"))
    assert re.fullmatch(r"[0-9a-f]{12}:\d+:[0-9a-f]{12}", identity)
    fields = standin.redis("HGETALL", identity).split("\n")
    seen = dict(zip(fields[::2], fields[1::2], strict=True))
    wanted = next(iter(SIDEKIQ["process"].values()))
    assert set(seen) == set(wanted)
    info, captured = json.loads(seen["info"]), json.loads(wanted["info"])
    assert shape(info) == shape(captured)
    for key in ("tag", "capsules", "queues", "weights", "labels", "embedded"):
        assert info[key] == captured[key]
    assert info["version"].startswith("8.1.")


def test_a_queued_job_has_the_captured_shape(standin, token):
    with standin.without("sidekiq"):
        assert standin.api("/api/v1/statuses", token=token, form={"status": "queued"}).status == 200
        jobs = [json.loads(job) for job in standin.redis("LRANGE", "queue:default", "0", "-1").split("\n")]
    assert {job["class"] for job in jobs} == {"DistributionWorker", "TriggerWebhookWorker"}
    wanted = json.loads(SIDEKIQ["queue:default newest"])
    for job in jobs:
        assert set(job) == set(wanted)
        assert shape(job | {"args": 0}) == shape(wanted | {"args": 0})


def test_every_post_reaches_each_followers_feed_through_its_own_job(standin, token):
    followers = [f"fan{number}" for number in range(3)]
    code = "; ".join(
        f"Follow.create!(account: User.create!(email: '{name}@{DOMAIN}', password: 'long enough', "
        f"confirmed_at: Time.now, bypass_approval: true, account: Account.new(username: '{name}')).account, "
        f"target_account: Account.find_local('admin'))"
        for name in followers
    )
    done = standin.run("bin/rails", "runner", code)
    assert done.code == 0, done.output
    before = int(standin.redis("GET", "stat:processed") or 0)
    status = standin.api("/api/v1/statuses", token=token, form={"status": "to all"}).json["id"]
    ids = standin.sql("SELECT id FROM accounts WHERE username ~ '^(admin|fan.)$'").split()
    assert len(ids) == 4
    for account in ids:
        eventually(lambda key=f"feed:home:{account}": standin.redis("ZSCORE", key, status))
    # Distribution, webhook, three insertions, federation and link crawl.
    eventually(lambda: int(standin.redis("GET", "stat:processed") or 0) - before >= 7)
    assert standin.api("/api/v1/timelines/home", token=token).json[0]["id"] == status


def test_a_direct_post_is_its_authors_alone_and_one_however_often_it_is_sent(standin, token):
    headers = {
        **EDGE, "Authorization": f"Bearer {token}", "Idempotency-Key": "one",
        "Content-Type": "application/json",
    }  # fmt: skip
    body = json.dumps({"status": "to myself", "visibility": "direct"}).encode()
    with WebSocket(f"{standin.address('streaming')}:4000", f"{USER_STREAM}{token}") as live:
        time.sleep(0.3)
        first, second = (
            standin.web("/api/v1/statuses", method="POST", headers=headers, body=body).json for _ in range(2)
        )
        told = live.receive()
    assert first["id"] == second["id"]
    assert (told["event"], json.loads(told["payload"])["id"]) == ("update", first["id"])
    path = f"/api/v1/accounts/{first['account']['id']}/statuses"
    assert first["id"] in [one["id"] for one in standin.api(path, token=token).json]
    assert first["id"] not in [one["id"] for one in standin.api(path).json]
    assert standin.api(f"/api/v1/statuses/{first['id']}", token=token, method="DELETE").status == 200
    assert first["id"] not in [one["id"] for one in standin.api(path, token=token).json]


def test_redis_holds_keys_of_the_captured_patterns(standin, token):
    captured = {line.split("\t")[1] for line in (CAPTURED / "redis" / "keys.tsv").read_text().splitlines()}
    wanted = {
        "processes", "queues", "schedule", "stat:processed", "stat:failed", "sidekiq-scheduler:next_times",
        "schedules", "schedules_changed", "uniquejobs:live", "uniquejobs:reaper",
    }  # fmt: skip
    assert wanted <= captured
    assert standin.api("/api/v1/accounts/verify_credentials", token=token).status == 200
    sign_up(standin, "carol")
    mail_to(standin, "carol")
    keys = set(standin.redis("--scan").split("\n"))
    assert wanted - {"schedule"} <= keys
    assert any(re.fullmatch(r"activity:logins:\d+", key) for key in keys)
    assert any(key.startswith("cache:rails_settings_cached/") for key in keys)
    assert any(key.startswith("cache:rack::attack:") for key in keys)


def test_the_scheduler_plans_only_where_its_queue_is_served(standin):
    captured = (CAPTURED / "redis" / "keys.tsv").read_text()
    names = set(re.findall(r"pushed:(\w+)", captured))
    plan = "sidekiq-scheduler:next_times"
    with standin.without("sidekiq"):
        standin.redis("DEL", plan)
        standin.start("worker", "mastodon", "bundle", "exec", "sidekiq", "-q", "default", "-q", "pull")
        eventually(lambda: standin.redis("SCARD", "processes") == "1")
        time.sleep(1)
        assert standin.redis("EXISTS", plan) == "0"
        docker("stop", "--time", "30", standin.name("worker"))
    eventually(lambda: names <= set(standin.redis("HKEYS", plan).split("\n")))


def test_queues_and_threads_of_the_command_line_are_honoured(standin):
    standin.start("pushers", "mastodon", "bundle", "exec", "sidekiq", "-c", "7", "-q", "push", "-q", "pull")
    host = docker("inspect", "--format", "{{.Config.Hostname}}", standin.name("pushers"))

    def info():
        for identity in standin.redis("SMEMBERS", "processes").split("\n"):
            if identity.startswith(host):
                return json.loads(standin.redis("HGET", identity, "info"))
        return None

    seen = eventually(info)
    assert seen["capsules"]["default"] == {
        "concurrency": 7,
        "mode": "strict",
        "weights": {"push": 0, "pull": 0},
    }
    docker("kill", "--signal", "TERM", standin.name("pushers"))
    eventually(lambda: standin.exit_code("pushers") == 0)
    assert not [line for line in standin.redis("SMEMBERS", "processes").split("\n") if line.startswith(host)]


def test_the_ready_file_exists_while_it_serves(standin):
    file = "tmp/sidekiq_process_has_started_and_will_begin_processing_jobs"
    assert eventually(lambda: docker("exec", standin.name("sidekiq"), "ls", file) == file)


def test_a_feed_insertion_costs_about_ten_milliseconds_of_cpu(standin, token):
    """The measured cost is burnt, so that a backlog behaves as a real one (9.8 ms measured)."""
    status = standin.api("/api/v1/statuses", token=token, form={"status": "costly"}).json["id"]
    eventually(lambda: standin.redis("LLEN", "queue:default") == "0")
    time.sleep(1)
    account = standin.sql("SELECT id FROM accounts WHERE username = 'admin'")
    jobs = 200
    cpu, done = standin.cpu_seconds("sidekiq"), int(standin.redis("GET", "stat:processed") or 0)
    code = f"FeedInsertWorker.perform_bulk([[{status}, {account}, 'home', {{}}]] * {jobs})"
    assert standin.run("bin/rails", "runner", code).code == 0
    eventually(lambda: standin.redis("LLEN", "queue:default") == "0", seconds=60)
    eventually(lambda: int(standin.redis("GET", "stat:processed") or 0) >= done + jobs)
    spent = (standin.cpu_seconds("sidekiq") - cpu) / jobs * 1000
    assert 9 < spent < 20, f"{spent:.1f} ms a job"
