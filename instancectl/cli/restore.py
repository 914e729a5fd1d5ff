"""`restore`, which is `backup restore`, too."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from instancectl.cli.context import globals_of
from instancectl.cli.options import named
from instancectl.core.result import Result

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="s3://BUCKET|DIRECTORY",
        help="Where the sets are; without it, where the instance file says.",
    ),
]
Endpoint = Annotated[str, typer.Option(help="Address of the bucket's store; empty for AWS itself.")]
Region = Annotated[str, typer.Option(help="Its region.")]
Kit = Annotated[str, typer.Option(metavar="FILE", help="The emergency kit, unless this host keeps the key.")]
SetOption = Annotated[str, typer.Option("--set", metavar="SET", help="A set's id, or `latest`.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(restore)


def restore(
    ctx: typer.Context,
    action: Annotated[
        str,
        typer.Argument(
            metavar="finish|undo",
            help="`finish` lets go of what was there before, `undo` goes back to it; neither needs the kit.",
        ),
    ] = "",
    *,
    from_: From = "",
    endpoint: Endpoint = "",
    region: Region = "us-east-1",
    kit: Kit = "",
    set_id: SetOption = "latest",
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="MOMENT",
            help="The database as of that moment, e.g. `2026-11-21 14:05`; UTC without a zone; or `latest`. "
            "Needs `backup.point_in_time`.",
        ),
    ] = "",
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="The instance runs elsewhere: follow it until `backup handover` there, and take over. "
            "Needs `backup.point_in_time`.",
        ),
    ] = False,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side", help="An instance is here: restore beside it, prove, swap, and keep the old."
        ),
    ] = False,
    with_redis: Annotated[
        bool,
        typer.Option("--with-redis", help="Restore Redis, too: jobs that waited then are done once more."),
    ] = False,
    accept_risk: Annotated[
        list[str] | None,
        typer.Option("--accept-risk", help="Go on although this is so: missing-media, doubted, dns, …."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how long, how much disk, and what would be lost.")
    ] = False,
) -> Result:
    """Restore a backup set: on an empty host, or beside a live instance.

    Nothing that is here is removed. A run that was killed goes on when the same command is typed again.
    The bucket's key comes from INSTANCECTL_BACKUP_KEY_ID and INSTANCECTL_BACKUP_KEY.
    """
    from instancectl.core.backup.moment import parse
    from instancectl.core.backup.restoring import RISKS
    from instancectl.core.checks.registry import RISKS as CHECKS
    from instancectl.operations.backup import live, moving
    from instancectl.operations.backup import restore as operation
    from instancectl.operations.backup.ground import Wish
    from instancectl.wiring import restoring

    if action not in {"", "finish", "undo"}:
        raise typer.BadParameter(f"no action `{action}`; there are finish and undo", param_hint="ACTION")
    options = globals_of(ctx)
    accepted = named(accept_risk, (*RISKS, *CHECKS), option="--accept-risk", what="risk")
    if action:
        kept = restoring.kept(options)
        return live.finish(kept) if action == "finish" else live.undo(kept)
    if follow and (at or side_by_side or set_id != "latest"):
        raise typer.BadParameter("goes with neither --at, --set nor --side-by-side", param_hint="--follow")
    wish = Wish(set_id, side_by_side, with_redis, accepted, parse(at).text if at else "", follow)
    ground = restoring.ground(options, restoring.Source(from_, endpoint, region, kit), accepted)
    if dry_run:
        return moving.show(ground, wish) if follow else operation.show(ground, wish)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return moving.follow(ground, wish) if follow else operation.restore(ground, wish)
