"""`scale simulate`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli import scale_live
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Grow and shrink services within the budget.")
    group.callback()(_scale)
    group.command()(simulate)
    scale_live.add(group)
    app.add_typer(group, name="scale")


def _scale() -> None:
    """Grow and shrink services within the budget."""


def simulate(
    ctx: typer.Context,
    trace: Annotated[
        str,
        typer.Option(
            help="A file in the trace format, or step10, nov7, viral, smtp, overload, overload2, "
            "dead-remote or mixed, or a day that was recorded: yesterday, last-tuesday, 2027-01-31."
        ),
    ] = "step10",
    times: Annotated[float, typer.Option(min=0.01, max=1000, help="Everything comes so many times.")] = 1.0,
    machine: Annotated[
        str,
        typer.Option(
            metavar="CORES/MEMORY",
            help="The host to rehearse on, such as 4c/8g; also as --host. This machine.",
        ),
    ] = "",
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="instancectl, fixed, hpa, keda, keda-length, judoscale or judoscale-2, each with +weights "
            "or without; repeatable. Several of them."
        ),
    ] = None,
    costs: Annotated[
        str, typer.Option(help="What work costs: measured, or heavy for an oversold host.")
    ] = "measured",
    profile: Annotated[
        str, typer.Option(help="economy, balanced or snappy, instead of `scaling.profile`.")
    ] = "",
    ladder: Annotated[
        int | None,
        typer.Option(min=0, max=4, help="Highest rung of the ladder, instead of `scaling.ladder`."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same outcome.")] = 0,
    plot: Annotated[str, typer.Option(metavar="FILE", help="Draw it: a file that ends in .svg.")] = "",
) -> Result:
    """Rehearse a surge: what breaks first and when, beside other autoscalers; changes nothing."""
    from instancectl.operations.scaling import rehearsing as operation

    options = globals_of(ctx)
    wish = operation.Wish(
        trace=trace,
        text=wiring.trace_text(trace, options),
        times=times,
        size=machine,
        policies=tuple(policy or operation.BESIDE),
        costs=costs,
        seed=seed,
        profile=profile,
        ladder=ladder,
    )
    return operation.simulate(
        wiring.config_or_defaults(options),
        wiring.local_machine(),
        wish,
        wiring.reporter(options),
        wiring.picture(plot),
    )
