"""Which file gets which values."""

from __future__ import annotations

from instancectl.core.rendering import TlsFiles, render
from instancectl.core.secrets import Secret
from tests.fakes import instance


def test_each_password_reaches_the_file_that_needs_it_and_no_other():
    made = instance.rendered(instance.config(database={"pgbouncer": "on"}))
    assert instance.leaks(made.redis_conf.reveal()) == ["REDIS_PASSWORD"]
    assert instance.leaks(made.database_password.reveal()) == ["DB_PASS"]
    assert instance.leaks(made.redis_password.reveal()) == ["REDIS_PASSWORD"]
    assert instance.leaks(made.pgbouncer_users.reveal()) == ["DB_PASS"]
    assert {"DB_PASS", "REDIS_PASSWORD", "SECRET_KEY_BASE"} <= set(instance.leaks(made.dotenv.reveal()))


def test_no_secret_stands_in_a_file_that_is_no_secret():
    made = instance.rendered(instance.config(database={"pgbouncer": "on"}))
    plain = (*made.proxy_files.values(), *made.cache_files.values(), made.pgbouncer_ini)
    assert all(plain)
    assert not instance.leaks("".join(plain))
    assert not instance.leaks(repr(made))


def test_redis_is_told_its_limit():
    sizes = instance.layout()
    conf = instance.rendered(sizes=sizes).redis_conf.reveal()
    assert f"maxmemory {sizes.redis.maxmemory_bytes}" in conf


def test_without_pgbouncer_there_is_no_file_for_it():
    assert instance.rendered(instance.config(database={"pgbouncer": "off"})).pgbouncer_ini == ""


def test_certificates_are_handed_on():
    files = TlsFiles("chain", Secret("key"), "root")
    config = instance.config(tls={"mode": "files", "certificate": "c.pem", "key": "k.pem"})
    made = render(config, instance.secrets(), instance.layout(), instance.TEMPLATES.render, tls=files)
    assert (made.tls_certificate, made.tls_key, made.acme_ca_root) == ("chain", Secret("key"), "root")


def test_the_maintenance_page_is_there_only_during_maintenance():
    assert not any("maintenance.html" in name for name in instance.rendered().cache_files)
    pages = instance.rendered(maintenance="back <soon>").cache_files
    (page,) = (text for name, text in pages.items() if name.endswith("maintenance.html"))
    assert "back &lt;soon&gt;" in page
