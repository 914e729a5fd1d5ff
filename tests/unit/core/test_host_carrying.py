"""An instance's files on their way to its host."""

from __future__ import annotations

import tomllib

from instancectl.adapters.config_file import parse
from instancectl.core.host.carrying import beside, differing, is_signpost, signpost

FULL = b'[instance]\ndomain = "social.example"\nlayout = "small"\n[services.web]\nreplicas = 2\n'


def test_the_same_settings_in_other_words_do_not_differ():
    other = (
        b"# by hand\nservices = { web = { replicas = 2 } }\n"
        b'[instance]\nlayout="small"\ndomain="social.example"\n'
    )
    assert differing(FULL, other) == ()


def test_a_key_that_says_something_else_differs():
    assert differing(FULL, FULL.replace(b"small", b"large")) == ("instance.layout",)


def test_a_key_that_only_this_machine_says_differs():
    assert differing(FULL, b'[instance]\ndomain = "social.example"\n') == (
        "instance.layout", "services.web.replicas",
    )  # fmt: skip


def test_what_only_the_host_says_is_its_own_affair():
    assert differing(b'[instance]\ndomain = "social.example"\n', FULL) == ()


def test_where_the_manager_is_may_differ():
    assert differing(FULL + b'[hosts]\nmanager = "admin@x"\n', FULL) == ()


def test_a_signpost_is_a_valid_instance_file_that_says_nothing_else():
    text = "\n".join(signpost("social.example", "admin@203.0.113.7"))
    assert is_signpost(text.encode())
    config = parse(text)
    assert config.hosts.manager == "admin@203.0.113.7"
    assert tomllib.loads(text)["instance"] == {"domain": "social.example"}


def test_a_file_with_settings_is_no_signpost():
    assert not is_signpost(FULL)


def test_files_beside_the_instance_file_go_with_it_and_others_do_not():
    config = parse(
        '[instance]\ndomain = "social.example"\n[tls]\nmode = "files"\n'
        'certificate = "tls/chain.pem"\nkey = "/etc/ssl/key.pem"\n'
    )
    assert beside(config) == ("tls/chain.pem",)
