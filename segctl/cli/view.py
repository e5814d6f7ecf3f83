"""`segctl view`: the view that opens for somebody, and its records."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import (
    AsOption,
    ColumnsOption,
    LimitOption,
    OutputOption,
    TypeArgument,
    column_names,
)
from segctl.cli.output import Column, Format
from segctl.cli.segment_tables import record_columns_shown, say_age

if TYPE_CHECKING:
    from segctl.services.opening_view import OpeningView

WHICH = (
    Column("type", "Type"),
    Column("opens", "Opens"),
    Column("segment", "Segment"),
    Column("why", "Why"),
    Column("skipped", "Skipped", kind="list"),
    Column("as", "As"),
    Column("count", "Count", kind="number"),
    Column("last_counted_at", "Last Counted", kind="time"),
)


def command(
    type: TypeArgument,
    as_: AsOption = None,
    columns: ColumnsOption = None,
    limit: LimitOption = None,
    which: Annotated[
        bool, typer.Option("--which", help="Say which view opens and why; list no records.")
    ] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the records of the view that opens.

    That is the segment that the team member pinned, else the shared default of the type, else all
    records; a segment that is hidden from them is skipped. Members are listed as last counted.

    Example: segctl view deal --as anna@example.com --columns name,value
    """
    from segctl.services import opening_view

    if which:
        with context.store() as store:
            view = opening_view.opening_view(store, type, as_=as_)
        output.show_one(_row(view), WHICH, output_format)
        return
    names = column_names(columns) or list(opening_view.DEFAULT_COLUMNS)
    if output_format in (Format.IDS, Format.COUNT):
        names = ["id"]
    now = context.now()
    with (
        context.store() as store,
        opening_view.open_view(store, type, as_=as_, columns=names, limit=limit) as found,
    ):
        _say(found.view)
        if found.view.segment is not None:
            say_age(found.view.segment, now)
        shown = record_columns_shown(found.columns)
        output.show(found.rows, shown, output_format, zone=found.zone, now=now)


def _say(view: "OpeningView") -> None:
    if not view.active:
        output.note(f"{view.email} is deactivated")
    for text in view.skipped:
        output.note(text)
    output.note(view.why)


def _row(view: "OpeningView") -> dict[str, Any]:
    segment = view.segment
    return {
        "type": view.type.value,
        "opens": view.chosen.value,
        "segment_id": None if segment is None else segment.id,
        "segment": None if segment is None else segment.name,
        "why": view.why,
        "skipped": list(view.skipped),
        "as": view.email,
        "count": None if segment is None else segment.count,
        "last_counted_at": None if segment is None else segment.last_counted_at,
    }
