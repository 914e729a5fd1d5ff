"""`config show`, `config check`, `config explain` and `config schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Show, check and explain the configuration.")
    group.command()(show)
    group.command()(check)
    group.command()(explain)
    group.command()(schema)
    app.add_typer(group, name="config")


def show(ctx: typer.Context) -> Result:
    """Show every value that holds, and whether it comes from the file, a default or the layout."""
    from instancectl.operations import config as operation

    opened = wiring.open_instance(globals_of(ctx))
    return operation.show(opened.config, wiring.local_machine(), wiring.other_rooms(globals_of(ctx)))


def check(ctx: typer.Context) -> Result:
    """Judge the file and the secrets; exits 3 when something is wrong with them."""
    from instancectl.operations import config as operation

    opened = wiring.open_instance(globals_of(ctx))
    others = wiring.other_rooms(globals_of(ctx))
    return operation.check(opened.config, wiring.stored_secrets(opened), wiring.local_machine(), others)


def explain(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="A key or section; without one the whole layout.")] = "",
) -> Result:
    """Explain a key: its meaning, value and the arithmetic behind it; without one, the layout."""
    from instancectl.operations import config as operation

    options = globals_of(ctx)
    if key:
        config = wiring.config_if_any(options)
        others = wiring.other_rooms(options) if config else ()
        return operation.explain(config, wiring.local_machine(), key, others)
    config = wiring.open_instance(options).config
    return operation.explain_layout(config, wiring.local_machine(), wiring.other_rooms(options))


def schema() -> Result:
    """Print the JSON Schema of instance.toml, for editors."""
    from instancectl.operations import config as operation

    return operation.schema()
