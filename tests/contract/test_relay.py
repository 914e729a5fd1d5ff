"""Commands typed here that run on a host: a real sshd, and this very instancectl on the other side."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pytest

from tests.contract.sshd import Sshd, unavailable

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "sshd can run"),
]
ROOT = Path(__file__).resolve().parents[2]
SECRET = "correct-horse-battery"
PROGRAM = "/usr/local/bin/instancectl"
WAITING = "trap 'echo interrupted; exit 130' INT; echo ready; sleep 30 >/dev/null 2>&1 & wait"


@pytest.fixture(scope="module")
def server(tmp_path_factory, request):
    """A host with instancectl: this checkout, or this installation."""
    cache = Path(request.config.cache.mkdir("sshd"))
    with Sshd(tmp_path_factory.mktemp("sshd"), cache) as running:
        running.trust()
        running.program(f'PYTHONPATH={ROOT} exec {sys.executable} -m instancectl "$@"')
        yield running


@pytest.fixture
def environment(server):
    """Of the person who types."""
    run = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))  # short: it holds sockets
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("INSTANCECTL_", "NO_COLOR"))
    }
    yield {
        **kept,
        "INSTANCECTL_SSH": shlex.join(server.ssh),
        "XDG_RUNTIME_DIR": str(run),
        "PYTHONPATH": str(ROOT),
    }
    for socket in run.glob("*/*"):
        if socket.suffix != ".lock":
            subprocess.run(["ssh", "-S", socket, "-O", "exit", "x"], capture_output=True, check=False)
    shutil.rmtree(run)


@pytest.fixture
def typed(server, environment, tmp_path):
    """Type a command in an empty directory; bytes as they come back."""
    (tmp_path / "here").mkdir()

    def run(*words: str, user: str = "admin", stdin: bytes = b"", **more: str):
        return subprocess.run(
            [sys.executable, "-m", "instancectl", "--host", str(server.address(user)), *words],
            cwd=tmp_path / "here", env={**environment, **more}, input=stdin, capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def stub(server):
    """Another program in place of instancectl, for what only the transport decides."""

    def put(script: str) -> None:
        server.program(script, name="stub")
        server.within(f"mount --bind /usr/local/bin/stub {PROGRAM}")

    yield put
    server.within(f"while umount {PROGRAM} 2>/dev/null; do :; done")


class TestPassingThrough:
    def test_bytes_and_exit_code_come_back_as_they_are(self, typed, stub):
        stub(r"""printf '\000\377\r\n\033[1m\004'; printf 'err\r\n\376' >&2; exit 77""")
        done = typed("status", "-q")
        assert (done.returncode, done.stdout, done.stderr) == (77, b"\0\xff\r\n\x1b[1m\x04", b"err\r\n\xfe")

    def test_what_is_piped_in_arrives(self, typed, stub):
        stub("cat")
        sent = bytes(range(256)) * 1000
        assert typed("tootctl", "x", stdin=sent, NO_COLOR="").stdout == sent

    def test_words_arrive_as_typed_without_the_host(self, typed, stub):
        stub(r"""printf '%s\n' "$@" """)
        words = ("status", "--json", "a b", "'$HOME'", "*", "")
        assert typed(*words).stdout.decode().splitlines() == [
            "--host",
            "local",
            "--json",
            "status",
            *words[2:],
        ]

    def test_it_runs_as_root_in_the_directory_of_the_instance(self, typed, stub, server):
        server.within("mkdir -p -m 700 /etc/instancectl")
        stub("id -u; pwd; echo $SUDO_USER")
        assert typed("status").stdout.decode().split() == ["0", "/etc/instancectl", "admin"]
        server.within("rmdir /etc/instancectl")

    def test_the_document_of_a_command_is_the_hosts(self, typed):
        done = typed("status", "--json")
        document = json.loads(done.stdout)
        assert done.returncode == document["exit_code"] == 3
        assert "/etc/instancectl/instance.toml" in document["errors"][0]["message"]

    def test_a_usage_error_is_the_hosts(self, typed):
        done = typed("plan", "--nonsense")
        assert done.returncode == 2
        assert b"--nonsense" in done.stderr

    def test_the_second_command_uses_the_connection_of_the_first(self, typed, stub):
        stub("echo done; cat /proc/$PPID/comm")
        assert typed("status").returncode == 0
        began = time.monotonic()
        typed("status")
        assert time.monotonic() - began < 10


class TestNotes:
    def test_another_version_there_is_told_with_what_to_type(self, typed, stub, server):
        stub("exit 0")
        server.within("mkdir -p /opt/instancectl && ln -sfn releases/other /opt/instancectl/current")
        done = typed("status")
        assert done.returncode == 0
        assert b"another version of instancectl" in done.stderr
        assert b"instancectl host provision --host admin@127.0.0.1" in done.stderr
        assert typed("status", "--quiet").stderr == b""

    def test_the_same_version_there_is_not_worth_a_word(self, typed, stub, server):
        from instancectl.adapters import assets, code_bundle

        stub("exit 0")
        release = f"releases/{code_bundle.fingerprint(assets.PACKAGE, assets.asset)}"
        server.within(f"mkdir -p /opt/instancectl && ln -sfn {release} /opt/instancectl/current")
        assert typed("status").stderr == b""

    def test_a_host_without_instancectl_is_told_with_what_to_type(self, typed, server):
        server.within(f"mount --bind /dev/null {PROGRAM}")
        try:
            done = typed("status", "--json")
        finally:
            server.within(f"umount {PROGRAM}")
        document = json.loads(done.stdout)
        assert done.returncode == 7
        assert "instancectl is not installed on" in document["errors"][0]["message"]
        assert "instancectl host provision --host" in document["errors"][0]["hint"]

    @pytest.mark.parametrize("user", ["asked", "plain"])
    def test_a_login_that_may_not_become_root_is_told(self, typed, user):
        done = typed("status", "--json", user=user)
        assert done.returncode == 7
        assert "cannot become root on" in json.loads(done.stdout)["errors"][0]["message"]


class TestSecrets:
    def test_a_password_file_of_this_machine_reaches_the_instance_and_leaves_nothing(
        self, typed, server, tmp_path
    ):
        (tmp_path / "here" / "pw").write_text(f"{SECRET}\n")
        done = typed(
            "init", "--directory", "/run/made", "--domain", "social.example", "--email", "",
            "--smtp-server", "mx.example", "--smtp-login", "me", "--smtp-password-file", "pw",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert f"SMTP_PASSWORD={SECRET}" in server.within("cat /run/made/secrets.env")
        assert server.within("ls -d /run/instancectl-relay.* 2>/dev/null || true") == ""
        server.within("rm -r /run/made")

    @pytest.mark.parametrize("way", ["variable", "file"])
    def test_nobody_on_the_host_can_read_it_meanwhile(self, typed, stub, server, tmp_path, way):
        stub(
            'for file in "$@"; do :; done; cat "$file"; echo; ls -ld /run/instancectl-relay.*\n'
            'stat -c %a "$file"\n'
            "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' >/run/seen"
        )
        (tmp_path / "here" / "pw").write_text(SECRET)
        if way == "file":
            done = typed("init", "--smtp-password-file", "pw")
        else:
            done = typed("init", INSTANCECTL_SMTP_PASSWORD=SECRET)
        said = done.stdout.decode()
        assert said.startswith(SECRET), done.stderr
        assert re.search(r"^drwx------ .* root root ", said.removeprefix(SECRET), re.MULTILINE)
        assert said.split()[-1] == "600"
        assert SECRET not in server.within("cat /run/seen; rm /run/seen")
        assert server.within("ls -d /run/instancectl-relay.* 2>/dev/null || true") == ""

    def test_the_key_of_a_bucket_goes_along_with_the_commands_that_read_it(self, typed, stub, server):
        stub(
            'echo "$INSTANCECTL_BACKUP_KEY_ID $INSTANCECTL_BACKUP_KEY"\n'
            "stat -c %a /run/instancectl-relay.*/*\n"
            "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' >/run/seen"
        )
        key = 'it\'s "$ecret" `x`'
        variables = {"INSTANCECTL_BACKUP_KEY_ID": "me", "INSTANCECTL_BACKUP_KEY": key}
        assert typed("backup", "list", **variables).stdout.decode() == f"me {key}\n600\n"
        assert "ecret" not in server.within("cat /run/seen; rm /run/seen")
        assert server.within("ls -d /run/instancectl-relay.* 2>/dev/null || true") == ""
        assert typed("status", **variables).stdout.decode().split("\n")[0] == " "

    def test_a_file_that_is_not_there_is_told_before_anything_runs(self, typed):
        done = typed("init", "--from-env", "no-such-file")
        assert done.returncode == 3
        assert b"no-such-file" in done.stderr


class TestTerminal:
    def test_a_terminal_here_is_a_terminal_there_and_ctrl_c_is_a_key(self, server, environment, stub):
        stub(f"tty; stty size; {WAITING}")
        child, terminal = pty.fork()
        if child == 0:
            words = [sys.executable, "-m", "instancectl", "--host", str(server.address("admin")), "console"]
            os.execve(sys.executable, words, environment)  # noqa: S606 - a terminal needs a process of its own
        termios.tcsetwinsize(terminal, (33, 77))
        said = _until(terminal, b"ready")
        assert b"/dev/pts/" in said
        assert b"33 77" in said
        os.write(terminal, b"\x03")
        said = _until(terminal, b"interrupted")
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(status) == 130

    def test_without_a_terminal_ctrl_c_reaches_it_too(self, server, environment, stub):
        stub(WAITING)
        address = str(server.address("admin"))
        words = [sys.executable, "-m", "instancectl", "-q", "--host", address, "status"]
        child = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
        assert (child.returncode, out) == (130, b"interrupted\n")


class TestManager:
    def test_the_instance_file_names_the_manager(self, server, environment, tmp_path, stub):
        stub('printf "%s\\n" "$@"')
        (tmp_path / "instance.toml").write_text(
            f'[instance]\ndomain = "social.example"\n[hosts]\nmanager = "{server.address("admin")}"\n'
        )

        def run(*words: str):
            return subprocess.run(
                [sys.executable, "-m", "instancectl", "-q", *words], cwd=tmp_path, env=environment,
                capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip

        there = ["--host", "local", "-q", "journal"]
        assert run("journal").stdout.split() == there
        assert run("--config", "instance.toml", "journal").stdout.split() == [
            "--host",
            "local",
            "-q",
            "journal",
        ]
        assert run("deploy").stdout.split()[-1] == "deploy"
        server.within("mkdir -p -m 700 /etc/instancectl")
        server.within(r"""printf '[instance]\ndomain = "other.example"\n' >/etc/instancectl/instance.toml""")
        refused = run("deploy")
        server.within("rm -r /etc/instancectl")
        assert refused.returncode == 7
        assert "differ in `instance.domain`; neither was changed" in refused.stderr
        assert run("journal", "--host", "local").stdout.startswith("nothing was done yet")
        assert '"title"' in run("config", "schema").stdout


def _until(terminal: int, text: bytes, seconds: float = 30) -> bytes:
    said = b""
    deadline = time.monotonic() + seconds
    while text not in said:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 4096)
            except OSError:
                break
    assert text in said, said
    return said
