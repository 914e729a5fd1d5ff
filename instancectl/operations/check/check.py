"""The story of a check: choose, look, judge, tell."""

from __future__ import annotations

from collections.abc import Iterable

from instancectl.core.check import Finding, Severity, verdict
from instancectl.core.checks import registry, report
from instancectl.core.checks.model import Gate
from instancectl.core.letter import letter
from instancectl.core.observed import Observed
from instancectl.core.result import Result, Status
from instancectl.errors import Refused
from instancectl.operations.check.looking import Senses, Subject, gather

UNHEALTHY_EXIT_CODE = 4


def check(senses: Senses, subject: Subject, only: Iterable[str] = (), send_test_mail: str = "") -> Result:
    """Judge everything, or only the checks of these slugs; takes at most about 10 s.

    Raises:
        Refused: a test mail is wanted, but no mail is sent at all.
    """
    wanted = frozenset(only)
    if send_test_mail:
        _refuse_without_mail(subject)
        wanted = wanted | {"smtp"} if wanted else wanted
    checks = registry.chosen(wanted)
    mail = letter(subject.config, send_test_mail) if send_test_mail else None
    facts = gather(senses, subject, registry.looks(checks), mail=mail)
    judgements = registry.judge(checks, facts)
    found, left_out = registry.findings(judgements), registry.skipped(judgements)
    worst = verdict(found)
    return Result(
        Status.FAILED if worst is Severity.FAIL else Status.OK,
        {
            "verdict": worst.value,
            "headline": report.headline(facts, found),
            "findings": [finding.as_json() for finding in found],
            "skipped": [{"check": one.check, "reason": one.why} for one in left_out],
        },
        report.lines(facts, found, left_out),
        exit_code=UNHEALTHY_EXIT_CODE if worst is Severity.FAIL else 0,
    )


def preflight(
    senses: Senses, subject: Subject, stack: Observed, accepted: Iterable[str] = ()
) -> tuple[Finding, ...]:
    """The findings that decide whether a deploy may begin; any `fail` among them stops it.

    Until an instance was first seen to work, the outside is asked, too; later only what takes no time.

    Args:
        senses: what to look with.
        subject: whose deploy it is.
        stack: as just observed.
        accepted: slugs whose `fail` the admin has accepted.
    """
    gate = Gate.CHANGED if subject.applied.verified else Gate.FIRST
    checks = registry.chosen(registry.GATES[gate])
    facts = gather(senses, subject, registry.looks(checks), stack=stack)
    return registry.findings(registry.judge(checks, facts), accepted)


def health(senses: Senses, subject: Subject) -> tuple[Finding, ...]:
    """The findings a person would notice; a deploy verifies by them, `status` shows them."""
    checks = registry.chosen(registry.HEALTH)
    facts = gather(senses, subject, registry.looks(checks))
    return registry.findings(registry.judge(checks, facts))


def _refuse_without_mail(subject: Subject) -> None:
    mail = subject.config.mail
    if mail.mode == "none" or (mail.mode == "smtp" and not mail.server):
        raise Refused(
            f'cannot send a test mail: `mail.mode = "{mail.mode}"`'
            + (" without `mail.server`" if mail.mode == "smtp" else ""),
            hint='set `mail.mode = "smtp"` and `mail.server`, or `mail.mode = "catch"`',
            subject="smtp",
        )
