"""The columns in which segments are shown, and the keys that programs read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segctl.cli.output import Column

if TYPE_CHECKING:
    from segctl.services.segment_views import SegmentView
    from segctl.services.segments import SegmentDetails

COLUMNS = (
    Column("name", "Name"),
    Column("type", "Type"),
    Column("interval", "Interval"),
    Column("count", "Count", kind="number", empty="–"),
    Column("last_counted_at", "Last Counted", kind="time", empty="never"),
    Column("modified_at", "Date Modified", kind="time"),
    Column("too_heavy", "Too Heavy", kind="bool"),
    Column("status", "Status"),
)

DETAILS = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("type", "Type"),
    Column("description", "Description"),
    Column("condition", "Condition"),
    Column("canonical", "Canonical form"),
    Column("problem", "Problem"),
    Column("interval", "Interval"),
    Column("max_change", "Max Change"),
    Column("count", "Count", kind="number", empty="–"),
    Column("last_counted_at", "Last Counted", kind="time", empty="never"),
    Column("last_duration", "Took", kind="seconds"),
    Column("modified_at", "Date Modified", kind="time"),
    Column("created_at", "Created", kind="time"),
    Column("too_heavy", "Too Heavy", kind="bool"),
    Column("heavy_reasons", "Because", kind="list"),
    Column("status", "Status"),
    Column("running_by", "Running in"),
    Column("error", "Last error"),
    Column("reads", "Reads", kind="list"),
    Column("read_by", "Read by", kind="list"),
)

RUNS = (
    Column("id", "Run"),
    Column("started_at", "Started", kind="time"),
    Column("trigger", "Trigger"),
    Column("mode", "Mode"),
    Column("why", "Why"),
    Column("count_before", "Before", kind="number", empty="–"),
    Column("count_after", "After", kind="number", empty="–"),
    Column("entered", "Entered", kind="number", empty="–"),
    Column("left", "Left", kind="number", empty="–"),
    Column("duration", "Took", kind="seconds"),
    Column("error", "Error"),
)


def segment_row(view: "SegmentView") -> dict[str, Any]:
    from segctl.services.intervals import interval_text

    return {
        "id": view.id,
        "name": view.name,
        "type": view.type.value,
        "interval": interval_text(view.interval),
        "count": view.count,
        "last_counted_at": view.last_counted_at,
        "modified_at": view.modified_at,
        "too_heavy": view.too_heavy,
        "status": view.status.value,
        "stale": view.stale,
        "running": view.running,
        "description": view.description,
        "condition": view.condition,
        "max_change": view.max_change,
        "last_duration": view.last_duration,
        "error": view.error,
        "created_at": view.created_at,
    }


def details_row(details: "SegmentDetails") -> dict[str, Any]:
    return {
        **segment_row(details.segment),
        "canonical": details.canonical,
        "problem": details.problem,
        "heavy_reasons": list(details.segment.heavy_reasons),
        "running_by": details.segment.running_by,
        "failures": details.segment.failures,
        "reads": list(details.reads),
        "read_by": list(details.read_by),
        "runs": [
            {
                "id": run.id,
                "started_at": run.started_at,
                "trigger": run.trigger,
                "mode": run.mode,
                "why": run.why,
                "baseline": run.baseline,
                "now": run.now,
                "count_before": run.count_before,
                "count_after": run.count_after,
                "entered": run.entered,
                "left": run.left,
                "duration": run.duration,
                "error": run.error,
                "owner": run.owner,
            }
            for run in details.runs
        ],
    }


def record_columns_shown(columns: Sequence[Any]) -> list[Column]:
    """How the columns of records are shown."""
    from segctl.cli.records import display_columns

    return display_columns(tuple(columns))
