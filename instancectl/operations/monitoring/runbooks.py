"""Shows runbooks in the terminal."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.runbook import commands_of, filled, sections_of, title_of
from instancectl.core.result import Result, Status
from instancectl.errors import Refused


def show(texts: Mapping[str, str], alert: str, config: InstanceConfig | None) -> Result:
    """One runbook, or the list of all.

    Args:
        texts: slug → text.
        alert: name or slug; empty lists them.
        config: its stack stands in the commands instead of `STACK`.

    Raises:
        Refused: no alert is called so.
    """
    titles = {title_of(text): slug for slug, text in sorted(texts.items())}
    if not alert:
        return Result(Status.OK, {"runbooks": list(titles)}, tuple(titles))
    slug = titles.get(alert, alert)
    if slug not in texts:
        near = difflib.get_close_matches(alert, [*titles, *texts], 1)
        raise Refused(
            f"no alert is called `{alert}`",
            hint=f"`instancectl runbook {near[0]}`" if near else "`instancectl runbook` lists them",
            subject=alert,
        )
    text = filled(texts[slug], config.stack) if config else texts[slug]
    sections = sections_of(text)
    data = {
        "alert": title_of(text),
        "sections": sections,
        "commands": {title.lower(): list(commands_of(body)) for title, body in sections.items()},
    }
    return Result(Status.OK, data, tuple(text.rstrip().splitlines()))
