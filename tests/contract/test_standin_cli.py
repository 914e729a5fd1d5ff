"""`tootctl` and `rails` of the stand-in print and exit as captured in tests/captured/cli."""

from __future__ import annotations

import re

import pytest

from tests.contract.standin_harness import Standin, built_images, docker, eventually
from tests.contract.standin_http import CAPTURED, DOMAIN

pytestmark = pytest.mark.contract

LOADED = "[dotenv] Loaded .env.production\n"
CLIENT = re.compile(r"^.*INFO.* Sidekiq 8\.1\.\d+ connecting to Redis with options .*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    images = built_images("mastodon", "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("standin"), images, cost="0") as standin:
        standin.stores()
        assert standin.run("bin/rails", "db:setup").code == 0
        standin.create_user("admin", "--role", "Owner")
        yield standin


def tootctl(standin, *words, **options):
    """Output after the two lines that precede it, and the exit code."""
    done = standin.run("tootctl", *words, **options)
    # Docker keeps no order between the two streams, so the line may come second.
    assert LOADED in done.output
    return CLIENT.sub("", done.output.replace(LOADED, "", 1)), done.code


def captured_tootctl(command: str) -> tuple[str, int]:
    """What tests/captured/cli/tootctl.txt shows for the command that starts so."""
    for block in (CAPTURED / "cli" / "tootctl.txt").read_text().split("\n\n$ "):
        first, _, rest = block.partition("\n")
        if first.split("  ")[0].strip().startswith(command):
            text, _, code = rest.partition("[exit ")
            text = re.sub(r"^INFO .*\n", "", text, flags=re.MULTILINE)
            return text, int(code.split("]")[0])
    raise AssertionError(f"nothing captured for {command}")


CREATE = ("accounts", "create")
OWNER = ("--confirmed", "--role", "Owner", "--approve")


@pytest.mark.parametrize(
    ("words", "captured"),
    [
        (("version",), "tootctl version"),
        ((*CREATE, "admin", "--email", f"other@{DOMAIN}", *OWNER), "tootctl accounts create admin …"),
        ((*CREATE, "bad name", "--email", f"bad@{DOMAIN}", *OWNER), "tootctl accounts create 'bad name'"),
        (
            (*CREATE, "bad", "--email", f"bad@{DOMAIN}", "--role", "Nope"),
            "tootctl accounts create bad --email",
        ),
        (("accounts", "approve", "--all"), "tootctl accounts approve --all"),
        (("settings", "registrations", "approved", "--require-reason"), "tootctl settings registrations"),
        (("settings", "registrations", "open"), "tootctl settings registrations"),
        (("settings", "registrations", "close"), "tootctl settings registrations"),
        (("media", "usage"), "tootctl media usage"),
    ],
)
def test_tootctl_prints_and_exits_as_captured(standin, words, captured):
    assert tootctl(standin, *words) == captured_tootctl(captured)


def test_an_unresolvable_mail_domain_is_refused_with_one_word(standin):
    wanted = captured_tootctl("tootctl accounts create admin --email")
    words = (*CREATE, "remote", "--email", "remote@nowhere.invalid", *OWNER)
    assert tootctl(standin, *words, env={"EMAIL_DOMAIN_ALLOWLIST": ""}) == wanted


def test_a_domain_that_resolves_inside_the_container_is_accepted(standin):
    # The container's resolver knows the other containers of the network by name.
    words = (*CREATE, "local", "--email", "local@redis", *OWNER)
    output, code = tootctl(standin, *words, env={"EMAIL_DOMAIN_ALLOWLIST": ""})
    assert (code, output.startswith("OK\nNew password: ")) == (0, True)


@pytest.mark.parametrize("words", [(*CREATE, "fresh", "--email", f"fresh@{DOMAIN}", *OWNER),
                                   ("accounts", "modify", "admin", "--reset-password")])  # fmt: skip
def test_a_new_password_is_thirty_two_hex_digits(standin, words):
    output, code = tootctl(standin, *words)
    assert re.fullmatch(r"OK\nNew password: [0-9a-f]{32}\n", output)
    assert code == 0


def test_an_owner_without_approve_is_left_pending_while_registrations_are_closed(standin):
    def approved():
        query = "SELECT approved FROM users JOIN accounts a ON a.id = account_id WHERE username = 'pending'"
        return standin.sql(query)

    tootctl(standin, "settings", "registrations", "close")
    tootctl(standin, *CREATE, "pending", "--email", f"pending@{DOMAIN}", "--confirmed", "--role", "Owner")
    assert approved() == "f"
    tootctl(standin, "accounts", "modify", "pending", "--approve")
    assert approved() == "t"


def test_the_registration_mode_is_a_yaml_row_and_the_cache_is_cleared(standin):
    tootctl(standin, "settings", "registrations", "open")
    assert standin.sql("SELECT value FROM settings WHERE var = 'registrations_mode'").strip() == "--- open"
    assert standin.redis("EXISTS", "cache:rails_settings_cached/registrations_mode") == "0"


def test_generators_need_neither_database_nor_secrets(standin):
    bare = dict.fromkeys(standin.settings, "") | {"SECRET_KEY_BASE_DUMMY": "1"}

    def rails(*words):
        done = standin.run("bin/rails", *words, env=bare)
        assert done.code == 0, done.output
        return done.output.removeprefix(LOADED)

    captured = (CAPTURED / "cli" / "rails.txt").read_text()
    introduction = captured.split("db:encryption:init")[1].split("\n", 1)[1].split("ACTIVE_RECORD")[0]
    keys = rails("db:encryption:init")
    assert keys.startswith(introduction)
    names = ("DETERMINISTIC_KEY", "KEY_DERIVATION_SALT", "PRIMARY_KEY")
    pattern = "".join(rf"ACTIVE_RECORD_ENCRYPTION_{name}=[A-Za-z0-9]{{32}}\n" for name in names)
    assert re.fullmatch(pattern, keys.removeprefix(introduction))
    vapid = rails("mastodon:webpush:generate_vapid_key")
    assert re.fullmatch(r"VAPID_PRIVATE_KEY=[\w-]{43}=\nVAPID_PUBLIC_KEY=[\w-]{87}=\n", vapid)
    assert re.fullmatch(r"[0-9a-f]{128}\n", rails("secret"))


def test_the_schema_has_the_captured_version(standin):
    done = standin.run("bin/rails", "db:version")
    wanted = LOADED + "database: mastodon_production\nCurrent version: 20260611150940"
    assert re.sub(r"\n+", "\n", done.output).strip() == wanted
    assert standin.run("bin/rails", "db:abort_if_pending_migrations").code == 0
    views = standin.sql("SELECT string_agg(matviewname, ' ' ORDER BY matviewname) FROM pg_matviews")
    assert views == "account_summaries global_follow_recommendations instances"
    assert standin.sql("SELECT count(*) FROM pg_proc WHERE proname = 'timestamp_id'") == "1"
    assert standin.sql("SELECT id || username FROM accounts WHERE id < 0") == "-99mastodon.internal"


def test_prepare_seeds_only_when_it_loaded_the_schema(standin):
    own = {"DB_NAME": "prepared"}
    assert "Created database 'prepared'" in standin.run("bin/rails", "db:prepare", env=own).output
    roles = "SELECT count(*) FROM user_roles WHERE name <> ''"
    assert standin.sql(roles, "prepared") == "3"
    standin.sql("DELETE FROM user_roles", "prepared")
    assert standin.run("bin/rails", "db:prepare", env=own).code == 0
    assert standin.sql(roles, "prepared") == "0"


def test_runner_reads_and_writes_settings(standin):
    code = "Setting.media_cache_retention_period = 14; puts Setting.media_cache_retention_period"
    assert standin.run("bin/rails", "runner", code).output.endswith("14\n")


def test_a_secret_survives_only_under_its_key(standin):
    """Encrypted columns are the JSON of Active Record; a wrong key raises by name."""
    write = "User.first.update!(otp_secret: 'JBSWY3DPEHPK3PXP')"
    assert standin.run("bin/rails", "runner", write).code == 0
    stored = standin.sql("SELECT otp_secret FROM users WHERE otp_secret IS NOT NULL")
    assert re.fullmatch(r'\{"p":"[\w+/=]+","h":\{"iv":"[\w+/=]+","at":"[\w+/=]+".*\}\}', stored)
    read = "puts User.where.not(otp_secret: nil).first.otp_secret"
    assert standin.run("bin/rails", "runner", read).output.endswith("JBSWY3DPEHPK3PXP\n")
    wrong = standin.run("bin/rails", "runner", read, env={"ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY": "w" * 32})
    assert wrong.code == 1
    assert "ActiveRecord::Encryption::Errors::Decryption" in wrong.output


def test_an_old_database_is_refused_before_anything_changes(standin):
    old = built_images("postgres-old")
    standin.images = {**standin.images, **old}
    options = ["--env", "POSTGRES_USER=mastodon", "--env", f"POSTGRES_PASSWORD={standin.settings['DB_PASS']}"]
    options += ["--env", "POSTGRES_HOST_AUTH_METHOD=md5"]  # how 13 stores passwords
    standin.start("olddb", "postgres-old", "postgres", "-c", "fsync=off", options=options)
    ready = ["pg_isready", "--host", "127.0.0.1", "--username", "mastodon"]
    eventually(lambda: "accepting" in docker("exec", standin.name("olddb"), *ready))
    done = standin.run("bin/rails", "db:migrate", env={"DB_HOST": "olddb", "DB_NAME": "mastodon"})
    assert done.code == 1
    assert "requires PostgreSQL 14" in done.output
    tables = docker("exec", standin.name("olddb"), "psql", "-U", "mastodon", "-qtAc",
                    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")  # fmt: skip
    assert tables == "0"


@pytest.mark.parametrize("missing", ["DETERMINISTIC_KEY", "KEY_DERIVATION_SALT", "PRIMARY_KEY"])
def test_web_does_not_boot_without_an_encryption_key(standin, missing):
    puma = ("bundle", "exec", "puma", "-C", "config/puma.rb")
    done = standin.run(*puma, env={f"ACTIVE_RECORD_ENCRYPTION_{missing}": ""})
    assert done.code == 1
    assert "! Unable to load application: SystemExit:" in done.output


def test_web_does_not_start_without_its_database(standin):
    puma = ("bundle", "exec", "puma", "-C", "config/puma.rb")
    done = standin.run(*puma, env={"DB_HOST": "redis"})  # nobody listens there
    assert done.code == 1
    wanted = (
        "! Unable to load application: ActiveRecord::DatabaseConnectionError: There is an issue connecting"
    )
    assert wanted in done.output


def test_sidekiq_does_not_start_without_redis(standin):
    done = standin.run("bundle", "exec", "sidekiq", env={"REDIS_HOST": "db"})
    assert done.code == 1


def test_the_layout_of_the_image_is_upstreams(standin):
    done = standin.run("sh", "-c", "id -u; pwd; readlink /mastodon; which curl ps tootctl rails; "
                       "touch public/system/x && echo writable")  # fmt: skip
    uid, directory, link, *tools, writable = done.output.splitlines()
    assert (uid, directory, link, writable) == ("991", "/opt/mastodon", "/opt/mastodon", "writable")
    assert tools == ["/usr/bin/curl", "/usr/bin/ps", "/opt/mastodon/bin/tootctl", "/opt/mastodon/bin/rails"]
