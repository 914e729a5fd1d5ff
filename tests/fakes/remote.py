"""A host in memory: files, and commands that a test teaches it.

remote = FakeRemote()                                            # admin@203.0.113.7, sudo without a password
remote.programs["docker"] = lambda argv, stdin: Outcome(0, b"28.5\\n")
remote.run(["docker", "version"]).text                           # "28.5\\n"
remote.put("/etc/x", b"content", 0o600)
remote.files["/etc/x"]                                           # (0o600, b"content")
FakeRemote(sudo="password").run(["true"], sudo=True)             # raises Refused
FakeRemote(error=Unreachable("…")).run(["true"])                 # raises it
FakeRemote(address=None)                                         # this machine

It knows `true`, `false`, `cat` (a file, or stdin), `stat -c %a FILE` and `sh -c "exit N"` by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from instancectl.core.host.address import HostAddress, parse
from instancectl.errors import InstanceError, OperationFailed, Refused
from instancectl.ports.remote import Outcome

Program = Callable[[Sequence[str], bytes], Outcome]


class FakeRemote:
    """See `ports.remote.Remote`."""

    def __init__(
        self,
        address: str | None = "admin@203.0.113.7",
        *,
        sudo: str = "passwordless",
        error: InstanceError | None = None,
    ) -> None:
        self._address = parse(address) if address else None
        self.sudo = sudo
        self.error = error
        self.files: dict[str, tuple[int, bytes]] = {}
        self.directories = {"/", "/etc", "/etc/instancectl", "/opt", "/run", "/tmp", "/usr/local/bin"}
        self.shown = b""
        self.open = False
        self.programs: dict[str, Program] = {
            "true": lambda _argv, _stdin: Outcome(0),
            "false": lambda _argv, _stdin: Outcome(1),
            "cat": self._cat,
            "stat": self._stat,
            "sh": lambda argv, _stdin: Outcome(int(argv[2].removeprefix("exit "))),
        }

    @property
    def address(self) -> HostAddress | None:
        return self._address

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_seconds: float = 60, sudo: bool = False
    ) -> Outcome:
        self._log_in(sudo=sudo)
        program = self.programs.get(argv[0])
        return program(argv, stdin) if program else Outcome(127, b"", f"{argv[0]}: not found")

    def put(self, path: str, content: bytes, mode: int, *, sudo: bool = True) -> None:
        self._log_in(sudo=sudo)
        if path.rpartition("/")[0] not in self.directories:
            raise OperationFailed(f"cannot write `{path}` on `{self._address}`: no such directory")
        self.files[path] = (mode, content)

    def send(self, argv: Sequence[str], chunks: Iterator[bytes], *, sudo: bool = False) -> Outcome:
        return self.run(argv, stdin=b"".join(chunks), sudo=sudo)

    def pass_through(
        self, argv: Sequence[str], *, tty: bool = False, stdin: bytes | None = None, sudo: bool = False
    ) -> int:
        self._log_in()
        if sudo and self.sudo in {"password", "none"}:
            return 1  # `sudo` itself says why, on stderr
        outcome = self.run(argv, stdin=stdin or b"")
        self.shown += outcome.out
        return outcome.code

    def close(self) -> None:
        self.open = False

    def _log_in(self, *, sudo: bool = False) -> None:
        if self.error:
            raise self.error
        self.open = True
        if sudo and self.sudo in {"password", "none"}:
            raise Refused(f"cannot become root on `{self._address}`: `sudo` asks for a password")

    def _cat(self, argv: Sequence[str], stdin: bytes) -> Outcome:
        if not argv[1:]:
            return Outcome(0, stdin)
        if argv[1] not in self.files:
            return Outcome(1, b"", f"cat: {argv[1]}: No such file or directory")
        return Outcome(0, self.files[argv[1]][1])

    def _stat(self, argv: Sequence[str], stdin: bytes) -> Outcome:
        return Outcome(0, f"{self.files[argv[3]][0]:o}\n".encode())
