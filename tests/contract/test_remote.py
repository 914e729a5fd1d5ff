"""A host: in memory, over a real sshd, and this machine itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from instancectl.adapters.ssh import LocalShell, Ssh, SshHost
from instancectl.errors import OperationFailed, Refused, Unreachable
from tests.contract.sshd import Sshd, unavailable
from tests.fakes.remote import FakeRemote

EVERY_BYTE = bytes(range(256)) * 400
needs_sshd = [
    pytest.mark.contract,
    pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "sshd can run"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory, request):
    """A real sshd that is already known."""
    cache = Path(request.config.cache.mkdir("sshd"))
    with Sshd(tmp_path_factory.mktemp("sshd"), cache) as running:
        running.trust()
        yield running


@pytest.fixture
def ssh(server, tmp_path):
    """How to call ssh, with sockets of this test's own."""
    (tmp_path / "s").mkdir(mode=0o700)
    return Ssh(server.ssh, tmp_path / "s")


@pytest.fixture
def over_ssh(server, ssh):
    """Hosts by login name; their connections end with the test."""
    hosts: list[SshHost] = []

    def host(user: str) -> SshHost:
        hosts.append(SshHost(server.address(user), ssh))
        return hosts[-1]

    yield host
    for one in hosts:
        one.close()


@pytest.fixture(
    params=[
        "fake",
        "local",
        pytest.param("root", marks=needs_sshd),
        pytest.param("admin", marks=needs_sshd),
    ]
)
def remote(request):
    """A host whose login may become root."""
    if request.param == "fake":
        return FakeRemote()
    if request.param == "local":
        if os.geteuid():
            pytest.skip("needs root: it writes files that belong to root")
        return LocalShell()
    return request.getfixturevalue("over_ssh")(request.param)


@pytest.fixture
def place(remote, tmp_path, request):
    """A directory that root may write on that host."""
    if isinstance(remote, FakeRemote):
        return "/tmp"
    return str(tmp_path)


class TestAnyHost:
    def test_a_command_ends_with_an_outcome_even_when_it_fails(self, remote):
        assert remote.run(["true"]).code == 0
        assert remote.run(["false"]).code == 1
        assert remote.run(["sh", "-c", "exit 77"]).code == 77

    def test_a_program_that_is_not_there_is_an_outcome_too(self, remote):
        outcome = remote.run(["no-such-program"])
        assert outcome.code == 127
        assert "no-such-program" in outcome.err

    def test_every_byte_comes_back_as_it_was_sent(self, remote):
        assert remote.run(["cat"], stdin=EVERY_BYTE).out == EVERY_BYTE

    def test_a_stream_arrives_whole(self, remote):
        outcome = remote.send(["cat"], (EVERY_BYTE for _ in range(20)))
        assert outcome.out == EVERY_BYTE * 20

    @pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
    def test_a_file_is_written_with_its_mode(self, remote, place, mode):
        path = f"{place}/it's a file; $(rm) *"
        for content in (EVERY_BYTE, b""):
            remote.put(path, content, mode)
            assert remote.run(["cat", path], sudo=True).out == content
            assert remote.run(["stat", "-c", "%a", path], sudo=True).text == f"{mode:o}\n"

    def test_a_file_without_a_directory_is_an_error(self, remote):
        with pytest.raises(OperationFailed, match="cannot write `/no/such/file`"):
            remote.put("/no/such/file", b"x", 0o600)

    def test_a_command_that_is_passed_through_tells_its_exit_code(self, remote):
        assert remote.pass_through(["true"]) == 0
        assert remote.pass_through(["sh", "-c", "exit 77"], stdin=b"") == 77
        assert remote.pass_through(["true"], sudo=True) == 0

    def test_a_closed_host_opens_again(self, remote):
        remote.run(["true"])
        remote.close()
        assert remote.run(["true"]).code == 0


@pytest.fixture(params=["fake", pytest.param("real", marks=needs_sshd)])
def without_rights(request):
    """A host whose login may not become root without a password."""
    if request.param == "fake":
        return FakeRemote(sudo="password")
    return request.getfixturevalue("over_ssh")("asked")


class TestWithoutRights:
    def test_it_is_refused_to_become_root(self, without_rights):
        with pytest.raises(Refused, match="cannot become root on"):
            without_rights.run(["true"], sudo=True)
        with pytest.raises(Refused, match="cannot become root on"):
            without_rights.put("/tmp/x", b"", 0o600)

    def test_what_needs_no_root_goes_on(self, without_rights):
        assert without_rights.run(["cat"], stdin=b"x").out == b"x"

    def test_a_command_that_is_passed_through_fails_by_itself(self, without_rights):
        assert without_rights.pass_through(["true"], sudo=True) == 1


@pytest.mark.contract
@pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "sshd can run")
class TestOverSsh:
    WORDS = ("a b", "'", '"', "$HOME", "`id`", "*", "\\", "line\nline", "", "-x", "ü€", "!x", "a;b", "#")

    def test_words_arrive_as_they_are(self, over_ssh):
        script = 'for word in "$@"; do printf "%s\\0" "$word"; done'
        for sudo in (False, True):
            said = over_ssh("admin").run(["sh", "-c", script, "sh", *self.WORDS], sudo=sudo)
            assert said.text == "".join(f"{word}\0" for word in self.WORDS)

    def test_one_connection_serves_all(self, over_ssh, server):
        host = over_ssh("admin")
        peers = {host.run(["sh", "-c", "echo $SSH_CONNECTION"]).text for _ in range(3)}
        again = SshHost(server.address("admin"), host._ssh)
        peers.add(again.run(["sh", "-c", "echo $SSH_CONNECTION"]).text)
        assert len(peers) == 1

    def test_two_that_open_at_once_share_one(self, over_ssh, server):
        host = over_ssh("admin")
        said: list[str] = []

        def ask() -> None:
            one = SshHost(server.address("admin"), host._ssh)
            said.append(one.run(["sh", "-c", "echo $SSH_CONNECTION"]).text)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == 4
        assert len(set(said)) == 1

    def test_a_socket_that_nobody_serves_any_more_is_no_obstacle(self, over_ssh):
        host = over_ssh("admin")
        host.run(["true"])
        pid = host.run(["sh", "-c", "true"]) and _master(host)
        os.kill(pid, signal.SIGKILL)
        _wait_for(lambda: not Path(f"/proc/{pid}/exe").exists())
        assert host.socket.exists()
        assert host.run(["true"]).code == 0

    def test_a_command_that_hangs_is_ended_there_too(self, over_ssh, server):
        host = over_ssh("admin")
        with pytest.raises(Unreachable, match=r"`sleep` on `admin@.*` did not end within 1 s"):
            host.run(["sleep", "61.5"], timeout_seconds=1)
        assert "61.5" not in server.within("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")

    def test_a_connection_that_is_cut_is_told_from_a_command_that_fails(self, over_ssh, server):
        host = over_ssh("admin")
        assert host.run(["sh", "-c", "exit 255"]).code == 255
        threading.Timer(0.5, server.drop_sessions).start()
        with pytest.raises(Unreachable, match=r"connection to `admin@.*` was lost"):
            host.run(["sleep", "30"])
        assert host.run(["true"]).code == 0

    def test_a_file_is_never_seen_half_written_or_by_others(self, over_ssh, tmp_path):
        host = over_ssh("admin")
        host.put(f"{tmp_path}/x", b"old", 0o600)
        seen: set[str] = set()
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                for path in tmp_path.glob("x*"):
                    try:
                        seen.add(f"{path.stat().st_mode & 0o077:o}")
                    except FileNotFoundError:
                        continue

        watcher = threading.Thread(target=watch)
        watcher.start()
        host.put(f"{tmp_path}/x", EVERY_BYTE, 0o600)
        done.set()
        watcher.join()
        assert seen == {"0"}
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("x")] == ["x"]


@pytest.mark.contract
@pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "sshd can run")
class TestSignals:
    PROGRAM = """
import sys
from instancectl.adapters.ssh import Ssh, SshHost
from instancectl.core.host.address import parse
from pathlib import Path
host = SshHost(parse(sys.argv[1]), Ssh(tuple(sys.argv[3].split()), Path(sys.argv[2])))
sys.exit(host.pass_through(["python3", "-u", "-c", sys.argv[4]], sudo=True))
"""
    THERE = """
import signal, sys, time
print("ready", flush=True)
try:
    time.sleep(20)
except KeyboardInterrupt:
    print("interrupted there", flush=True)
    sys.exit(130)
"""

    @pytest.mark.parametrize("user", ["admin", "root"])
    def test_ctrl_c_reaches_the_command_and_its_answer_comes_back(self, over_ssh, server, ssh, user):
        over_ssh(user).open()
        words = [str(server.address(user)), str(ssh.directory), " ".join(server.ssh), self.THERE]
        child = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, *words], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "ready\n"
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=15)
        assert (child.returncode, out) == (130, "interrupted there\n")
        assert time.monotonic() - began < 10


def _master(host: SshHost) -> int:
    said = subprocess.run(
        ["ssh", "-S", host.socket, "-O", "check", "x"], capture_output=True, text=True, check=True
    )
    return int(said.stderr.partition("pid=")[2].partition(")")[0])


def _wait_for(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
