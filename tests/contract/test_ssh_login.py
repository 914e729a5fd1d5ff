"""Logging in to a real sshd: each way to fail is told apart, and a key is never silently accepted."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from instancectl.adapters import assets, host_look
from instancectl.adapters.ssh import OfferedKeys, Ssh, SshHost
from instancectl.core.host.address import HostAddress
from instancectl.core.host.facts import HostFacts
from instancectl.errors import Refused, Unreachable
from instancectl.operations.host.look import look
from instancectl.operations.host.trust import log_in
from instancectl.ports.remote import HostKeyChanged, HostKeyUnknown, LoginRefused
from tests.contract.sshd import Sshd, unavailable
from tests.fakes.host_keys import FakeHostKeys

needs_sshd = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "sshd can run")


@pytest.fixture(scope="module")
def server(tmp_path_factory, request):
    """A real sshd that nobody knows."""
    cache = Path(request.config.cache.mkdir("sshd"))
    with Sshd(tmp_path_factory.mktemp("sshd"), cache) as running:
        yield running


@pytest.fixture
def ssh(server, tmp_path):
    """How to call ssh; nobody's key is known."""
    server.known_hosts.unlink(missing_ok=True)
    (tmp_path / "s").mkdir(mode=0o700)
    return Ssh(server.ssh, tmp_path / "s")


@pytest.fixture
def host(server, ssh):
    """Hosts by address; their connections end with the test."""
    made: list[SshHost] = []

    def make(address: HostAddress | str, way: Ssh = ssh) -> SshHost:
        made.append(SshHost(server.address(address) if isinstance(address, str) else address, way))
        return made[-1]

    yield make
    for one in made:
        one.close()


class FakeSide:
    """The fake, in the shape of the real pair."""

    def __init__(self) -> None:
        self.keys = FakeHostKeys("SHA256:first")
        self.address = HostAddress("root", "203.0.113.7")

    def fingerprint(self) -> str:
        return self.keys.shown

    def log_in(self) -> None:
        self.keys.log_in(self.address)

    def reinstall(self) -> None:
        self.keys.shown = "SHA256:second"


class RealSide:
    """A real server and a real file of known hosts."""

    def __init__(self, server, ssh, host) -> None:
        self.server, self.host = server, host
        self.keys = OfferedKeys(ssh)
        self.address = server.address("root")

    def fingerprint(self) -> str:
        return self.server.fingerprint()

    def log_in(self) -> None:
        one = self.host(self.address)
        one.close()
        one.open()

    def reinstall(self) -> None:
        self.server.new_host_key()


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.contract, needs_sshd])])
def side(request):
    """Keys of a host, in memory or real."""
    if request.param == "fake":
        return FakeSide()
    return RealSide(*(request.getfixturevalue(name) for name in ("server", "ssh", "host")))


class TestKeys:
    def test_what_is_shown_is_what_the_admin_reads_on_the_console(self, side):
        assert [key.fingerprint for key in side.keys.offered(side.address)] == [side.fingerprint()]
        assert side.keys.known(side.address) == ()

    def test_looking_at_a_key_does_not_trust_it(self, side):
        side.keys.offered(side.address)
        with pytest.raises(HostKeyUnknown):
            side.log_in()

    def test_a_recorded_key_lets_us_in(self, side):
        side.keys.record(side.keys.offered(side.address), side.address)
        side.log_in()
        assert [key.fingerprint for key in side.keys.known(side.address)] == [side.fingerprint()]

    def test_a_reinstalled_host_is_another_one(self, side):
        side.keys.record(side.keys.offered(side.address), side.address)
        before = side.fingerprint()
        side.reinstall()
        with pytest.raises(HostKeyChanged):
            side.log_in()
        assert [key.fingerprint for key in side.keys.known(side.address)] == [before]
        assert [key.fingerprint for key in side.keys.offered(side.address)] == [side.fingerprint()]


@pytest.mark.contract
@needs_sshd
class TestTrust:
    def enter(self, server, ssh, host, **options):
        address = server.address("admin")
        one = host(address)
        log_in(one.open, OfferedKeys(ssh), address, **options)
        return one

    def test_a_yes_lets_in_and_is_remembered(self, server, ssh, host):
        asked: list[str] = []
        one = self.enter(server, ssh, host, ask=lambda question: not asked.append(question))
        assert server.fingerprint() in asked[0]
        one.close()
        self.enter(server, ssh, host)

    def test_a_no_leaves_the_file_of_known_hosts_alone(self, server, ssh, host):
        server.known_hosts.write_text("# mine\n")
        with pytest.raises(Refused, match="it was not confirmed"):
            self.enter(server, ssh, host, ask=lambda _: False)
        assert server.known_hosts.read_text() == "# mine\n"

    def test_what_is_in_the_file_stays_there(self, server, ssh, host):
        server.known_hosts.write_text("# no end of line")
        self.enter(server, ssh, host, named=server.fingerprint())
        assert server.known_hosts.read_text().startswith("# no end of line\n|1|")

    def test_a_changed_key_tells_both_fingerprints_and_how_to_forget_the_old_one(self, server, ssh, host):
        before = server.fingerprint()
        self.enter(server, ssh, host, named=before).close()
        server.new_host_key()
        with pytest.raises(Refused) as caught:
            self.enter(server, ssh, host, named=server.fingerprint())
        assert f"known is ed25519 {before}" in caught.value.message
        assert f"shown is ed25519 {server.fingerprint()}" in caught.value.message
        assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in caught.value.hint


@pytest.mark.contract
@needs_sshd
class TestFailures:
    def test_a_wrong_user_or_key(self, server, ssh, host):
        server.trust()
        with pytest.raises(LoginRefused, match="refused the login as `ghost`") as caught:
            host("ghost").open()
        assert "authorized_keys" in caught.value.hint
        (server.directory / "stranger").write_text(
            server.config.read_text().replace(f"{server.directory}/key", f"{server.directory}/strangers_key")
        )
        stranger = Ssh(("ssh", "-F", str(server.directory / "stranger")), ssh.directory)
        with pytest.raises(LoginRefused, match="refused the login as `root`") as caught:
            host("root", stranger).open()
        assert "--host admin@" in caught.value.hint

    def test_nothing_listens(self, host):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        with pytest.raises(Unreachable, match=f"nothing answers on port {port}"):
            host(HostAddress("root", "127.0.0.1", port)).open()

    def test_a_name_that_does_not_resolve(self, host):
        with pytest.raises(Unreachable, match=r"the name `no-such-host\.invalid` does not resolve"):
            host(HostAddress("root", "no-such-host.invalid")).open()

    def test_something_that_is_no_sshd(self, host):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            address = HostAddress("root", "127.0.0.1", mute.getsockname()[1])
            with pytest.raises(Unreachable, match="no answer on port"):
                host(address).open()

    def test_something_that_hangs_up(self, host, server):
        server.trust()
        with socket.create_server(("127.0.0.1", 0)) as rude:
            import threading

            def hang_up() -> None:
                connection, _ = rude.accept()
                connection.close()

            threading.Thread(target=hang_up, daemon=True).start()
            address = HostAddress("root", "127.0.0.1", rude.getsockname()[1])
            with pytest.raises(Unreachable, match="ended the connection before the login"):
                host(address).open()

    def test_a_broken_configuration_of_ssh(self, host, server, ssh, tmp_path):
        (tmp_path / "config").write_text("NoSuchOption yes\n")
        broken = Ssh(("ssh", "-F", str(tmp_path / "config")), ssh.directory)
        with pytest.raises(Refused, match=r"configuration of this machine: .*nosuchoption"):
            host("root", broken).open()

    def test_no_ssh_on_this_machine(self, host, ssh):
        absent = Ssh(("no-such-ssh",), ssh.directory)
        with pytest.raises(Unreachable, match="there is no `no-such-ssh` on this machine"):
            host("root", absent).open()

    def test_what_a_person_configured_for_their_own_sessions_does_not_happen_to_ours(
        self, host, server, ssh, tmp_path
    ):
        server.trust()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            config = tmp_path / "config"
            config.write_text(
                server.config.read_text() + "RemoteCommand echo mine\nRequestTTY force\nLogLevel DEBUG\n"
                f"LocalForward {taken.getsockname()[1]} 127.0.0.1:1\nExitOnForwardFailure yes\nEscapeChar x\n"
                "ControlMaster auto\nControlPath /tmp/never-%C\nControlPersist yes\n"
            )
            one = host("admin", Ssh(("ssh", "-F", str(config)), ssh.directory))
            assert one.run(["cat"], stdin=b"x\nx.\n\x04").out == b"x\nx.\n\x04"
        assert not list(Path("/tmp").glob("never-*"))


@pytest.mark.contract
@needs_sshd
class TestLook:
    def seen(self, one) -> HostFacts:
        return look(one, host_look.STARTER, host_look.program(assets.assets_directory("templates")))

    @pytest.mark.parametrize(
        ("user", "sudo"),
        [("root", "root"), ("admin", "passwordless"), ("asked", "password"), ("plain", "none")],
    )
    def test_how_a_login_becomes_root_is_told(self, server, host, user, sudo):
        server.trust()
        facts = self.seen(host(user))
        assert (facts.user, facts.sudo) == (user, sudo)
        assert facts.ssh_port == server.port
        assert facts.system == "debian"
        assert facts.memory_bytes > 0
        assert facts.cores > 0

    def test_the_keys_of_the_login_are_told(self, server, host):
        server.trust()
        home = server.directory / "homes" / "admin" / ".ssh"
        home.mkdir(exist_ok=True)
        (home / "authorized_keys").write_text("# mine\nssh-ed25519 AAAA me\n\n")
        assert self.seen(host("admin")).login_keys == ("ssh-ed25519 AAAA me",)

    def test_a_host_that_was_provisioned_tells_its_record(self, server, host):
        server.trust()
        server.within("mkdir -p /etc/instancectl && chmod 700 /etc/instancectl")
        server.within("""echo '{"name": "one", "mesh": {"public_key": "k="}}' > /etc/instancectl/host.json""")
        facts = self.seen(host("admin"))
        assert facts.record == {"name": "one", "mesh": {"public_key": "k="}}
        assert facts.mesh_public_key == "k="
        server.within("rm -r /etc/instancectl")

    def test_packages_that_are_held_half_installed_or_locked_are_told(self, server, host):
        server.trust()
        server.within(
            "mkdir -p /var/lib/dpkg/updates && cd /var/lib/dpkg && touch lock lock-frontend && printf '"
            "Package: a\\nStatus: hold ok installed\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\n"
            "Description: x\\n\\nPackage: b\\nStatus: install ok half-configured\\nVersion: 1\\n"
            "Architecture: all\\nMaintainer: x\\nDescription: x\\n' > status"
        )
        facts = self.seen(host("root"))
        assert facts.held_packages == ("a",)
        assert facts.dpkg_problem == "b"
        assert facts.dpkg_holder == ""
        holding = host("root")
        hold = "import fcntl,time; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f,fcntl.LOCK_EX)"
        holding.run(
            ["sh", "-c", f'setsid python3 -c "{hold}; time.sleep(60)" >/dev/null 2>&1 </dev/null & sleep 1']
        )
        assert self.seen(host("root")).dpkg_holder.startswith("python3 (pid ")

    def test_a_host_without_python_is_told(self, server, host):
        server.trust()
        one = host("admin")
        one.open()
        server.within("mkdir -p /tmp/empty && mount --bind /dev/null /usr/bin/python3")
        try:
            with pytest.raises(Refused, match="there is no `python3`"):
                self.seen(one)
        finally:
            server.within("umount /usr/bin/python3")

    def test_a_login_without_a_shell_is_told(self, server, host):
        server.trust()
        with pytest.raises(Refused, match="runs no commands"):
            self.seen(host("nobash"))
