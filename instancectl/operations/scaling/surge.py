"""`surge on` and `off`: what a person gives up for a while by hand, and gets back whatever happens.

What is to come back is recorded before it is changed; every step can be repeated after a kill.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from instancectl.core.desired import OneShot
from instancectl.core.result import Result, Status
from instancectl.core.scaling.degrade import TOOTCTL
from instancectl.errors import OperationFailed, Refused
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.state import State
from instancectl.ports.swarm import Swarm

PATIENT: Final = "sidekiq-pull"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that a surge touches.

    Attributes:
        mode: the registration mode that Mastodon has now: `open`, `approved` or `none`.
        job: a job of the web image with this name and these words.
        lock: the instance's.
        patient: processes of `pull` after a surge, when nobody chose a number.
        agent: whether an agent runs that will end it.
    """

    stack: str
    patient: int
    swarm: Swarm
    state: State
    journal: Journal
    clock: Clock
    mode: Callable[[], str]
    job: Callable[[str, tuple[str, ...]], OneShot]
    lock: Callable[[str], AbstractContextManager[None]]
    agent: Callable[[], bool]


class Surge:
    """Of one instance."""

    def __init__(self, around: Surroundings) -> None:
        """Nothing is read before a method is called."""
        self._around = around

    def on(self, until: float) -> Result:
        """Sign-ups wait for approval, `pull` waits, head-room is kept; until then (seconds since 1970)."""
        around = self._around
        with around.lock("surge on"):
            self._require()
            applied, mode = around.state.load(), around.mode()
            remembered = applied.surge_mode or (mode if mode == "open" else "")
            holds = dict(applied.holds)
            service = around.swarm.service(around.stack, PATIENT)
            if service is not None:
                holds[PATIENT] = (0, until)
            around.state.save(replace(applied, surge_until=until, surge_mode=remembered, holds=holds))
            around.journal.write("surge-on", until=_clock(until), registrations=remembered or mode)
            done = []
            if mode == "open":
                self._register("approved")
                done.append("new accounts wait for approval")
            if service is not None and service.spec.replicas:
                around.swarm.update_service(around.stack, replace(service.spec, replicas=0))
                done.append("`pull` waits")
        lines = [f"a surge is declared until {_clock(until)}", *(f"  {one}" for one in done)]
        data = {"until": until, "registrations": remembered or mode, "done": done}
        ends = (
            "the agent ends it then; by hand `instancectl surge off` does"
            if around.agent()
            else "no agent runs here to end it: type `instancectl surge off` then, or start the agent"
        )
        return Result(Status.CHANGED, data, tuple(lines), (ends,))

    def off(self) -> Result:
        """Everything as it was; what somebody changed meanwhile stands."""
        around = self._around
        with around.lock("surge off"):
            applied = around.state.load()
            if not applied.surge_until and not applied.surge_mode:
                return Result(Status.UNCHANGED, {"done": []}, ("no surge is declared",))
            self._require()
            done, mode = [], around.mode() if applied.surge_mode else ""
            if mode == "approved":
                self._register(applied.surge_mode)
                done.append(f"registrations are `{applied.surge_mode}` again")
            elif mode and mode != applied.surge_mode:
                done.append(f"somebody set registrations to `{mode}` meanwhile; that stands")
            holds = {name: held for name, held in applied.holds.items() if name != PATIENT}
            service = around.swarm.service(around.stack, PATIENT)
            if service is not None and PATIENT in applied.holds and not service.spec.replicas:
                number = applied.scale.get(PATIENT, around.patient)
                around.swarm.update_service(around.stack, replace(service.spec, replicas=number))
                done.append("`pull` works again")
            # Forgotten last: after a kill before this line the same command takes everything back again.
            around.state.save(replace(applied, surge_until=0.0, surge_mode="", holds=holds))
            around.journal.write("surge-off", done=done)
        return Result(Status.CHANGED, {"done": done}, ("the surge is over", *(f"  {one}" for one in done)))

    def _require(self) -> None:
        if self._around.swarm.service(self._around.stack, "web") is None:
            raise Refused(
                "cannot declare a surge: the instance is not deployed on this host",
                hint="run `instancectl deploy` first",
                subject=self._around.stack,
            )

    def _register(self, mode: str) -> None:
        words = ("bin/tootctl", "settings", "registrations", *TOOTCTL[mode])
        code, output = self._around.swarm.run_once(
            self._around.stack, self._around.job("registrations", words)
        )
        if code:
            raise OperationFailed(
                f"cannot set the registration mode `{mode}`: exit code {code}\n{output[-400:].strip()}",
                hint="run the same command again; `instancectl surge off` takes everything back",
                subject="registrations",
            )


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}"
