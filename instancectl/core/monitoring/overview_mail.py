"""The page about delivery and mail: who waits for a letter, and what arrives."""

from __future__ import annotations

from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.overview import STATE_OF, Cell, Facts, Figure, Reading, Section, State, Table
from instancectl.core.monitoring.overview_work import latency_cell
from instancectl.core.monitoring.sli import Verdict
from instancectl.core.units import show_seconds


def mail(facts: Facts, reading: Reading) -> Section:
    """From the sign-up to the confirmed address, and what the mail server says."""
    verdict = (facts.verdict.get("verdicts") or {}).get("mail")
    unconfirmed = reading.value(stores.SIGNUPS, "unconfirmed")
    confirmed = reading.value(stores.SIGNUPS, "confirmed")
    figures = (
        Figure("Signed up, confirmed", reading.cell(stores.SIGNUPS, "confirmed"), "25 to 1 hours ago"),
        Figure("Signed up, unconfirmed", reading.cell(stores.SIGNUPS, "unconfirmed"), "25 to 1 hours ago"),
        _waiting("Waiting for confirmation", reading, "unconfirmed"),
        _waiting("Waiting for review", reading, "pending_review"),
        Figure("Mails tried", reading.cell(sidekiq.MAIL_PROCESSED), "since the agent started"),
        Figure("Mails failed", _failed_mails(reading), "since the agent started"),
    )  # fmt: skip
    state, sentence = _mail_words(verdict, facts, confirmed, unconfirmed)
    return Section("mail", "Delivery & mail", sentence, state, figures, (_delivery(reading),))


def _mail_words(
    verdict: str | None, facts: Facts, confirmed: float | None, unconfirmed: float | None
) -> tuple[State, str]:
    if verdict is None:
        return State.UNKNOWN, "no mail server is probed: this instance has none, or nobody looked yet"
    reason = (facts.verdict.get("reasons") or {}).get("mail", "")
    if verdict != Verdict.GOOD:
        return STATE_OF[Verdict(verdict)], f"mail is {verdict}: {reason}"
    if confirmed is not None and unconfirmed is not None and unconfirmed > max(9.0, 2 * confirmed):
        return State.WARN, "the mail server takes mail, but most people do not confirm: look at SPF and DKIM"
    return State.GOOD, "the mail server takes mail"


def _waiting(label: str, reading: Reading, state: str) -> Figure:
    longest = reading.value(stores.USERS_OLDEST, state)
    note = f"the longest for {show_seconds(longest)}" if longest else "nobody waits"
    return Figure(label, reading.cell(stores.USERS, state), "" if longest is None else note)


def _failed_mails(reading: Reading) -> Cell:
    failed = reading.value(sidekiq.MAIL_FAILED)
    return reading.cell(sidekiq.MAIL_FAILED, state=State.WARN if failed else State.PLAIN)


def _delivery(reading: Reading) -> Table:
    rows = tuple(
        (
            Cell(name),
            reading.cell(sidekiq.QUEUE_JOBS, name),
            latency_cell(reading, name),
            reading.cell(sidekiq.QUEUE_PROCESSED, name),
            reading.cell(sidekiq.QUEUE_FAILED, name),
        )
        for name in ("mailers", "push", "pull", "ingress")
    )
    columns = ("Queue", "Size", "Latency", "Attempts", "Failed")
    return Table("Delivery, since the agent started", columns, rows)
