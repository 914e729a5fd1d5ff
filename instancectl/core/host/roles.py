"""What provisioning does, in order: the roles of `playbooks/site.yml`, in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """One role.

    Attributes:
        name: of its folder in `playbooks/roles`, and its tag.
        title: for progress.
        reason: why it is done; one sentence.
    """

    name: str
    title: str
    reason: str


ROLES: tuple[Role, ...] = (
    Role("preflight", "look at the host", "what is as it should be is left alone, so a second run is short"),
    Role("packages", "packages and time", "certificates, signed posts and logins need the right time"),
    Role("storage", "directories and mounts", "data lies where backups and owners expect it"),
    Role("admin", "admin user and keys", "nobody works as root, and every admin has a key of their own"),
    Role("updates", "security updates", "known holes are closed by night, without anybody"),
    Role("kernel", "swap, kernel settings, limits", "Redis and PostgreSQL survive a surge on a small host"),
    Role("docker", "Docker Engine", "it runs the services, restarts them, and keeps their logs small"),
    Role("mesh", "private network", "traffic between hosts is encrypted, and Swarm never listens outside"),
    Role("program", "instancectl itself", "the host runs, checks and repairs itself without the laptop"),
    Role("firewall", "firewall", "only what is meant to answer does, published ports of Docker included"),
    Role("units", "units and timers", "checks and the agent run by themselves, also after a reboot"),
    Role("ssh", "SSH without passwords and root", "passwords are guessed all day; keys are not"),
    Role("record", "host record", "`check` compares the host with what was done here"),
)

TITLES = {role.name: role.title for role in ROLES}
