"""A surge drill: what it needs, what is started for it, and what its numbers say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from instancectl.core import footprint
from instancectl.core.config import InstanceConfig
from instancectl.core.scaling.simulator.outcome import percentile
from instancectl.core.scaling.weights import weight
from instancectl.core.scaling.work import OBJECTIVES
from instancectl.core.sizes import Layout
from instancectl.core.units import MB, MIB, show_mib

DOMAIN: Final = "drill.example"
DATABASE_BYTES: Final = 400 * MB
REDIS_BYTES: Final = 128 * MB
CROWD_BYTES: Final = 2 * footprint.ONE_SHOT
"""Two boots of Rails: what prepares the database has ended before the crowd comes, the world is small."""

MEMORY_KEPT: Final = 0.10
WAIT_SECONDS: Final = 0.3
"""How long a mail server and other servers take to answer: an assumption, as in the simulator."""

SITE_SECONDS: Final = 2.0
BEHIND: Final = 64
"""By so much the weights of a drill are lighter than those of the instance beside it."""

MARK: Final = re.compile(r"^instancectl: (\{.*\})$", re.MULTILINE)


def memory_needed(layout: Layout) -> int:
    """Bytes that everything of a drill takes together, each process at its measured size."""
    sidekiq = sum(footprint.sidekiq_loaded(plan.threads) * plan.replicas for plan in layout.sidekiq)
    web = footprint.web_loaded(layout.web.processes) * layout.web.replicas
    return web + sidekiq + DATABASE_BYTES + REDIS_BYTES + CROWD_BYTES


def shortage(layout: Layout, available: int, total: int) -> str:
    """Why there is no room for it beside what runs here, with the arithmetic; empty when there is."""
    needed, kept = memory_needed(layout), int(MEMORY_KEPT * total)
    if needed + kept <= available:
        return ""
    return (
        f"{show_mib(needed)} for containers of its own + {show_mib(kept)} kept free "
        f"> {show_mib(available)} available"
    )


def light(service: str) -> int:
    """The processor weight of a container of a drill: the instance beside it always comes first."""
    return max(2, weight(service) // BEHIND)


def closed(config: InstanceConfig) -> InstanceConfig:
    """The configuration with another name, mail for a server of the drill, and media on its own disk."""
    mail = config.mail.model_copy(
        update={
            "mode": "smtp",
            "server": "world",
            "port": 1025,
            "login": "",
            "starttls": "never",
            "tls": False,
            "auth_method": "none",
            "verify": "none",
        }
    )
    media = config.media.model_copy(update={"storage": "local"})
    named = {"domain": DOMAIN, "web_domain": "", "single_user": False}
    instance = config.instance.model_copy(update=named)
    return config.model_copy(update={"instance": instance, "mail": mail, "media": media})


OPEN: Final[Mapping[str, str]] = {
    "ALLOWED_PRIVATE_ADDRESSES": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
    "EMAIL_DOMAIN_ALLOWLIST": "people.example",
}
"""Mastodon delivers to no private address, and believes in no mail domain that DNS does not know."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the crowd saw.

    Attributes:
        seconds: of load.
        accepted, mailed: sign-ups that succeeded, and those whose mail was out before the load ended.
        refused: answer → how often.
        answers, mails: seconds until sign-ups were answered, and until their mails were out; some of many.
        out: sign-ups whose mail was out a minute after the load at the latest.
        sent, delivered: deliveries to other servers.
        late: queue → most seconds that its oldest job had waited.
    """

    seconds: float
    accepted: int
    mailed: int
    refused: Mapping[str, int]
    answers: Sequence[float]
    mails: Sequence[float]
    out: int
    sent: int
    delivered: int
    late: Mapping[str, float]

    @property
    def per_hour(self) -> int:
        """Sign-ups an hour, of which each got its mail: what stays behind is not sustained."""
        return int(min(self.accepted, self.mailed) * 3600 / self.seconds) if self.seconds else 0

    @property
    def limits(self) -> tuple[str, ...]:
        """What was later than its objective."""
        found = [
            f"`{queue}` was {seconds:.0f} s late, {OBJECTIVES[queue]} s is its objective"
            for queue, seconds in sorted(self.late.items())
            if seconds > OBJECTIVES.get(queue, seconds)
        ]
        if (slow := percentile(list(self.answers), 0.95)) > SITE_SECONDS:
            found.append(f"one sign-up in twenty took more than {slow:.1f} s")
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "signups_per_hour": self.per_hour,
            "seconds": round(self.seconds, 1),
            "signups": self.accepted,
            "refused": dict(self.refused),
            "answer_seconds": _spread(self.answers),
            "mail_seconds": _spread(self.mails),
            "mails_missing": self.accepted - self.out,
            "deliveries": {"sent": self.sent, "done": self.delivered},
            "latency_seconds": {queue: round(seconds, 1) for queue, seconds in self.late.items()},
            "limits": list(self.limits),
        }

    def lines(self) -> tuple[str, ...]:
        """For a person."""
        answers, mails = _spread(self.answers), _spread(self.mails)
        tried = f"{self.accepted} in {self.seconds:.0f} s, {sum(self.refused.values())} refused"
        out = f"{self.out} of {self.accepted} out"
        return (
            f"this machine sustains {self.per_hour} sign-ups an hour",
            f"  sign-ups: {tried}, answered after {answers['p50']} s, one in twenty after {answers['p95']} s",
            f"  mails: {out}, after {mails['p50']} s, one in twenty after {mails['p95']} s",
            f"  deliveries: {self.delivered} of {self.sent}",
            *(f"  {one}" for one in self.limits),
        )


def measured(output: str) -> Measured | None:
    """From the last words of the crowd; None when it says nothing."""
    found = MARK.search(output)
    if not found:
        return None
    return Measured(**json.loads(found[1]))


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {name: round(percentile(list(values), share), 2) for name, share in (("p50", 0.5), ("p95", 0.95))}


LIMITS: Final[Mapping[str, int]] = {"db": DATABASE_BYTES + 256 * MIB, "redis": REDIS_BYTES + 128 * MIB}
"""Memory limits of what keeps data: pages that it caches count, too."""
