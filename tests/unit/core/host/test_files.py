from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.host import files
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.files import HostFile
from instancectl.core.host.settings import HostSettings
from tests.unit.core.host.hosts import PEER, VPS, fill, vps

SETTINGS = HostSettings()


def placed(settings: HostSettings = SETTINGS, facts: HostFacts = VPS, **more: object) -> dict[str, HostFile]:
    return {file.path: file for file in files.managed_files(settings, facts, fill, **more)}


def test_the_same_wishes_give_the_same_files() -> None:
    assert placed() == placed()


def test_every_path_is_placed_once_and_by_a_known_role() -> None:
    from instancectl.core.host.roles import TITLES

    found = files.managed_files(SETTINGS, VPS, fill, peers=(PEER,))
    assert len({file.path for file in found}) == len(found)
    assert {file.role for file in found} <= {*TITLES, "applied"}


def test_sshd_takes_keys_only() -> None:
    lines = placed()[files.SSHD].content.splitlines()
    assert {"PermitRootLogin no", "PasswordAuthentication no", "KbdInteractiveAuthentication no"} <= set(
        lines
    )


def test_the_drop_in_is_read_before_those_of_cloud_images() -> None:
    assert files.SSHD.rpartition("/")[2] < "50-cloud-init.conf"


def test_the_firewall_opens_what_is_intended_and_no_more() -> None:
    text = placed(replace(SETTINGS, open_ports=("25/tcp", "3478/udp")), vps(ssh_port=2222))[
        files.FIREWALL
    ].content
    accepted = {
        line.strip() for line in text.splitlines() if line.strip().endswith("accept") and "dport" in line
    }
    intended = {line for line in accepted if line.startswith(("tcp dport", "udp dport"))}
    assert intended == {
        *(f"tcp dport {port} accept" for port in (2222, 80, 443, 25)),
        *(f"udp dport {port} accept" for port in (443, 3478)),
        "tcp dport { 2222, 2377, 7946, 9090, 9093, 9394 } accept",
        "udp dport { 7946, 4789 } accept",
    }


def test_the_mesh_answers_its_peers_only() -> None:
    alone, together = placed()[files.FIREWALL].content, placed(peers=(PEER,))[files.FIREWALL].content
    assert "51820" not in alone
    assert "ip saddr { 203.0.113.8 } udp dport 51820 accept" in together
    assert "ip6 saddr { 2001:db8::8 } udp dport 51820 accept" in together


def test_containers_reach_nobody_over_the_mesh() -> None:
    text = placed(peers=(PEER,))[files.FIREWALL].content
    chain = text.partition("chain relayed {")[2].partition("}")[0]
    assert "hook forward" in chain
    assert 'oifname "instancectl0" ct state new drop' in chain


def test_docker_s_rules_are_never_flushed() -> None:
    rules = [line for line in placed()[files.FIREWALL].content.splitlines() if not line.startswith("#")]
    assert not [line for line in rules if "flush" in line]
    assert {line for line in rules if line.startswith(("table", "delete"))} == {
        "table inet instancectl", "delete table inet instancectl", "table inet instancectl {"
    }  # fmt: skip


def test_without_our_firewall_nothing_of_it_is_placed() -> None:
    found = placed(replace(SETTINGS, firewall=False))
    assert files.FIREWALL not in found
    assert not [path for path in found if "firewall" in path]


def test_a_peer_is_reached_where_it_is() -> None:
    text = placed(replace(SETTINGS, mesh_address="10.86.0.1"), peers=(PEER,))[
        "/etc/wireguard/instancectl0.conf"
    ].content
    assert "AllowedIPs = 10.86.0.2/32" in text
    assert "Endpoint = 203.0.113.8:51820" in text
    assert "PrivateKey" not in text


def test_a_peer_with_ipv6_only_is_reached_in_brackets() -> None:
    peer = replace(PEER, public_addresses=("2001:db8::8",))
    assert (
        "Endpoint = [2001:db8::8]:51820" in placed(peers=(peer,))["/etc/wireguard/instancectl0.conf"].content
    )


@pytest.mark.parametrize(("window", "upgrade"), [("03:30", "03:00"), ("00:10", "23:40"), ("00:30", "00:00")])
def test_upgrades_come_half_an_hour_before_the_reboot(window: str, upgrade: str) -> None:
    found = placed(replace(SETTINGS, reboot_window=window))
    timer = found["/etc/systemd/system/apt-daily-upgrade.timer.d/instancectl.conf"].content
    assert f"OnCalendar=*-*-* {upgrade}\n" in timer
    assert f'Automatic-Reboot-Time "{window}"' in found["/etc/apt/apt.conf.d/52instancectl"].content


def test_without_a_window_nothing_reboots() -> None:
    found = placed(replace(SETTINGS, reboot_window=""))
    assert 'Automatic-Reboot "false"' in found["/etc/apt/apt.conf.d/52instancectl"].content
    assert not [path for path in found if "apt-daily-upgrade" in path]


def test_what_others_must_not_read_they_cannot() -> None:
    found = placed()
    assert found["/etc/wireguard/instancectl0.conf"].mode == "0600"
    assert found["/etc/sudoers.d/instancectl"].mode == "0440"


def test_a_service_is_told_again_when_any_of_its_files_differs() -> None:
    before, after = placed(), placed(peers=(PEER,))
    mark = f"{files.APPLIED}/mesh"
    assert before[mark].content != after[mark].content
    assert before[f"{files.APPLIED}/docker"].content == after[f"{files.APPLIED}/docker"].content


def test_every_mark_belongs_to_a_role_that_is_told() -> None:
    found = placed()
    told = {file.after for file in found.values() if file.after}
    assert {file.path for file in found.values() if file.role == "applied"} == {
        f"{files.APPLIED}/{r}" for r in told
    }


def test_swap_is_a_unit_only_where_there_is_swap() -> None:
    unit = "/etc/systemd/system/instancectl-swap.service"
    assert "2147483648" in placed()[unit].content
    assert unit not in placed(facts=vps(container="lxc"))
