"""`check --exposure`, and the host's own checks, with everything they ask answered by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.checks.seen import Listener
from instancectl.core.result import Status
from instancectl.errors import Unreachable
from instancectl.operations.check import exposed, exposure_of
from tests.fakes.host import FakeHost
from tests.fakes.own_host import RECORD, UNITS, fresh_host, provisioned_host, scan_of, tools_of
from tests.operations.check_world import HERE, world

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what must be found


def machine(*listeners: Listener) -> FakeHost:
    host = FakeHost()
    host.own, host.held = (HERE,), listeners
    return host


def listener(port: int, process: str, address: str = EVERYWHERE) -> Listener:
    return Listener(port, "tcp", address, process, 812)


class TestExposure:
    def test_a_host_that_shows_what_it_should_exits_0(self) -> None:
        own = provisioned_host()
        scan_of(own).open_tcp[HERE] = {22, 80, 443}
        result = exposed(own, machine(), None)
        assert (result.status, result.exit_code) == (Status.OK, 0)
        assert result.lines[0] == "one shows only what it should"

    def test_a_port_too_many_exits_4_and_says_who_and_what_to_type(self) -> None:
        own = provisioned_host()
        scan_of(own).open_tcp[HERE] = {22, 6379}
        result = exposed(own, machine(listener(6379, "redis-server")), None)
        assert result.exit_code == 4
        assert any("held by `redis-server` (pid 812)" in line for line in result.lines)
        assert [one["severity"] for one in result.data["findings"]] == ["fail"]

    def test_a_published_port_is_found_by_docker_s_rules_alone(self) -> None:
        own = provisioned_host()
        rule = b"-A DOCKER -p tcp -m tcp --dport 5555 -j DNAT --to-destination 172.17.0.2:80\n"
        tools_of(own).nat = rule
        scan_of(own).open_tcp[HERE] = {22, 5555}
        assert "172.17.0.2:80" in exposed(own, machine(), None).lines[0]

    def test_nobody_could_look_is_not_well(self) -> None:
        own = provisioned_host()
        scan_of(own).error = Unreachable("cannot look", hint="run it as root")
        result = exposed(own, machine(), None)
        assert (result.data["verdict"], result.exit_code) == ("unknown", 4)

    def test_a_record_that_may_not_be_read_is_not_a_host_without_one(self) -> None:
        own = provisioned_host()
        tools_of(own).refusing.add("record")
        assert exposed(own, machine(), None).data["verdict"] == "unknown"

    def test_on_any_other_host_sshd_and_the_proxy_may_answer(self) -> None:
        own = fresh_host()
        scan_of(own).open_tcp[HERE] = {2222, 8443}
        held = (listener(2222, "sshd"), listener(8443, "docker-proxy"))
        config = world(proxy={"https_port": 8443}).config
        assert exposed(own, machine(*held), config).exit_code == 0
        assert exposed(own, machine(*held), None).exit_code == 4

    def test_from_another_host_only_public_addresses_are_tried(self) -> None:
        own, here = provisioned_host(), machine()
        here.own = ("10.0.0.5", HERE)
        scan_of(own).open_tcp[HERE] = {22}
        exposed(own, here, None, far=True, all_ports=True)
        (asked,) = scan_of(own).asked
        assert asked.addresses == (HERE,)
        assert asked.tcp == ((1, 65535),)

    def test_a_deploy_on_a_host_that_was_not_provisioned_looks_at_nothing(self) -> None:
        own = fresh_host()
        assert exposure_of(own, machine(), world().config) == ()
        assert scan_of(own).asked == []


class TestDrift:
    @pytest.fixture
    def here(self):
        made = world()
        made.own = provisioned_host(replace(RECORD, units=UNITS))
        scan_of(made.own).open_tcp[HERE] = {22, 80, 443}
        return made

    def test_a_host_as_provisioning_left_it_is_well(self, here) -> None:
        assert here.check().data["verdict"] == "ok", here.check().lines

    def test_a_host_that_was_not_provisioned_is_looked_at_no_further(self) -> None:
        here = world()
        skipped = {one["check"] for one in here.check().data["skipped"]}
        assert {"exposure", "firewall", "sshd", "timers", "packages", "keys", "managed-files"} <= skipped
        assert not {"exposure", "firewall", "sshd", "units", "packages", "keys", "managed"} & set(
            here.together.ran
        )

    @pytest.mark.parametrize(
        ("slug", "severity", "change"),
        [
            ("exposure", "fail", lambda own: scan_of(own).open_tcp[HERE].add(6379)),
            ("firewall", "fail", lambda own: setattr(tools_of(own), "table", "")),
            ("firewall", "fail", lambda own: setattr(tools_of(own), "file", "")),
            ("sshd", "fail", lambda own: tools_of(own).sshd.update(passwordauthentication="yes")),
            ("timers", "fail", lambda own: tools_of(own).units.update({UNITS[2]: "ActiveState=inactive"})),
            ("packages", "fail", lambda own: setattr(tools_of(own), "periodic", "0")),
            ("packages", "warn", lambda own: setattr(tools_of(own), "held", ("docker.io",))),
            ("keys", "fail", lambda own: setattr(tools_of(own), "keys", "")),
            ("managed-files", "warn", lambda own: tools_of(own).sums.clear()),
        ],
    )
    def test_each_change_is_found_by_its_check_alone(self, here, slug, severity, change) -> None:
        change(here.own)
        found = here.found()
        assert found[slug].severity == severity
        assert found[slug].hint
        others = {name for name, one in found.items() if one.severity != "ok" and name != slug}
        assert others <= {"sshd"}  # its file is one of those that were cleared

    @pytest.mark.parametrize(
        ("tool", "slug"),
        [
            ("nft", "firewall"),
            ("sshd", "sshd"),
            ("systemctl", "timers"),
            ("apt", "packages"),
            ("keys", "keys"),
        ],
    )
    def test_a_tool_that_may_not_be_used_is_unknown(self, here, tool, slug) -> None:
        tools_of(here.own).refusing.add(tool)
        assert here.found()[slug].severity == "unknown"
