"""`segctl intervals`: how often segments are recalculated, and when they are due."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, SegmentArgument, TypeOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    import datetime as dt

    from segctl.services.schedule import Scheduled

app = typer.Typer()

COLUMNS = (
    Column("name", "Name"),
    Column("type", "Type"),
    Column("interval", "Interval"),
    Column("last_counted_at", "Last Counted", kind="time", empty="never"),
    Column("due_at", "Next Due", kind="time", empty="–"),
    Column("lag", "Lag", kind="seconds", empty="–"),
    Column("state", "State"),
)


@app.command("set")
def set_(
    segment: SegmentArgument,
    interval: Annotated[
        str, typer.Argument(metavar="INTERVAL", help="Such as 30m, 4h, 1d, or manual.")
    ],
    type: TypeOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Say how often a segment is recalculated.

    A running daemon heeds it within seconds. The shortest interval is 30 minutes; the workspace
    setting min_interval allows shorter ones.

    Example: segctl intervals set "Big deals" 30m
    """
    from segctl.services import schedule, segments
    from segctl.services.intervals import interval_text, parse_interval

    minutes = parse_interval(interval)
    with context.store() as store:
        before = segments.find(store, segment, type)
        view = segments.edit(
            store,
            f"#{before.id}",
            interval=minutes,
            now=context.now(),
            actor=context.actor(),
        )
        with_due = schedule.show(store, view.id)
    text = interval_text(view.interval)
    if before.interval == view.interval:
        output.note(f'the interval of "{view.name}" is {text} already')
    else:
        was = interval_text(before.interval)
        output.note(f'the interval of "{view.name}" is {text} now; it was {was}')
    if output_format is not Format.TABLE:
        output.show_one(schedule_row(with_due, context.now()), COLUMNS, output_format)


@app.command("list")
def list_(type: TypeOption = None, output_format: OutputOption = Format.TABLE) -> None:
    """List intervals, when segments are due, how late they are.

    Example: segctl intervals list --type deal
    """
    from segctl.services import schedule

    now = context.now()
    with context.store() as store:
        segments = schedule.list_schedule(store, type)
    output.show((schedule_row(s, now) for s in segments), COLUMNS, output_format, now=now)


def schedule_row(segment: "Scheduled", now: "dt.datetime") -> dict[str, Any]:
    """A segment's schedule as programs read it; also a part of `segctl status -o json`."""
    from segctl.services.intervals import interval_text

    lag = segment.lag(now)
    failing = segment.failing
    return {
        "id": segment.id,
        "name": segment.name,
        "type": segment.type.value,
        "interval": interval_text(segment.interval),
        "last_counted_at": segment.last_counted_at,
        "due_at": segment.due_at,
        "lag": None if lag is None else round(lag.total_seconds(), 3),
        "state": segment.state(now).value,
        "reason": segment.reason.value if segment.reason else None,
        "count": segment.count,
        "stale": segment.stale,
        "too_heavy": segment.too_heavy,
        "error": segment.error,
        "error_class": failing.error_class.value if failing else None,
        "failures": failing.failures if failing else 0,
        "retry_at": failing.retry_at if failing else None,
        "parked_at": failing.parked_at if failing else None,
        "held_at": segment.held_at,
    }
