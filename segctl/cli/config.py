"""`segctl config`: the settings of this process and where each comes from."""

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption
from segctl.cli.output import Column, Format

app = typer.Typer()

COLUMNS = (Column("key", "Setting"), Column("value", "Value"), Column("source", "Source"))


@app.command()
def show(output_format: OutputOption = Format.TABLE) -> None:
    """Show each setting with its value and its source. Secrets are left out.

    Example: segctl config show
    """
    rows = [
        {"key": setting.key.name, "value": setting.shown, "source": setting.source}
        for setting in context.settings().values.values()
    ]
    for row in rows:
        # What stands for a setting that nobody made.
        if row["key"] == "actor" and not row["value"]:
            row["value"] = context.actor()
    output.show(rows, COLUMNS, output_format)
