"""What a look from outside means."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.check import Severity
from instancectl.core.checks.seen import Listener
from instancectl.core.host.exposure import (
    SENSITIVE,
    AddressSeen,
    ExposureSeen,
    Holders,
    findings,
    public,
    read_forwarded,
    read_ports,
    scan,
    sshd_ports,
    summary,
)
from instancectl.core.unknown import Unknown

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what must be found
INTENDED = read_ports(("22/tcp", "80/tcp", "443/tcp", "443/udp"))
NAT = """\
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker_gwbridge -j RETURN
-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.18.0.9:443
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 6379 -j DNAT --to-destination 172.17.0.2:6379
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p udp -m udp --dport 5353 -j DNAT --to-destination 172.17.0.3:53
"""


def seen(*ports: int, holders: Holders | None = None, **changes: object) -> ExposureSeen:
    address = replace(AddressSeen("198.51.100.7", ports, 30, 0, udp_judged=True), **changes)
    return ExposureSeen("from outside", (address,), holders or Holders(), INTENDED, 40)


def test_intended_ports_may_answer() -> None:
    (found,) = findings(seen(22, 80, 443, udp=(443,)))
    assert found.severity is Severity.OK
    assert "only 22, 80, 443 answer" in found.seen


@given(st.integers(1, 65535))
def test_any_other_port_that_answers_is_named(port: int) -> None:
    (found,) = findings(seen(22, port)) if ("tcp", port) not in INTENDED else findings(seen(22, 1))
    assert found.severity is Severity.FAIL
    assert found.seen.startswith(f"{port if ('tcp', port) not in INTENDED else 1}/tcp")
    assert found.hint


def test_the_holder_of_a_port_is_named_with_what_to_type() -> None:
    redis = Listener(6379, "tcp", EVERYWHERE, "redis-server", 812)
    (found,) = findings(seen(22, 6379, holders=Holders((redis,))))
    assert "6379/tcp (Redis) answers at 198.51.100.7" in found.seen
    assert "held by `redis-server` (pid 812)" in found.seen
    assert "systemctl status 812" in found.hint


def test_a_published_port_is_traced_to_its_container() -> None:
    (found,) = findings(seen(22, 6379, holders=Holders((), read_forwarded(NAT))))
    assert "Docker leads it to a container at 172.17.0.2:6379" in found.seen
    assert "docker ps --filter publish=6379/tcp" in found.hint


def test_the_api_of_docker_is_root_for_everybody() -> None:
    (found,) = findings(seen(22, 2375, holders=Holders((Listener(2375, "tcp", "::", "dockerd", 7),))))
    assert "daemon.json" in found.hint


def test_a_listener_on_loopback_holds_nothing_outside() -> None:
    local = Listener(9394, "tcp", "127.0.0.1", "instancectl", 8)
    (found,) = findings(seen(22, 9394, holders=Holders((local,))))
    assert "nothing on this host is seen to hold it" in found.seen


def test_one_port_on_two_addresses_is_one_finding() -> None:
    both = tuple(AddressSeen(address, (22, 5432), 3) for address in ("198.51.100.7", "2001:db8::1"))
    (found,) = findings(replace(seen(), addresses=both))
    assert "198.51.100.7 and 2001:db8::1" in found.seen


def test_silence_alone_proves_nothing() -> None:
    (found,) = findings(seen(refused=0, silent=40))
    assert found.severity is Severity.UNKNOWN
    assert "--from" in found.hint


def test_an_address_that_nobody_could_look_at_is_unknown_beside_one_that_is_well() -> None:
    well, blind = seen(22).addresses[0], AddressSeen("2001:db8::1", error="no way there")
    (found,) = findings(replace(seen(), addresses=(well, blind)))
    assert found.severity is Severity.UNKNOWN
    assert "2001:db8::1: no way there" in found.seen


def test_an_address_cut_short_is_unknown_though_some_ports_answered() -> None:
    (found,) = findings(seen(22, error="time was over after 2000 of 65535 ports"))
    assert found.severity is Severity.UNKNOWN


def test_no_address_is_unknown() -> None:
    assert summary(replace(seen(), addresses=())).severity is Severity.UNKNOWN


def test_nobody_could_look_is_unknown_and_keeps_the_hint() -> None:
    found = summary(Unknown("not allowed", "run it as root"))
    assert (found.severity, found.hint) == (Severity.UNKNOWN, "run it as root")


def test_swarm_s_own_udp_ports_must_not_answer_but_a_name_service_s_stray_port_may() -> None:
    assert findings(seen(22, udp=(7946,)))[0].severity is Severity.FAIL
    assert findings(seen(22, udp=(40123,)))[0].severity is Severity.OK


def test_the_summary_names_every_port_and_is_as_bad_as_the_worst() -> None:
    found = summary(seen(22, 5432, 6379))
    assert found.severity is Severity.FAIL
    assert "5432/tcp" in found.seen
    assert "6379/tcp" in found.seen


def test_what_is_held_or_forwarded_or_sensitive_is_tried() -> None:
    holders = Holders(
        (
            Listener(12345, "tcp", EVERYWHERE, "x", 1),
            Listener(68, "udp", EVERYWHERE, "dhclient", 2),
            Listener(7946, "udp", "::", "dockerd", 3),
            Listener(323, "udp", "127.0.0.1", "chronyd", 4),
        ),
        read_forwarded(NAT),
    )
    what = scan(("198.51.100.7",), holders)
    tried = {first for first, last in what.tcp if first == last}
    assert {12345, 443, 6379, *SENSITIVE} <= tried
    assert what.udp == (5353, 7946)
    assert what.silent_udp not in what.udp
    assert what.ports == len(what.tcp)


def test_every_port_is_one_range() -> None:
    assert scan(("198.51.100.7",), Holders(), all_ports=True).ports == 65535


@pytest.mark.parametrize(
    ("own", "meant"),
    [
        (("10.0.0.5", "9.9.9.9", "2600::1"), ("9.9.9.9", "2600::1")),
        (("10.0.0.5", "fd00::1"), ("10.0.0.5", "fd00::1")),
    ],
)
def test_another_host_means_public_addresses_where_there_are_any(
    own: tuple[str, ...], meant: tuple[str, ...]
) -> None:
    assert public(own) == meant


def test_sshd_is_intended_wherever_it_listens() -> None:
    held = (Listener(2222, "tcp", EVERYWHERE, "sshd", 1), Listener(22, "tcp", "127.0.0.1", "sshd", 2))
    assert sshd_ports(held) == {("tcp", 2222)}


def test_ports_are_read_with_and_without_protocol() -> None:
    assert read_ports(("25", "443/udp", "x/tcp")) == {("tcp", 25), ("udp", 443)}
