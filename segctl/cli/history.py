"""`segctl segments history`: the runs of a segment and its count over time."""

import os
import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, SegmentArgument, TypeOption, moment
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.store.tables import Recalculation

COLUMNS = (
    Column("id", "Run"),
    Column("started_at", "Started", kind="time"),
    Column("mode", "Mode"),
    Column("count_after", "Count", kind="number", empty="–"),
    Column("entered", "Entered", kind="number", empty="–"),
    Column("left", "Left", kind="number", empty="–"),
    Column("duration", "Took", kind="seconds"),
)
SKIPS = Column("skips", "Skips", kind="number")
ERROR = Column("error", "Error")
VERBOSE = (Column("trigger", "Trigger"), Column("why", "Why"))


def history(
    segment: SegmentArgument,
    type: TypeOption = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only at this time or later."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="At most this many rows.")
    ] = 20,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show the runs of a segment, and draw its count over time.

    The newest run comes first. How long runs are kept: segctl workspace show run_keep_days.

    Example: segctl segments history "Big deals" --since 30d
    """
    from segctl.services import history as service
    from segctl.services.filters import workspace_zone

    with context.store() as store:
        now = context.now()
        start = moment("--since", since, now, workspace_zone(store))
        found = service.history(store, segment, type=type, since=start, limit=limit)
    rows = [_row(run) for run in found.runs]
    if output_format is Format.TABLE:
        from segctl.cli.plot import plot

        if not rows:
            output.note(f'"{found.segment.name}" was never recalculated')
            return
        points = [(point.at, point.count) for point in found.counts]
        for line in plot(points, now, context.display_zone(), _room()):
            output.line(line)
        if len(points) > 1:
            output.line("")
    shown = list(COLUMNS)
    if context.verbose():
        shown[3:3] = VERBOSE
    if any(row["skips"] for row in rows):
        shown.append(SKIPS)
    if any(row["error"] for row in rows):
        shown.append(ERROR)
    columns = shown if output_format is Format.TABLE else [*COLUMNS, *VERBOSE, SKIPS, ERROR]
    output.show(rows, columns, output_format, now=now)


def _room() -> int:
    if os.environ.get("COLUMNS", "").isdigit():
        return max(int(os.environ["COLUMNS"]), 40)
    return max(shutil.get_terminal_size().columns, 40)


def _row(run: "Recalculation") -> dict[str, Any]:
    return {
        "id": run.id,
        "started_at": run.started_at,
        "trigger": run.trigger,
        "mode": run.mode,
        "why": run.why,
        "baseline": bool(run.baseline),
        "now": run.now,
        "count_before": run.count_before,
        "count_after": run.count_after,
        "entered": run.entered,
        "left": run.left,
        "duration": run.duration,
        "skips": run.skips,
        "error": run.error,
        "owner": run.owner,
    }
