"""Releases of the stand-in: ordinary and post-deployment migrations, rollback, the point of no return."""

from __future__ import annotations

import pytest

from tests.contract.standin_harness import Standin, built_images, eventually
from tests.contract.standin_http import DOMAIN

pytestmark = [pytest.mark.contract, pytest.mark.slow]

RELEASES = {"4.5": "mastodon:v4.5.13", "4.6": "mastodon", "4.7": "mastodon:v4.7.1"}
PUMA = ("bundle", "exec", "puma", "-C", "config/puma.rb")
VERSIONS = "SELECT string_agg(version, ' ' ORDER BY version) FROM schema_migrations"
LOCAL_KEY = (
    "a = Account.find_local('admin'); puts a.signing_key.private?; "
    "puts a.private_key.present?; puts Keypair.where(account_id: a.id).count"
)


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    images = built_images(*RELEASES.values(), "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("standin"), images, cost="0") as standin:
        standin.stores()
        yield standin


@pytest.fixture
def at_45(standin):
    """A database as 4.5.13 makes it, with one account; `DB_NAME` set for all that follows."""
    standin.write_settings(DB_NAME=f"upgrade_{standin.redis('INCR', 'upgrade-tests')}")
    assert rails(standin, "4.5", "db:setup").code == 0
    create = (
        "tootctl",
        "accounts",
        "create",
        "admin",
        "--email",
        f"admin@{DOMAIN}",
        "--confirmed",
        "--approve",
    )
    assert standin.run(*create, image=RELEASES["4.5"]).code == 0
    return standin


def rails(standin, release, *words, **env):
    return standin.run("bin/rails", *words, image=RELEASES[release], env=env)


def schema(standin):
    return set(standin.sql(VERSIONS, standin.settings["DB_NAME"]).split())


def migrated(done):
    return done.output.count(": migrated (")


def test_from_45_to_46_there_is_nothing_after_deployment(at_45):
    before = schema(at_45)
    assert "20251023210145" in before
    assert rails(at_45, "4.6", "db:abort_if_pending_migrations").code == 1
    done = rails(at_45, "4.6", "db:migrate", SKIP_POST_DEPLOYMENT_MIGRATIONS="true")
    assert (done.code, migrated(done)) == (0, 5)
    assert "== 20251117023614 " in done.output
    assert migrated(rails(at_45, "4.6", "db:migrate")) == 0
    # The older release finds nothing wrong with the newer schema, and runs on it.
    assert rails(at_45, "4.5", "db:abort_if_pending_migrations").code == 0
    at_45.start("web", RELEASES["4.5"], *PUMA)
    eventually(lambda: at_45.web("/health").status == 200)
    assert at_45.api(f"/.well-known/webfinger?resource=acct:admin@{DOMAIN}").status == 200
    assert at_45.api("/api/v2/instance").json["version"] == "4.5.13"


@pytest.mark.parametrize("value", ["false", ""])
def test_any_value_of_the_variable_skips(at_45, value):
    assert rails(at_45, "4.6", "db:migrate").code == 0
    done = rails(at_45, "4.7", "db:migrate", SKIP_POST_DEPLOYMENT_MIGRATIONS=value)
    assert (done.code, migrated(done)) == (0, 3)
    assert "20260805130216" in schema(at_45)
    # The newest number is there, four older ones are not: comparing the maximum proves nothing.
    assert rails(at_45, "4.7", "db:abort_if_pending_migrations").code == 1
    assert migrated(rails(at_45, "4.7", "db:migrate")) == 4


def test_post_deployment_migrations_of_47_are_the_point_of_no_return(at_45):
    assert rails(at_45, "4.6", "db:migrate").code == 0
    assert rails(at_45, "4.6", "runner", LOCAL_KEY).output.split()[-3:] == ["true", "true", "0"]
    rails(at_45, "4.7", "db:migrate", SKIP_POST_DEPLOYMENT_MIGRATIONS="1")
    assert rails(at_45, "4.6", "runner", LOCAL_KEY).output.split()[-3:] == ["true", "true", "0"]
    assert rails(at_45, "4.7", "runner", LOCAL_KEY).output.split()[-3:] == ["true", "true", "0"]

    assert rails(at_45, "4.7", "db:migrate").code == 0
    assert rails(at_45, "4.7", "runner", LOCAL_KEY).output.split()[-3:] == ["true", "false", "1"]
    broken = rails(at_45, "4.6", "runner", LOCAL_KEY)
    assert broken.code == 1
    assert "has no private key" in broken.output
    refresh = rails(at_45, "4.6", "runner", "Scheduler::FollowRecommendationsScheduler.new.perform")
    assert refresh.code == 1

    # From here on the key of every account is lost with the encryption keys.
    lost = rails(at_45, "4.7", "runner", LOCAL_KEY, ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY="w" * 32)
    assert lost.code == 1
    assert "ActiveRecord::Encryption::Errors::Decryption" in lost.output


def test_a_fresh_database_of_47_equals_a_migrated_one(at_45):
    rails(at_45, "4.6", "db:migrate")
    rails(at_45, "4.7", "db:migrate")
    wanted = schema(at_45)
    at_45.write_settings(DB_NAME=at_45.settings["DB_NAME"] + "_fresh")
    assert rails(at_45, "4.7", "db:prepare").code == 0
    assert schema(at_45) == wanted


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_names_itself(standin, release):
    version = standin.run("tootctl", "version", image=RELEASES[release]).output.split()[-1]
    assert version.startswith(f"{release}.")
    assert RELEASES[release] in {"mastodon", f"mastodon:v{version}"}
