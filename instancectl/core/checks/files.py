"""Checks of what is written down: the instance file, the secrets, the identity, the release, the budgets."""

from __future__ import annotations

from datetime import UTC, date, datetime

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import NO_LAYOUT, Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.releases import RELEASE_LINES, line_of, parse_version
from instancectl.core.unknown import Unknown

SOON_DAYS = 30
"""Support that ends this soon is worth a word: an upgrade takes planning."""


def config(facts: Facts) -> Finding:
    """The file was read and understood before any check ran; what is left is what contradicts the machine."""
    layout = facts.layout
    if isinstance(layout, Unknown) and isinstance(facts.stack, Unknown) and isinstance(facts.memory, Unknown):
        return unknown("config", layout, "a machine to judge the sizes by")
    if isinstance(layout, Unknown):
        return fail(
            "config",
            layout.reason,
            "sizes that fit this machine",
            layout.hint or "type `instancectl config explain`",
        )
    said = facts.config
    mail = {"smtp": said.mail.server or "no server", "catch": "caught on this host", "none": "not sent"}
    if said.mail.mode == "smtp" and not said.mail.server:
        return fail(
            "config",
            '`mail.mode = "smtp"` without `mail.server`: nobody could confirm an address',
            "a mail server, or another mode",
            'set `mail.server`, or `mail.mode = "catch"` to try things out',
        )
    return ok(
        "config",
        f"{said.instance.domain}, release {said.instance.release}, layout {layout.name}, "
        f"mail {mail[said.mail.mode]}, media {said.media.storage}",
    )


def secrets(facts: Facts) -> Finding:
    """Every secret present and whole."""
    problems = facts.secrets
    if isinstance(problems, Unknown):
        return unknown(
            "secrets", problems, "readable secrets", "type `ls -l secrets.env` beside the instance file"
        )
    if problems:
        seen = "; ".join(problem.seen for problem in problems)
        hint = next((problem.hint for problem in problems if problem.hint), "") or (
            "put the value back into `secrets.env`; never make up a new one for an existing instance"
        )
        return fail("secrets", seen, "all secrets present and whole", hint)
    return ok("secrets", "all present and well-formed")


def identity(facts: Facts) -> Finding:
    """LOCAL_DOMAIN and WEB_DOMAIN are what they were at the first boot."""
    wanted, recorded = facts.config.instance, facts.applied
    if not recorded.local_domain:
        return ok("identity", f"`{wanted.domain}`; permanent once deployed")
    if recorded.local_domain != wanted.domain:
        return fail(
            "identity",
            f"`instance.domain` is `{wanted.domain}`, but this instance was first deployed as "
            f"`{recorded.local_domain}`: every account and every follower elsewhere knows it by that name",
            f"`{recorded.local_domain}`",
            f'set `instance.domain = "{recorded.local_domain}"`; for another domain make another instance',
        )
    was, now = recorded.web_domain or recorded.local_domain, facts.config.site
    if was != now:
        return fail(
            "identity",
            f"the site is now `{now}`, but was first deployed as `{was}`: links of every account point there",
            f"`{was}`",
            f'set `instance.web_domain = "{"" if was == wanted.domain else was}"`',
        )
    return ok("identity", f"`{wanted.domain}`, as on the first deploy")


def release(facts: Facts) -> Finding:
    """A release that is known and still gets security fixes."""
    wanted = facts.config.instance.release
    line = line_of(wanted)
    if line is None:
        known = f"{RELEASE_LINES[0].line} to {RELEASE_LINES[-1].line}"
        return warn(
            "release",
            f"{wanted} is of a line this instancectl does not know (it knows {known})",
            f"a release of {known}",
            "upgrade instancectl, or read the release notes before you deploy",
        )
    newest = _newer(wanted, line.newest)
    now = None if isinstance(facts.now, Unknown) else datetime.fromtimestamp(facts.now, UTC).date()
    if line.supported_until and now is not None:
        left = (date.fromisoformat(line.supported_until) - now).days
        if left < SOON_DAYS:
            ended = "ended on" if left < 0 else "end on"
            return warn(
                "release",
                f"{wanted}: security fixes for {line.line} {ended} {line.supported_until}",
                f"a supported line, {RELEASE_LINES[-2].line} or {RELEASE_LINES[-1].line}",
                f'set `instance.release = "{RELEASE_LINES[-1].newest}"` and deploy',
            )
    if newest:
        return warn(
            "release",
            f"{wanted}; {newest} of the same line was out when this instancectl was made",
            f"{newest} or newer",
            f'set `instance.release = "{newest}"` and deploy',
        )
    return ok("release", f"{wanted}, line {line.line}, gets security fixes")


def connections(facts: Facts) -> Judgement:
    """Everything that opens a connection to PostgreSQL fits below its limit."""
    budget, pooled = facts.connection_budget, _pooled(facts)
    if isinstance(budget, Unknown):
        return Skipped("connections", NO_LAYOUT)
    if not budget.fits:
        return fail(
            "connections",
            budget.arithmetic,
            f"at most {budget.limit} connections",
            'set `database.pgbouncer = "auto"`, raise `database.max_connections`, or lower threads',
        )
    seen = f"needs {budget.total} of {budget.limit}" + (", services through PgBouncer" if pooled else "")
    return ok("connections", seen)


def _pooled(facts: Facts) -> bool:
    return not isinstance(facts.layout, Unknown) and facts.layout.pgbouncer is not None


def _newer(wanted: str, newest: str) -> str:
    own, best = parse_version(wanted), parse_version(newest)
    return newest if own is not None and best is not None and own < best else ""
