"""What the one-shot jobs of a deploy do inside Mastodon: schema, settings, the owner's account.

    mastodon = MastodonJobs()
    swarm = FakeSwarm()
    swarm.work = mastodon.run
    assert mastodon.accounts == {"admin": "secret-1"}

Jobs answer with the words of the real 4.6.3 (tests/captured/cli/tootctl.txt).
"""

from __future__ import annotations

from collections import Counter

from instancectl.core.desired import OneShot


class MastodonJobs:
    """A database that remembers. `accounts` maps username to password."""

    def __init__(self) -> None:
        self.accounts: dict[str, str] = {}
        self.migrations: list[str] = []
        self.registrations = ""
        self.runs: Counter[str] = Counter()

    def run(self, job: OneShot) -> tuple[int, str]:
        """Carry out a job; exit code and output."""
        self.runs[job.name] += 1
        if job.name.startswith("schema-"):
            self.migrations.append(job.name)
            return 0, "[dotenv] Loaded .env.production\n"
        if job.name == "settings":
            self.registrations = job.argv[-1].split("settings registrations ")[1].split()[0]
            return 0, ""
        if job.argv[1:3] == ("accounts", "create"):
            return self._create(job.argv[3])
        if job.argv[1:3] == ("accounts", "modify"):
            return self._reset(job.argv[3])
        return 0, ""

    def _create(self, username: str) -> tuple[int, str]:
        if username in self.accounts:
            return 1, "Failure/Error: account.username\n    taken\n"
        self.accounts[username] = f"made-password-{self.runs.total()}"
        return 0, f"OK\nNew password: {self.accounts[username]}\n"

    def _reset(self, username: str) -> tuple[int, str]:
        if username not in self.accounts:
            return 1, "No user with such username\n"
        self.accounts[username] = f"reset-password-{self.runs.total()}"
        return 0, f"OK\nNew password: {self.accounts[username]}\n"
