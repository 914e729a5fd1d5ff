"""The checks of the agent: whether it uses the settings as they are, and what its canary last saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.checks.seen import Answer, NoAnswer
from instancectl.core.monitoring.sli import TIMELINE, Verdict
from instancectl.core.unknown import Known, Unknown

START = "type `systemctl status instancectl-agent`"
ARRIVES = "posts that are accepted and arrive"


@dataclass(frozen=True, slots=True)
class _Said:
    """What the agent answered."""

    sentence: str
    refused: str
    verdicts: Mapping[str, str]
    reasons: Mapping[str, str]


def agent(facts: Facts) -> Judgement:
    """The agent runs where something needs it, with the settings as the files have them."""
    said = _said(facts)
    if isinstance(said, Unknown):
        wanted = [name for name, on in _needs(facts).items() if on]
        if not wanted:
            return Skipped("agent", f"no agent runs here, and nothing needs one ({said.reason})")
        return warn("agent", said.reason, f"an agent, for {' and '.join(wanted)}", START)
    if said.refused:
        return warn(
            "agent",
            f"the agent goes on with older settings: {said.refused}",
            "files that can be used",
            "type `instancectl config show`, and mend what it says",
        )
    return ok("agent", f"it says: {said.sentence}" if said.sentence else "it has just started")


def canary(facts: Facts) -> Judgement:
    """What is written arrives."""
    if not facts.config.monitoring.canary:
        return Skipped("canary", "no canary is wanted (`monitoring.canary` is false)")
    said = _said(facts)
    if isinstance(said, Unknown):
        return unknown("canary", said, ARRIVES, START)
    reason = said.reasons.get(TIMELINE, "")
    verdict = said.verdicts.get(TIMELINE)
    if verdict == Verdict.GOOD:
        return ok("canary", "the last post was accepted and arrived")
    if verdict == Verdict.BAD:
        return fail("canary", reason, ARRIVES, "type `instancectl runbook posts-not-arriving`")
    why = reason or "the agent has not posted yet"
    return warn(
        "canary", why, ARRIVES, "see `CANARY_TOKEN` in `alerts.env`, and `journalctl -u instancectl-agent`"
    )


def _needs(facts: Facts) -> Mapping[str, bool]:
    config = facts.config
    return {
        "alerts": config.monitoring.enabled,
        "the canary": config.monitoring.canary,
    }


def _said(facts: Facts) -> Known[_Said]:
    answer = facts.agent
    if isinstance(answer, Unknown):
        return answer
    where = facts.config.monitoring.listen
    if isinstance(answer, NoAnswer) or answer.status != 200:
        seen = answer.reason if isinstance(answer, NoAnswer) else f"answered {answer.status}"
        return Unknown(f"the agent at {where} does not answer ({seen})")
    return _read(answer, where)


def _read(answer: Answer, where: str) -> Known[_Said]:
    try:
        found = json.loads(answer.body)
        return _Said(
            str(found["sentence"] or ""),
            str(found.get("settings_refused") or ""),
            dict(found["verdicts"] or {}),
            dict(found["reasons"] or {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unknown(f"what answers at {where} is no agent")
