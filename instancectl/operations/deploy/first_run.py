"""What a fresh Mastodon is told once: schema, settings, the owner's account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from instancectl.core.steps import CreateOwner, FirstRunSettings, PrepareSchema
from instancectl.errors import OperationFailed

SCHEMA_COMMANDS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "fresh": (("bundle", "exec", "rails", "db:prepare"), {"SAFETY_ASSURED": "1"}),
    "before": (("bundle", "exec", "rails", "db:migrate"), {"SKIP_POST_DEPLOYMENT_MIGRATIONS": "true"}),
    "after": (("bundle", "exec", "rails", "db:migrate"), {}),
}
"""lib/tasks/db.rake: any value of the variable counts, so afterwards it must be absent."""

REGISTRATIONS: Mapping[str, tuple[str, ...]] = {
    "open": ("open",),
    "approved": ("approved",),
    "none": ("close",),
}
"""Setting → words of `tootctl settings registrations`."""

PASSWORD = re.compile(r"^New password: (\S+)$", re.MULTILINE)
MAIL_UNREACHABLE = re.compile(r"email\s+unreachable")
TAKEN = re.compile(r"account\.username\s+taken")


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner's account; the password is shown once and kept nowhere."""

    username: str
    email: str
    password: str = ""


OWNER_TOLD = "owner-told"
"""Journal event: the person has seen the owner's password."""


def owner_was_tried(entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a run that did not come to an end may have created the owner's account."""
    events = [entry.get("event") for entry in entries if entry.get("step") == CreateOwner.kind]
    return bool(events) and events[-1] != "step-done"


def owner_was_told(entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether nobody misses the password: the account was shown, or never created by a run."""
    told = True
    for entry in entries:
        if entry.get("step") == CreateOwner.kind:
            told = entry.get("event") == "step-failed"
        told = told or entry.get("event") == OWNER_TOLD
    return told


def owner_lines(owner: Owner | None) -> list[str]:
    """The account and its password; nothing when there is no new one."""
    if owner is None or not owner.password:
        return []
    return [
        "",
        "  owner account (shown once, kept nowhere):",
        f"    log in with  {owner.email}",
        f"    password     {owner.password}",
    ]


def schema_failure(step: PrepareSchema, code: int, output: str) -> OperationFailed:
    """The migrations did not run through."""
    image = step.image.partition("@")[0]
    return OperationFailed(
        f"cannot prepare the database schema with {image}: exit code {code}\n{_quoted(output)}",
        hint="nothing that serves was changed; mend the cause, then run `instancectl deploy` again",
        subject="schema",
    )


def settings_script(step: FirstRunSettings) -> str:
    """One shell line: the registration mode by tootctl, the retention (which it cannot set) by the runner."""
    words = REGISTRATIONS[step.registrations]
    if step.registrations == "approved" and step.require_reason:
        words = (*words, "--require-reason")
    retention = {
        "media_cache_retention_period": step.media_days,
        "content_cache_retention_period": step.content_days,
    }
    ruby = "; ".join(f"Setting.{name} = {days}" for name, days in retention.items() if days)
    runner = f" && bin/rails runner '{ruby}'" if ruby else ""
    return f"bin/tootctl settings registrations {' '.join(words)}{runner}"


def settings_failure(code: int, output: str) -> OperationFailed:
    """Mastodon did not take the settings."""
    return OperationFailed(
        f"cannot make the first-run settings: exit code {code}\n{_quoted(output)}",
        hint="run `instancectl deploy` again, or set them under Preferences → Administration",
        subject="settings",
    )


def owner_command(step: CreateOwner) -> tuple[str, ...]:
    """Without `--approve` the owner of a closed instance would wait for approval by nobody."""
    account = ("accounts", "create", step.username, "--email", step.email)
    return ("bin/tootctl", *account, "--confirmed", "--approve", "--role", "Owner")


def reset_command(username: str) -> tuple[str, ...]:
    """Give an existing account a new password."""
    return ("bin/tootctl", "accounts", "modify", username, "--reset-password")


def password_in(output: str) -> str:
    """What tootctl generated, or an empty string."""
    found = PASSWORD.search(output)
    return found.group(1) if found else ""


def owner_failure(step: CreateOwner, code: int, output: str) -> OperationFailed:
    """Mastodon refused the account; its two most frequent words are explained."""
    domain = step.email.rpartition("@")[2]
    if MAIL_UNREACHABLE.search(output):
        return OperationFailed(
            f"cannot create the owner account: Mastodon finds no mail server for `{domain}` "
            "(no MX, A or AAAA record as seen from inside a container)",
            hint=f"add an MX record for `{domain}`, or change `owner.email` in instance.toml; "
            "then run `instancectl deploy` again",
            subject="owner.email",
        )
    return OperationFailed(
        f"cannot create the owner account `{step.username}`: exit code {code}\n{_quoted(output)}",
        hint="mend `[owner]` in instance.toml, then run `instancectl deploy` again",
        subject="owner",
    )


def _quoted(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith("[dotenv]")]
    return "\n".join(f"  | {line}" for line in lines[-12:])
