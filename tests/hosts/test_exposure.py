"""Holes made on purpose on real hosts: each is found from a network namespace and from another host."""

from __future__ import annotations

import json

import pytest

from tests.hosts.conftest import TwoHosts

pytestmark = pytest.mark.hosts


def test_a_provisioned_host_shows_only_what_it_should(two_hosts: TwoHosts) -> None:
    for host in two_hosts.both:
        done = host.exec("instancectl", "--json", "check", "--exposure", check=False)
        print(done.out, done.err)
        assert done.code == 0
        (finding,) = json.loads(done.out)["data"]["findings"]
        assert finding["severity"] == "ok"
