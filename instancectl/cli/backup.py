"""`backup init`, `create`, `list`, `show`, `verify`, `drill`, `get` and `expire`."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from instancectl.cli import confirm
from instancectl.cli.context import globals_of
from instancectl.cli.options import named
from instancectl.cli.restore import Endpoint, From, Kit, Region, SetOption, restore
from instancectl.core.result import Result

DestinationOption = Annotated[
    str, typer.Option("--directory", metavar="PATH", help="A directory on another disk.")
]
SetArgument = Annotated[str, typer.Argument(metavar="SET", help="A set's id, or `latest`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Make, prove and expire backup sets.")
    group.command()(init)
    group.command()(create)
    group.command()(send)
    group.command()(handover)
    group.command("list")(list_)
    group.command()(show)
    group.command()(verify)
    group.command()(expire)
    group.command()(restore)
    group.command()(drill)
    group.command()(get)
    app.add_typer(group, name="backup")


def init(
    ctx: typer.Context,
    *,
    directory: DestinationOption = "",
    bucket: Annotated[str, typer.Option(help="An S3-compatible bucket.")] = "",
    endpoint: Annotated[str, typer.Option(help="Address of its store; empty for AWS itself.")] = "",
    region: Annotated[str, typer.Option(help="Its region.")] = "us-east-1",
    provider: Annotated[
        str, typer.Option(help="Whose store it is: fills in the address. aws, backblaze, hetzner, ….")
    ] = "",
    lock_days: Annotated[
        int,
        typer.Option(
            min=0, help="Nobody can remove from the bucket for so many days; it must have object lock."
        ),
    ] = 0,
    kit: Annotated[str, typer.Option(metavar="FILE", help="Where to write the emergency kit.")] = "",
    kit_code: Annotated[
        str, typer.Option(help="Code of the kit you keep elsewhere: removes the kit from this host.")
    ] = "",
    keep_key: Annotated[
        bool, typer.Option("--keep-key", help="Keep the private key on this host, for unattended drills.")
    ] = False,
    accept_risk: Annotated[
        list[str] | None, typer.Option("--accept-risk", help="Go on although this is so: same-disk, ….")
    ] = None,
) -> Result:
    """Set backups up: destinations, keys and the emergency kit.

    With both a directory and a bucket, sets are made in the directory and copied to the bucket.
    The bucket's key comes from INSTANCECTL_BACKUP_KEY_ID and INSTANCECTL_BACKUP_KEY.
    """
    from instancectl.cli.backup_answers import Places, at_provider, bucket_key, interview
    from instancectl.core.backup.danger import SLUGS
    from instancectl.core.backup.providers import NAMES
    from instancectl.operations.backup import init as operation
    from instancectl.wiring import backing_up

    options = globals_of(ctx)
    accepted = named(accept_risk, SLUGS, option="--accept-risk", what="risk")
    if kit_code:
        return operation.finish(*backing_up.kit_of(options, kit), kit_code)
    named((provider,) if provider else (), NAMES, option="--provider", what="provider")
    given = at_provider(Places(directory, bucket, endpoint, region, lock_days), provider)
    places = interview(given)
    bucket_keys = places.keys(*bucket_key(places, backing_up.bucket_key()))
    setup = backing_up.setup(options, places.wanted(), bucket_keys, kit)
    tools = backing_up.tools(options)
    return operation.initialise(setup, tools, bucket_keys, accepted=accepted, keep_key=keep_key)


def create(
    ctx: typer.Context,
    accept_risk: Annotated[
        list[str] | None,
        typer.Option("--accept-risk", help="Trust the set although this is so: smaller, empty-media."),
    ] = None,
    from_compose: Annotated[
        str,
        typer.Option(
            "--from-compose",
            metavar="DIR",
            help="Of an instance that Docker Compose runs from there; it is not changed.",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be stored, and whether there is room.")
    ] = False,
) -> Result:
    """Make a backup set: database, configuration, secrets, Redis and media, encrypted on this host."""
    from instancectl.operations.backup.create import create as operation
    from instancectl.operations.backup.estimate import estimate
    from instancectl.operations.backup.subject import RISKS
    from instancectl.wiring import backing_up

    options = globals_of(ctx)
    accepted = named(accept_risk, RISKS, option="--accept-risk", what="risk")
    place = backing_up.place(options, backing_up.CREATE)
    if dry_run:
        return estimate(backing_up.subject(options, from_compose), place)
    # A timer that is stopped, and Ctrl-C, end a run the same way: nothing half-written stays open.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    backing_up.give_way()
    return operation(backing_up.subject(options, from_compose), backing_up.tools(options), place, accepted)


def send(ctx: typer.Context) -> Result:
    """Send away what PostgreSQL wrote until now; a timer does this every minute.

    Does nothing unless `backup.point_in_time` is set.
    """
    from instancectl.operations.backup.sending import send as operation
    from instancectl.wiring import backing_up, sending

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    backing_up.give_way()
    return operation(sending.outlet(globals_of(ctx)))


def handover(
    ctx: typer.Context,
    *,
    confirm_domain: Annotated[
        str, typer.Option("--confirm", metavar="DOMAIN", help="The instance's domain, instead of typing it.")
    ] = "",
    accept_risk: Annotated[
        list[str] | None,
        typer.Option("--accept-risk", help="Go on although this is so: nobody-follows."),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Start everything here again, as long as nobody took over.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and whether somebody follows.")
    ] = False,
) -> Result:
    """Hand the instance over to a host that follows it: `restore --follow`. Severe: asks for the domain.

    Everything that writes ends here, and is not started again. A run that was killed goes on when the same
    command is typed again.
    """
    from instancectl.core.backup.handing import RISKS
    from instancectl.operations.backup import handover as operation
    from instancectl.wiring import moving

    options = globals_of(ctx)
    accepted = named(accept_risk, RISKS, option="--accept-risk", what="risk")
    giving = moving.giving(options)
    if dry_run:
        return operation.show(giving, accepted)
    if not undo:
        what = f"This ends {giving.domain} on this host, for another one to take over."
        confirm.severe(options, what=what, domain=giving.domain, given=confirm_domain)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return operation.undo(giving) if undo else operation.hand_over(giving, accepted)


def list_(ctx: typer.Context) -> Result:
    """List every backup set in every destination, with what is known about it."""
    from instancectl.operations.backup import showing
    from instancectl.wiring import backing_up

    options = globals_of(ctx)
    now = backing_up.tools(options).clock.epoch_seconds()
    return showing.list_sets(backing_up.place(options, "backup list"), now)


def show(ctx: typer.Context, set_id: SetArgument = "latest") -> Result:
    """Show what is in one set, where it is, and what is known about it."""
    from instancectl.operations.backup import showing
    from instancectl.wiring import backing_up

    options = globals_of(ctx)
    now = backing_up.tools(options).clock.epoch_seconds()
    return showing.show(backing_up.place(options, "backup show"), set_id, now)


def verify(
    ctx: typer.Context,
    set_id: Annotated[str, typer.Argument(metavar="SET", help="A set's id, `latest`, or `all`.")] = "latest",
    read: Annotated[
        bool, typer.Option("--read", help="Read every byte back; without it, look whether all is there.")
    ] = False,
) -> Result:
    """Prove that a set is whole and ours, without the private key; exits 4 when one is not."""
    from instancectl.operations.backup.verify import verify as operation
    from instancectl.wiring import backing_up

    options = globals_of(ctx)
    place = backing_up.place(options, "backup verify")
    return operation(place, backing_up.tools(options), set_id, read=read)


def drill(
    ctx: typer.Context,
    *,
    from_: From = "",
    endpoint: Endpoint = "",
    region: Region = "us-east-1",
    kit: Kit = "",
    set_id: SetOption = "latest",
) -> Result:
    """Restore a set into containers of its own, see that it is an instance, and remove it again.

    They reach nothing outside. Ends with 4 when the set cannot be restored.
    """
    from instancectl.operations.backup.drill import drill as operation
    from instancectl.wiring import backing_up, restoring

    options = globals_of(ctx)
    ground = restoring.drill(options, restoring.Source(from_, endpoint, region, kit))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    backing_up.give_way()
    return operation(ground, set_id)


def get(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="`secrets`, `media`, `account` or `table`.")],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A path (below it with a slash at its end), an account's id, or a table."
        ),
    ] = "",
    *,
    to: Annotated[str, typer.Option(metavar="PATH", help="Where it goes: a new file or directory.")],
    from_: From = "",
    endpoint: Endpoint = "",
    region: Region = "us-east-1",
    kit: Kit = "",
    set_id: SetOption = "latest",
) -> Result:
    """Take one thing out of a set: the secrets, a file, an account's media, or one table as SQL.

    A table and an account's attachments need the instance's PostgreSQL here, whose data is not touched.
    """
    from instancectl.operations.backup import get as operation
    from instancectl.wiring import restoring

    named((what,), operation.KINDS, option="WHAT", what="kind")
    ground = restoring.getting(globals_of(ctx), restoring.Source(from_, endpoint, region, kit), to)
    return operation.get(ground, set_id, what, name)


def expire(
    ctx: typer.Context,
    forget: Annotated[
        list[str] | None,
        typer.Option("--forget", metavar="SET", help="Remove this set, too; never the last proven one."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed.")] = False,
) -> Result:
    """Remove sets that retention no longer wants; only proven sets count, the newest always stays."""
    from instancectl.operations.backup.expire import expire as operation
    from instancectl.wiring import backing_up

    options = globals_of(ctx)
    place, tools = backing_up.place(options, "backup expire"), backing_up.tools(options)
    return operation(place, tools, backing_up.policy(options), forget=forget or (), dry_run=dry_run)
