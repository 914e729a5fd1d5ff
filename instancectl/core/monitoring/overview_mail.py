"""The page about delivery and mail: who waits for a letter, and what arrives."""

from __future__ import annotations

from typing import NamedTuple

from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.overview import (
    STATE_OF,
    Cell,
    Facts,
    Figure,
    Reading,
    Section,
    State,
    Table,
    whole,
    worst,
)
from instancectl.core.monitoring.overview_queues import latency_cell, trouble, unattended, work_words
from instancectl.core.monitoring.sli import Verdict
from instancectl.core.units import show_seconds

QUEUES_SHOWN = ("mailers", "push", "pull", "ingress")
DELIVERS = QUEUES_SHOWN[1:]


def mail(facts: Facts, reading: Reading) -> Section:
    """From the sign-up to the confirmed address, and what the mail server says."""
    ago = "signed up 1 to 25 hours ago"
    figures = (
        Figure("Mails that wait", _waiting_mails(reading), _oldest_mail(reading)),
        Figure("Mails failed", _failed_mails(reading), "attempts since the agent started"),
        Figure("Mails tried", reading.cell(sidekiq.MAIL_PROCESSED), "since the agent started"),
        _waiting("Waiting for confirmation", reading, "unconfirmed"),
        _waiting("Waiting for review", reading, "pending_review"),
        Figure("Confirmed", reading.cell(stores.SIGNUPS, "confirmed"), ago),
        Figure("Not confirmed", reading.cell(stores.SIGNUPS, "unconfirmed"), ago),
    )
    found = (_server(facts), _queued(reading), _confirmed(reading), _delivered(reading))
    state = worst([one.state for one in found])
    # Few confirm while no mail leaves: that is no second trouble.
    wrong = [one for one in found if one.said and one.state is not State.GOOD and one is not found[2]]
    if state is not State.BAD and found[2].state is not State.GOOD:
        wrong.append(found[2])
    sentence = "; ".join(one.said for one in wrong) or found[0].said
    todo = next((one.runbook for one in wrong if one.runbook), "")
    if todo:
        sentence += f"; `instancectl runbook {todo}`"
    return Section("mail", "Delivery & mail", sentence, state, figures, (_delivery(reading),))


class Part(NamedTuple):
    """How one step on the way of a mail is, and what to read about it."""

    state: State
    said: str = ""
    runbook: str = ""


def _server(facts: Facts) -> Part:
    """What the last talk with the mail server said; an old one says nothing."""
    if facts.stale:
        said = "nobody has looked at the mail server lately: `systemctl status instancectl-agent`"
        return Part(State.UNKNOWN, said)
    verdict = (facts.verdict.get("verdicts") or {}).get("mail")
    if verdict is None:
        return Part(State.UNKNOWN, "no mail server is probed: this instance has none")
    if verdict == Verdict.GOOD:
        return Part(State.GOOD, "the mail server takes mail")
    reason = str((facts.verdict.get("reasons") or {}).get("mail", ""))
    todo = "MailServerDown" if verdict == Verdict.BAD else ""
    return Part(STATE_OF[Verdict(verdict)], reason or "why is not known", todo)


def _queued(reading: Reading) -> Part:
    """A mail server that is well says nothing about mails that nobody hands to it."""
    waiting = reading.value(sidekiq.QUEUE_JOBS, "mailers")
    if waiting is None:
        return Part(State.UNKNOWN, "whether mails wait is not known: Redis was not read")
    if unattended(reading, ("mailers",)):
        return Part(State.BAD, f"nobody sends mails, {whole(waiting)} wait", "QueueUnattended")
    if latency_cell(reading, "mailers").state is State.BAD:
        return Part(State.BAD, f"mails wait: {whole(waiting)}, {_oldest_mail(reading)}", "MailersStuck")
    return Part(State.GOOD)


def _confirmed(reading: Reading) -> Part:
    unconfirmed = reading.value(stores.SIGNUPS, "unconfirmed")
    confirmed = reading.value(stores.SIGNUPS, "confirmed")
    if confirmed is None or unconfirmed is None:
        return Part(State.UNKNOWN, "who waits for a confirmation is not known: PostgreSQL was not read")
    if unconfirmed > max(9.0, 2 * confirmed):
        said = "most people who sign up do not confirm: look at SPF and DKIM"
        return Part(State.WARN, said, "SignupConfirmationsLow")
    return Part(State.GOOD)


def _delivered(reading: Reading) -> Part:
    """What goes to other servers, and comes from them."""
    state, said = work_words(reading, DELIVERS)
    return Part(state, said, trouble(reading, DELIVERS))


def _waiting_mails(reading: Reading) -> Cell:
    states = (State.BAD,) if unattended(reading, ("mailers",)) else ()
    state = worst([*states, latency_cell(reading, "mailers").state])
    return reading.cell(sidekiq.QUEUE_JOBS, "mailers", state=state)


def _oldest_mail(reading: Reading) -> str:
    latency = reading.value(sidekiq.QUEUE_LATENCY, "mailers")
    if latency is None:
        return "how long is not known"
    allowed = show_seconds(reading.value(sidekiq.QUEUE_OBJECTIVE, "mailers") or 0.0)
    return f"the oldest for {show_seconds(latency)}, {allowed} are allowed" if latency else "none is late"


def _waiting(label: str, reading: Reading, state: str) -> Figure:
    longest = reading.value(stores.USERS_OLDEST, state)
    if longest is None:
        note = "PostgreSQL was not read"
    else:
        note = f"the longest for {show_seconds(longest)}" if longest else "nobody waits"
    return Figure(label, reading.cell(stores.USERS, state), note)


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
        for name in QUEUES_SHOWN
    )
    columns = ("Queue", "Size", "Latency", "Attempts", "Failed")
    return Table("Delivery; attempts since the agent started", columns, rows)
