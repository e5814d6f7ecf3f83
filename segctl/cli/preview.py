"""`segctl preview`: what a condition matches, before it is a segment."""

from typing import Annotated

import typer

from segctl.catalog import PLURALS
from segctl.cli import context, output
from segctl.cli.options import (
    AtOption,
    ColumnsOption,
    OutputOption,
    RequiredTypeOption,
    column_names,
)
from segctl.cli.output import Format


def command(
    type: RequiredTypeOption,
    where: Annotated[
        str,
        typer.Option("--where", metavar="CONDITION", help="Which records belong."),
    ],
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="At most this many rows.")
    ] = 10,
    columns: ColumnsOption = None,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Count what a condition matches and show the first records. Nothing is stored.

    Example: segctl preview --type deal --where 'status = "won" and value > 5000'
    """
    from segctl.cli.segment_tables import record_columns_shown
    from segctl.services import members
    from segctl.services.filters import workspace_zone

    names = column_names(columns) or list(members.DEFAULT_COLUMNS)
    with context.store() as store:
        zone = workspace_zone(store)
        now = context.now(at, zone)
        found = members.preview(
            store,
            type=type,
            where=where,
            columns=names,
            limit=0 if output_format is Format.COUNT else limit,
            now=now,
        )
    if output_format is Format.COUNT:
        output.line(str(found.count))
        return
    output.note(found.canonical)
    output.show(found.rows, record_columns_shown(found.columns), output_format, zone=zone, now=now)
    more = f"; the first {len(found.rows):,} are shown" if len(found.rows) < found.count else ""
    matches = f"{type} matches" if found.count == 1 else f"{PLURALS[type]} match"
    output.note(f"{found.count:,} {matches}{more}")
