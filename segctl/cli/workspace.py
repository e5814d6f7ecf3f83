"""`segctl workspace`: the settings that every user of the store shares."""

from typing import Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption
from segctl.cli.output import Column, Format

app = typer.Typer()

COLUMNS = (
    Column("key", "Setting"),
    Column("value", "Value"),
    Column("default", "Default"),
    Column("help", "Meaning"),
)


@app.command()
def show(output_format: OutputOption = Format.TABLE) -> None:
    """Show every setting of the workspace.

    Example: segctl workspace show
    """
    from segctl.services import workspace

    with context.store() as store:
        settings = workspace.show(store)
    rows = (
        {"key": s.key, "value": s.value, "default": s.default, "help": s.help} for s in settings
    )
    output.show(rows, COLUMNS, output_format)


@app.command("set")
def set_value(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The setting, such as timezone.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its value.")],
) -> None:
    """Change a setting of the workspace.

    Example: segctl workspace set timezone Europe/Warsaw
    """
    from segctl.services import workspace

    with context.store() as store:
        changed = workspace.set_value(store, key, value, now=context.now(), actor=context.actor())
    before, after = ("none" if v is None else v for v in (changed.before, changed.after))
    if changed.before == changed.after:
        output.note(f"{key} is {after} already")
        return
    output.note(f"{key} is {after} now; it was {before}")
    if changed.stale:
        output.note(
            f"{changed.stale} segment{'s' if changed.stale != 1 else ''} with time conditions "
            "went stale: segctl recalc --all counts them anew"
        )
