"""`segctl segments members` and `count`: who is in a segment, and how many."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from segctl.catalog import ObjectType
from segctl.cli import context, output, segment_sets
from segctl.cli.options import (
    AtOption,
    ColumnsOption,
    LimitOption,
    OutputOption,
    SegmentArgument,
    TypeOption,
    column_names,
    moment,
)
from segctl.cli.output import Column, Format
from segctl.cli.segment_tables import record_columns_shown, say_age
from segctl.errors import SegctlError, UsageError

if TYPE_CHECKING:
    from segctl.store.opening import Store


def members(
    segment: SegmentArgument,
    type: TypeOption = None,
    columns: ColumnsOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Evaluate the condition now instead.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show who would enter and who would leave now.")
    ] = False,
    at: AtOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="TIME", help="Show who was in it at this time, or an age ago: 7d."
        ),
    ] = None,
    limit: LimitOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the records in a segment, as last counted.

    With --as-of they are rebuilt from the member changes, as exactly as they were; the values shown
    are those of today.

    Segments of one type can be put together, with & (in both), | (in either) and - (not in):
    'VIP & "Big deals" - Won'. Names with blanks or operators are quoted; brackets say what comes
    first. A segment that is called like the whole text is meant rather than that.

    Example: segctl segments members "Big deals" --columns name,value,company.name -o csv
    """
    from segctl.services import members as service
    from segctl.services.filters import workspace_zone

    asked = [("--live", live), ("--diff", diff), ("--as-of", as_of is not None)]
    if sum(given for _, given in asked) > 1:
        names_of = " and ".join(option for option, given in asked if given)
        raise UsageError(f"{names_of} are different questions", hint="take one of them")
    _refuse_at(at, live or diff)
    names = column_names(columns) or list(service.DEFAULT_COLUMNS)
    if output_format in (Format.IDS, Format.COUNT):
        names = ["id"]
    with context.store() as store:
        zone = workspace_zone(store)
        if segment_sets.is_set(store, segment, type, asked):
            segment_sets.show_members(store, segment, type, names, limit, output_format, zone)
            return
        now = context.now(at, zone)
        then = moment("--as-of", as_of, now, zone)
        if then is not None:
            _show_past(store, segment, type, names, limit, then, output_format, zone)
            return
        if live:
            listing = service.live(store, segment, type=type, columns=names, limit=limit, now=now)
        elif diff:
            listing = service.changes(
                store, segment, type=type, columns=names, limit=limit, now=now
            )
        else:
            listing = service.stored(store, segment, type=type, columns=names, limit=limit)
        with listing as found:
            if not (live or diff):
                say_age(found.segment, now)
            shown = record_columns_shown(found.columns)
            if diff:
                shown = [Column("change", "Change"), *shown]
            output.show(found.rows, shown, output_format, zone=zone, now=now)


def count(
    segment: SegmentArgument,
    type: TypeOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Evaluate the condition now instead.")
    ] = False,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print how many records are in a segment, as last counted.

    Segments can be put together as in segctl segments members.

    Example: segctl segments count "Big deals" --live
    """
    from segctl.services.segment_views import find

    _refuse_at(at, live)
    with context.store() as store:
        if segment_sets.is_set(store, segment, type, [("--live", live)]):
            segment_sets.show_count(store, segment, type, output_format)
            return
        if live:
            from segctl.services.filters import workspace_zone
            from segctl.services.members import count_live

            now = context.now(at, workspace_zone(store))
            view, number = count_live(store, segment, type=type, now=now)
            counted_at: dt.datetime | None = now
        else:
            view = find(store, segment, type)
            if view.count is None:
                raise SegctlError(
                    f'the segment "{view.name}" was never counted',
                    hint=f'segctl recalc "{view.name}", or --live to evaluate it now',
                )
            number, counted_at = view.count, view.last_counted_at
            say_age(view, context.now())
    if output_format in (Format.TABLE, Format.COUNT):
        output.line(str(number))
        return
    row = {
        "id": view.id,
        "name": view.name,
        "type": view.type.value,
        "count": number,
        "counted_at": counted_at,
        "live": live,
    }
    shown = [Column(key, key) for key in row]
    output.show_one(row, shown, output_format)


def _show_past(
    store: "Store",
    segment: str,
    type: ObjectType | None,
    names: list[str],
    limit: int | None,
    then: dt.datetime,
    output_format: Format,
    zone: dt.tzinfo,
) -> None:
    from segctl.services.as_of import as_of

    now = context.now()
    with as_of(store, segment, at=then, now=now, type=type, columns=names, limit=limit) as found:
        output.note(
            f'"{found.segment.name}" as it was counted {output.ago(found.counted_at, now)}; '
            "values are those of today"
        )
        shown = record_columns_shown(found.columns)
        output.show(found.rows, shown, output_format, zone=zone, now=now)
    if found.deleted:
        output.note(f"{found.deleted:,} of them have been deleted since and have only an id")


def _refuse_at(at: str | None, live: bool) -> None:
    if at is not None and not live:
        raise UsageError(
            "--at says when to evaluate, and stored members are as they were counted",
            hint="--live evaluates the condition at that time",
        )
