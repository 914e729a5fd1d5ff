"""`scale show`, `set`, `hold`, `release`, `watch`, `explain` and `tune`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def add(group: typer.Typer) -> None:
    """Add the commands to `scale`."""
    group.command()(show)
    group.command("set")(set_)
    group.command()(hold)
    group.command()(release)
    group.command()(rebalance)
    group.command()(watch)
    group.command()(explain)
    group.command()(tune)


def show(ctx: typer.Context) -> Result:
    """Show how many processes run, what was chosen, and what there is room for."""
    return wiring.scaling_by_hand(globals_of(ctx), "scale show").show()


def set_(
    ctx: typer.Context,
    numbers: Annotated[
        list[str], typer.Argument(metavar="SERVICE=NUMBER…", help="Such as `sidekiq-push=2` or `web=4`.")
    ],
) -> Result:
    """Run so many processes, now and after every deploy; refused with the arithmetic when there is no room.

    A number is replicas of a Sidekiq service, or Puma processes of `web`.
    """
    from instancectl.core.scaling import chosen

    wanted = dict(chosen.parsed(word) for word in numbers)
    return wiring.scaling_by_hand(globals_of(ctx), "scale set").set(wanted)


def hold(
    ctx: typer.Context,
    service: Annotated[str, typer.Argument(help="A Sidekiq service, or `web`.")],
    number: Annotated[int, typer.Argument(min=0, max=1000, help="Processes.")],
    span: Annotated[str, typer.Option("--for", help="How long, such as `30min` or `2h`.")] = "2h",
) -> Result:
    """Keep a service at a number for a while: the autoscaler leaves it alone until then."""
    from instancectl.core.scaling import moments

    end = wiring.clock().epoch_seconds() + moments.span(span)
    return wiring.scaling_by_hand(globals_of(ctx), "scale hold").hold(service, number, end)


def release(
    ctx: typer.Context,
    services: Annotated[list[str] | None, typer.Argument(help="Those; all when left out.")] = None,
    over: Annotated[
        bool, typer.Option("--over", help="Only holds whose time is over; the agent does that by itself.")
    ] = False,
) -> Result:
    """Go back to the layout's numbers; nothing is held any longer."""
    numbers = wiring.scaling_by_hand(globals_of(ctx), "scale release")
    return numbers.expire() if over else numbers.release(tuple(services or ()))


def rebalance(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would move first, and stop.")] = False,
) -> Result:
    """Spread replicas over the hosts again, after one has joined or come back.

    One at a time: the new one starts before the old one leaves and finishes its jobs.
    """
    from instancectl.operations.scaling.spreading import rebalance as operation

    around = wiring.scaling_surroundings(globals_of(ctx), "scale rebalance")
    return operation(around, dry_run=dry_run)


def watch(
    ctx: typer.Context,
    mode: Annotated[str, typer.Option(help="advise, auto or off, instead of `scaling.mode`.")] = "",
) -> Result:
    """Run the autoscaler here instead of in the agent, and say what it decides; until Ctrl-C."""
    from instancectl.core.result import Status

    if mode not in {"", "advise", "auto", "off"}:
        raise typer.BadParameter(f"`{mode}` is none of advise, auto, off", param_hint="--mode")
    loop, wait = wiring.scaling_watch(globals_of(ctx), mode)
    loop.run(wait)
    return Result(Status.OK, {}, ("stopped when asked to; what runs goes on running",))


def explain(
    ctx: typer.Context,
    at: Annotated[
        str, typer.Option(metavar="MOMENT", help="Such as `02:41` or `2027-01-31T02:41`; else the last day.")
    ] = "",
) -> Result:
    """Tell what the autoscaler decided, when and why, with the numbers of that moment."""
    from instancectl.operations.scaling.explaining import explain as operation

    opened = wiring.open_instance(globals_of(ctx))
    return operation(wiring.scaling_record(opened), wiring.clock(), at)


def tune(
    ctx: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Write it into instance.toml and deploy.")] = False,
    only: Annotated[
        bool, typer.Option("--only", help="Refuse when anything but Sidekiq services would change.")
    ] = False,
    last: Annotated[str, typer.Option(metavar="SPAN", help="How much of the record counts.")] = "1d",
) -> Result:
    """Propose threads for each service, from the processor time its jobs used.

    Jobs that wait want many threads, jobs that compute few threads and more processes.
    """
    from dataclasses import replace

    from instancectl.core.result import Status
    from instancectl.core.scaling import moments
    from instancectl.operations.scaling.retuning import expect_nothing, retune

    options, seconds = globals_of(ctx), moments.span(last)
    if apply and only:
        expect_nothing(wiring.deployment(options, "scale tune").show_plan())
    found = wiring.tuning(options, apply=apply, seconds=seconds, only=only)
    if found.status is not Status.CHANGED:
        return found
    rolled = retune(wiring.scaling_surroundings(options, "scale tune"))
    deployed = wiring.deployment(options, "scale tune").deploy("scale tune")
    return replace(
        deployed,
        status=Status.CHANGED if deployed.status is Status.UNCHANGED else deployed.status,
        data={"tune": dict(found.data), **deployed.data},
        lines=(*found.lines, *rolled.lines, *deployed.lines),
    )
