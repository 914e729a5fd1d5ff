"""Alerts on what people notice: services that are down, and error budgets that burn.

A service that is down is named once, by the agent's verdict; budgets catch what comes and goes.
"""

from __future__ import annotations

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alert import HOUR, MINUTE, Alert, Severity
from instancectl.core.monitoring.recordings import BURN_PAGES, BURN_TICKETS, budget, error_ratio, left

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET

STORES = ("DatabaseDown", "RedisNotWritable", "DiskAlmostFull")
"""While one of these fires, whatever depends on it fires too."""

SERVICES = ("WebDown", "StreamingDown", "EdgeDown", "MediaMissing")

DOWN_SECONDS = 45
"""Three slices: shorter gaps are what a replica's restart looks like."""


def uptime_alerts(_: InstanceConfig) -> tuple[Alert, ...]:
    """Of services and budgets."""
    return (*_down(), *_budgets())


def _down() -> tuple[Alert, ...]:
    return (
        Alert(
            "WebDown", _PAGE, 'instancectl_cause{service="web"} == 1', DOWN_SECONDS,
            "`web` does not answer as it should",
            "Nobody can log in, read or post; other servers cannot deliver.",
            "instancectl logs web", STORES, planned=True,
        ),
        Alert(
            "StreamingDown", _PAGE, 'instancectl_cause{service="streaming"} == 1', DOWN_SECONDS,
            "`streaming` does not answer as it should",
            "Timelines no longer update by themselves, and apps ask `web` all the more often.",
            "instancectl logs streaming", STORES, planned=True,
        ),
        Alert(
            "EdgeDown", _PAGE, 'max without (service) (instancectl_cause{service=~"cache|proxy"}) == 1',
            DOWN_SECONDS,
            "the way in fails although everything behind it is well",
            "Nobody reaches the instance.",
            "instancectl logs proxy", (*STORES, "WebDown"), planned=True,
        ),
        Alert(
            "SidekiqDown", _PAGE,
            'instancectl_cause{service="sidekiq"} == 1'
            " and on (site) sum by (site) (instancectl_sidekiq_queue_processes) == 0",
            DOWN_SECONDS,
            "no process of Sidekiq beats",
            "Posts reach nobody, nothing arrives, no mail leaves; all of it waits and is not lost.",
            "instancectl logs sidekiq", STORES, planned=True,
        ),
        Alert(
            "MediaMissing", _PAGE, 'instancectl_cause{service="media"} == 1', 2 * MINUTE,
            "uploads cannot be seen through the edge",
            "Pictures and avatars are missing on every page.",
            "instancectl logs cache", (*STORES, "EdgeDown"), planned=True,
        ),
        Alert(
            "MailServerDown", _PAGE, 'instancectl_cause{service="mail"} == 1', 10 * MINUTE,
            "the mail server does not take our login",
            "Nobody can confirm a sign-up or reset a password; notifications do not leave.",
            "instancectl check",
        ),
        Alert(
            "PostsNotArriving", _PAGE,
            # A long queue has alerts of its own, and so has whatever was named a moment ago.
            "instancectl_canary_success == 0\n"
            'unless on (site) instancectl_sidekiq_queue_latency_seconds{queue="default"} > 10\n'
            f"{_untold('3m')}",
            2 * MINUTE,
            "what is posted is not accepted or does not arrive",
            "People read, and whatever they write is refused or seen by nobody.",
            "instancectl check --only canary", (*STORES, *SERVICES, "SidekiqDown", "QueueUnattended"),
            planned=True,
        ),
    )  # fmt: skip


def _untold(window: str) -> str:
    """What a page has named is not paged again while it still counts in the short window."""
    told = "|".join((*STORES, *SERVICES))
    named = f'ALERTS{{alertname=~"{told}", alertstate="firing"}}[{window}]'
    return f"unless on (site) count_over_time({named})"


def _burning(pairs: tuple[tuple[str, str, float], ...], slis: str) -> str:
    """Either pair of windows burns; each factor is that of the long window."""
    parts = [
        f'({error_ratio(long)}{{sli=~"{slis}"}} > {budget(factor)}\n'
        f'  and {error_ratio(short)}{{sli=~"{slis}"}} > {budget(factor)})'
        for long, short, factor in pairs
    ]
    return "\nor\n".join(parts)


PAGED_SLIS = "availability|streaming"
"""`web`, `login` and `federation` are in `availability`; queues have alerts of their own."""

TICKET_SLIS = "availability|streaming|media|mail|timeline|queue_.*"


def _budgets() -> tuple[Alert, ...]:
    fast, slow = BURN_PAGES
    enough = (
        f'sum by (site, sli) (increase(instancectl_sli_bad_slices_total{{sli=~"{PAGED_SLIS}"}}[1h])) > 3.5'
    )
    causes = (*STORES, *SERVICES)
    return (
        Alert(
            "ErrorBudgetBurnFast", _PAGE,
            # Four bad slices in an hour are 1.6 %; the count keeps a young history from paging for less.
            f"{_burning((fast,), PAGED_SLIS)}\nand {enough}\n{_untold('6m')}",
            MINUTE,
            "{{ $labels.sli }} burns its error budget 14 times too fast: "
            "{{ $value | humanizePercentage }} of the last hour was bad",
            "People meet errors now; the budget of a month would be gone in two days.",
            "instancectl check", causes, planned=True,
        ),
        Alert(
            "ErrorBudgetBurnSlow", _PAGE, f"{_burning((slow,), PAGED_SLIS)}\n{_untold('35m')}",
            5 * MINUTE,
            "{{ $labels.sli }} burns its error budget 6 times too fast: "
            "{{ $value | humanizePercentage }} of the last 6 hours was bad",
            "People meet errors again and again.",
            "instancectl uptime", causes, ("ErrorBudgetBurnFast",), "sli",
        ),
        Alert(
            "ErrorBudgetBurnTicket", _TICKET, _burning(BURN_TICKETS, TICKET_SLIS), 30 * MINUTE,
            "{{ $labels.sli }} will not keep its objective this month if it goes on like this",
            "Small errors add up.",
            "instancectl uptime", causes, ("ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"), "sli",
        ),
        Alert(
            "ErrorBudgetExhausted", _TICKET, f'{left()}{{sli=~"{TICKET_SLIS}"}} < 0', 15 * MINUTE,
            "{{ $labels.sli }} has missed its objective over the last 30 days",
            "The instance was less reliable than promised.",
            "instancectl uptime",
        ),
        Alert(
            "SloCoverageLow", _TICKET,
            'instancectl:slo_coverage:ratio_30d{sli="availability"} < 0.98', HOUR,
            "only {{ $value | humanizePercentage }} of the last 30 days was measured",
            "The uptime is a guess.",
            "instancectl uptime", ("ExporterDown", "ProbesStalled"),
        ),
    )  # fmt: skip
