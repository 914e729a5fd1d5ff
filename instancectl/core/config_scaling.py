"""`[scaling]` of `instance.toml`: how services grow and shrink by themselves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from instancectl.core.config_base import Section


class Objectives(Section):
    """How long things may take before the policy acts."""

    default: int = Field(30, ge=1, description="Seconds a job of `default` may wait.")
    mailers: int = Field(60, ge=1, description="Seconds a mail may wait.")
    ingress: int = Field(120, ge=1, description="Seconds a post from another server may wait.")
    push: int = Field(120, ge=1, description="Seconds a delivery to another server may wait.")
    pull: int = Field(3600, ge=1, description="Seconds a job of `pull` or `fasp` may wait.")
    web_ms: int = Field(100, ge=10, description="Milliseconds a request may wait for a thread.")


class Scaling(Section):
    """How services grow and shrink by themselves; see the explanation of scaling."""

    mode: Literal["advise", "auto", "off"] = Field(
        "advise", description="`advise` says what it would do, `auto` does it, `off` does neither."
    )
    profile: Literal["economy", "balanced", "snappy"] = Field(
        "balanced", description="How much head-room is kept: less memory and processor, or shorter waits."
    )
    ladder: int = Field(
        2,
        ge=0,
        le=4,
        description="Highest rung of the degrade ladder that is climbed without asking: "
        "1 `pull` waits, 2 sign-ups need approval, 3 anonymous reading is shed, 4 half of the inbox waits.",
    )
    mails_per_day: int = Field(
        0, ge=0, description="Mails the provider accepts in a day; sign-ups are metered by it. 0: no quota."
    )
    tune: Literal["advise", "auto"] = Field(
        "advise",
        description="Threads that do not fit the measured work: `advise` says so, `auto` changes them, "
        "at most once a day and only while `mode` is `auto`.",
    )
    host_price: int = Field(
        0, ge=0, description="What one more host costs a month, for the advice to add one; 0 leaves it out."
    )
    objectives: Objectives = Objectives()
