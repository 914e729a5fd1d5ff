"""`host provision` on real systemd hosts, over real SSH."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.host import ROOT
from tests.hosts.conftest import MakeHost, TwoHosts
from tests.hosts.machine import Laptop, TestHost

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1500)]


def provision(
    laptop: Laptop, *hosts: str, check: bool = True, options: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run the command and return its JSON document."""
    named = [word for host in hosts for word in ("--host", host)]
    done = laptop.cli("--json", *named, "host", "provision", *options, expect=0 if check else None)
    document: dict[str, Any] = json.loads(done.out)
    return document


def admin(host: TestHost) -> str:
    """The login that is left after provisioning."""
    return f"admin@{host.address}"


def can_log_in(host: TestHost, user: str) -> bool:
    """Over a connection of its own, up to root."""
    words = ("true",) if user == "root" else ("sudo", "-n", "true")
    return host.ssh(*words, user=user, check=False).code == 0


def test_a_second_run_changes_nothing(two_hosts: TwoHosts) -> None:
    document = provision(two_hosts.laptop, *(admin(host) for host in two_hosts.both))
    assert [host["changes"] for host in document["data"]["hosts"]] == [[], []]
    assert document["status"] == "unchanged"


def test_the_admin_gets_in_and_root_does_not(two_hosts: TwoHosts) -> None:
    for host in two_hosts.both:
        assert can_log_in(host, "admin")
        assert not can_log_in(host, "root")
        effective = host.exec("sshd", "-T", "-C", "user=admin,host=x,addr=192.0.2.1").out.splitlines()
        assert {"passwordauthentication no", "permitrootlogin no", "kbdinteractiveauthentication no"} <= set(
            effective
        )


def test_everything_it_promised_runs(two_hosts: TwoHosts) -> None:
    for host in two_hosts.both:
        record = json.loads(host.exec("cat", "/etc/instancectl/host.json").out)
        assert record["ssh_closed"]
        for unit in record["units"]:
            assert host.exec("systemctl", "is-enabled", unit, check=False).out.strip() == "enabled", unit
        for path, digest in record["files"].items():
            assert host.exec("sha256sum", path).out.split()[0] == digest
        engine = host.exec("docker", "info", "--format", "{{.LoggingDriver}} {{.LiveRestoreEnabled}}").out
        assert engine.split() == ["json-file", "false"]
        assert host.exec("instancectl", "--version").out.startswith("instancectl ")
        assert (
            record["mesh"]["public_key"] == host.exec("wg", "show", "instancectl0", "public-key").out.strip()
        )
        assert not host.units("failed")


def test_what_somebody_undid_is_mended_and_nothing_else(two_hosts: TwoHosts) -> None:
    host = two_hosts.bookworm
    host.script(
        "nft delete table inet instancectl;"
        "systemctl disable --now instancectl-check.timer;"
        "chmod 0777 /etc/instancectl;"
        "echo '# hello' >> /etc/sysctl.d/60-instancectl.conf"
    )
    (told,) = provision(two_hosts.laptop, admin(host))["data"]["hosts"]
    roles = {change.partition(":")[0] for change in told["changes"]}
    assert roles == {
        "directories and mounts",
        "firewall",
        "swap, kernel settings, limits",
        "units and timers",
    }
    assert host.exec("nft", "list", "table", "inet", "instancectl", check=False).code == 0
    assert host.exec("systemctl", "is-active", "instancectl-check.timer").out.strip() == "active"
    assert provision(two_hosts.laptop, admin(host))["status"] == "unchanged"


def test_a_check_shows_a_difference_and_leaves_it(two_hosts: TwoHosts) -> None:
    host = two_hosts.trixie
    path = "/etc/security/limits.d/60-instancectl.conf"
    before = host.exec("cat", path).out
    host.script(f"echo '# mine' >> {path}")
    document = provision(two_hosts.laptop, admin(host), options=("--check", "--diff"))
    assert document["status"] == "planned"
    assert "-# mine" in document["data"]["hosts"][0]["diff"]
    assert host.exec("cat", path).out.endswith("# mine\n")
    provision(two_hosts.laptop, admin(host))
    assert host.exec("cat", path).out == before


def test_after_a_reboot_nothing_needs_to_be_done(two_hosts: TwoHosts) -> None:
    host = two_hosts.trixie
    host.reboot()
    assert can_log_in(host, "admin")
    for unit in ("docker.service", "instancectl-firewall.service", "wg-quick@instancectl0.service"):
        assert host.exec("systemctl", "is-active", unit, check=False).out.strip() == "active", unit
    assert provision(two_hosts.laptop, admin(host))["status"] == "unchanged"


def test_on_the_host_itself_a_key_that_was_seen_in_use_is_the_proof(two_hosts: TwoHosts) -> None:
    host = two_hosts.trixie
    assert can_log_in(host, "admin")
    drop_in = "/etc/ssh/sshd_config.d/01-instancectl.conf"
    host.script(f"rm {drop_in}; systemctl reload ssh; journalctl --rotate; journalctl --vacuum-time=1s")
    unseen = json.loads(host.exec("instancectl", "--json", "host", "provision", check=False).out)
    assert unseen["exit_code"] == 8
    assert "log in here over SSH with a key" in unseen["notes"][-1]
    assert host.exec("test", "-e", drop_in, check=False).code == 1

    assert can_log_in(host, "admin")
    here = json.loads(host.exec("instancectl", "--json", "host", "provision").out)
    changes = here["data"]["hosts"][0]["changes"]
    assert "SSH without passwords and root: close passwords and root for SSH" in changes
    assert "instancectl-proof" not in host.exec("cat", "/home/admin/.ssh/authorized_keys").out
    assert can_log_in(host, "admin")
    assert not can_log_in(host, "root")


@pytest.mark.slow
def test_a_host_with_a_will_of_its_own(make_host: MakeHost, laptop: Laptop) -> None:
    """A mirror that is gone, a login that cannot work, an Engine with settings: said, and nobody is out."""
    host = make_host("stubborn", "bookworm")
    laptop.knows([host])
    host.write("/etc/docker/daemon.json", '{"mtu": 1400, "live-restore": true}\n')
    sources = host.exec("cat", "/etc/apt/sources.list").out
    host.script(
        "cp /etc/apt/sources.list /root/;"
        "sed -i 's#http[s]*://[^/ ]*#http://127.0.0.1:9#' /etc/apt/sources.list"
    )
    assert host.exec("cat", "/etc/apt/sources.list").out != sources
    failed = provision(laptop, host.ssh_target, check=False)
    (error,) = failed["errors"]
    assert "the package mirror cannot be reached" in error["message"]
    assert "apt-get update" in error["hint"]
    assert can_log_in(host, "root")

    host.script("cp /root/sources.list /etc/apt/sources.list")
    host.write("/etc/ssh/sshd_config.d/50-mine.conf", "AllowUsers root\n")
    host.script("systemctl reload ssh")
    half = provision(laptop, host.ssh_target, check=False)
    assert (half["status"], half["exit_code"]) == ("partial", 8)
    assert "did not work" in " ".join(half["notes"])
    assert can_log_in(host, "root")
    settings = json.loads(host.exec("cat", "/etc/docker/daemon.json").out)
    assert settings["mtu"] == 1400
    assert "live-restore" not in settings

    host.script("rm /etc/ssh/sshd_config.d/50-mine.conf; systemctl reload ssh")
    assert provision(laptop, host.ssh_target)["status"] == "changed"
    assert can_log_in(host, "admin")
    assert not can_log_in(host, "root")
    # Root's login is closed now; the same line goes on as the admin.
    assert provision(laptop, host.ssh_target)["status"] == "unchanged"


def killed_after_each_change(host: TestHost, laptop: Laptop, *roles: str) -> list[str]:
    """Die after every change of these roles, of all without; the changes, in order. Nobody is ever out."""
    laptop.knows([host])
    memory = laptop.directory / "died-after"
    while True:
        done = subprocess.run(
            [sys.executable, "-m", "tests.hosts.provision_and_die", host.ssh_target, str(memory), *roles],
            env=laptop.environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        died_after = memory.read_text().splitlines()
        assert can_log_in(host, "admin") or can_log_in(host, "root"), (
            f"locked out after {died_after}: {done.stderr}"
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert can_log_in(host, "admin")
    assert not can_log_in(host, "root")
    assert provision(laptop, admin(host))["status"] == "unchanged"
    return died_after


def test_killed_after_what_could_lock_somebody_out(make_host: MakeHost, laptop: Laptop) -> None:
    died_after = killed_after_each_change(make_host("killed", "bookworm"), laptop, "admin", "firewall", "ssh")
    assert {task.partition(":")[0] for task in died_after} == {"admin", "firewall", "ssh"}
    assert "ssh: Tell sshd" in " ".join(died_after)


@pytest.mark.slow
def test_killed_between_any_two_changes_it_never_locks_the_admin_out(
    make_host: MakeHost, laptop: Laptop
) -> None:
    assert len(killed_after_each_change(make_host("killed", "bookworm"), laptop)) > 20
