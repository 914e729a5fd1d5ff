from __future__ import annotations

from instancectl.core.host import keys
from tests.unit.core.host.hosts import KEY, OTHER_KEY


def test_each_key_counts_once() -> None:
    assert keys.usable((KEY, OTHER_KEY, f"  {KEY}", KEY.replace("eve", "eve@laptop"))) == (KEY, OTHER_KEY)


def test_what_is_no_login_of_its_own_is_left_out() -> None:
    cloud = f'no-pty,command="echo Please log in as admin" {KEY}'
    assert keys.usable((cloud, f'expiry-time="20270101" {KEY}', f"# {KEY}", "", "hello")) == ()


def test_options_that_only_restrict_stay_with_their_key() -> None:
    line = f'from="203.0.113.0/24" {KEY}'
    assert keys.usable((line,)) == (line,)


def test_a_private_key_is_no_public_key() -> None:
    assert keys.is_key(KEY)
    assert not keys.is_key("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert not keys.is_key(f"{KEY}\n{OTHER_KEY}")
