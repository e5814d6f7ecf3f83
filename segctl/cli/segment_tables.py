"""The columns in which segments are shown, and the keys that programs read."""

from collections.abc import Sequence
import datetime as dt
from typing import TYPE_CHECKING, Any

from segctl.cli import output
from segctl.cli.output import Column

if TYPE_CHECKING:
    from segctl.services.seen_segments import SeenSegment
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
    Column("default", "Shared default", kind="bool"),
    Column("pinned_by", "Pinned by", kind="list"),
    Column("assigned_to", "Chats go to"),
    Column("hidden_from", "Hidden from", kind="list"),
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
        "default": details.uses.default_of is not None,
        "pinned_by": list(details.uses.pinned_by),
        "assigned_to": details.uses.rule[1] if details.uses.rule else None,
        "hidden_from": list(details.hidden_from),
    }


SEEN_COLUMNS = (Column("view", "View"), *COLUMNS)
"""Of a listing that one team member sees."""


def seen_row(seen: "SeenSegment") -> dict[str, Any]:
    """A segment as a team member sees it."""
    return {
        **segment_row(seen.view),
        "view": seen.mark,
        "pinned": seen.pinned,
        "default": seen.default,
    }


def say_age(view: "SegmentView", now: dt.datetime) -> None:
    """How old the members on stdout are."""
    if view.last_counted_at is None:
        return
    age = f'"{view.name}" was counted {output.ago(view.last_counted_at, now)}'
    if view.stale:
        age += ", before its condition was changed"
    if view.error is not None:
        age += f"; since then it failed: {view.error}"
    output.note(age)


def record_columns_shown(columns: Sequence[Any]) -> list[Column]:
    """How the columns of records are shown."""
    from segctl.cli.records import display_columns

    return display_columns(tuple(columns))
