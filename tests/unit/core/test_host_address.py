"""How hosts are named on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.host.address import HostAddress, parse
from instancectl.errors import Refused


@pytest.mark.parametrize(
    ("text", "user", "address", "port"),
    [
        ("root@203.0.113.7", "root", "203.0.113.7", None),
        ("admin@[2001:db8::1]:2222", "admin", "2001:db8::1", 2222),
        ("admin@2001:db8::1", "admin", "2001:db8::1", None),
        ("admin@[2001:db8::1]", "admin", "2001:db8::1", None),
        ("fe80::1%eth0", "", "fe80::1%eth0", None),
        ("myalias", "", "myalias", None),
        ("social.example:22", "", "social.example", 22),
    ],
)
def test_every_way_to_name_a_host_is_understood(text, user, address, port):
    assert parse(text) == HostAddress(user, address, port)


@pytest.mark.parametrize(
    "text",
    ["", "@x", "a@", "-oProxyCommand=x", "a@-x", "-a@b", "x:0", "x:", "x:65536", "x:٣", "[::1]:", "[::1",
     "a b", "x;y", "a@b@c", "4c/8g", "x\ny", "$(x)"],
)  # fmt: skip
def test_what_is_no_host_is_refused_with_examples(text):
    with pytest.raises(Refused, match="cannot use") as caught:
        parse(text)
    assert "admin@203.0.113.7" in caught.value.hint


@given(
    st.sampled_from(["", "root", "admin", "a.b-c_d"]),
    st.sampled_from(["203.0.113.7", "2001:db8::1", "::1", "host", "social.example", "my_alias"]),
    st.none() | st.integers(1, 65535),
)
def test_what_is_shown_is_understood(user, address, port):
    host = HostAddress(user, address, port)
    assert parse(str(host)) == host


def test_another_login_is_the_same_host():
    assert str(parse("root@[2001:db8::1]:2222").as_user("admin")) == "admin@[2001:db8::1]:2222"
    assert parse("root@[2001:db8::1]:2222").destination == "root@2001:db8::1"
    assert parse("alias").destination == "alias"
