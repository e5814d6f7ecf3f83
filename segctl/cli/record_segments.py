"""`segctl records segments`: the segments that a record is in."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import AtOption, OutputOption, TypeArgument
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

if TYPE_CHECKING:
    from segctl.services.record_segments import Standing

COLUMNS = (
    Column("name", "Name"),
    Column("since", "Since", kind="time"),
    Column("run", "Run"),
    Column("last_counted_at", "Last Counted", kind="time", empty="never"),
    Column("status", "Status"),
)
LIVE_COLUMNS = (
    Column("name", "Name"),
    Column("stored", "Stored", kind="bool"),
    Column("live", "Live", kind="bool", empty="?"),
    *COLUMNS[1:],
)


def segments(
    type: TypeArgument,
    ref: Annotated[
        str, typer.Argument(metavar="RECORD", help="The record: its external id, or #id.")
    ],
    live: Annotated[
        bool, typer.Option("--live", help="Evaluate the condition now instead.")
    ] = False,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the segments that a record is in, with since when.

    With --live also those that it would enter if they were recalculated now; those that it would
    leave are marked.

    Example: segctl records segments contact ann@example.com
    """
    from segctl.services.filters import workspace_zone
    from segctl.services.record_segments import segments_of

    if at is not None and not live:
        raise UsageError(
            "--at says when to evaluate, and stored members are as they were counted",
            hint="--live evaluates the conditions at that time",
        )
    with context.store() as store:
        zone = workspace_zone(store)
        now = context.now(at, zone)
        found = segments_of(store, type, ref, live_at=now if live else None)
    rows = [_row(each) for each in found]
    output.show(rows, LIVE_COLUMNS if live else COLUMNS, output_format, zone=zone, now=now)
    for each in found:
        if each.problem is not None:
            output.warn(f'"{each.segment.name}" cannot be evaluated: {each.problem}')
    if not rows and output_format is Format.TABLE:
        output.note("it is in no segment" + (", and would be in none" if live else ""))


def _row(standing: "Standing") -> dict[str, Any]:
    view, run = standing.segment, standing.run
    return {
        "id": view.id,
        "name": view.name,
        "type": view.type.value,
        "stored": standing.stored,
        "live": standing.live,
        "since": run.started_at if run else None,
        "run": run.id if run else None,
        "first_count": run.baseline if run else None,
        "last_counted_at": view.last_counted_at,
        "stale": view.stale,
        "status": view.status.value,
        "problem": standing.problem,
    }
