"""`segctl status`: is a daemon alive; what runs, is late, failed, parked or too heavy."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.intervals import schedule_row
from segctl.cli.options import OutputOption, TypeOption
from segctl.cli.output import Column, Format, ago, visible
from segctl.errors import CheckFailed

if TYPE_CHECKING:
    from segctl.services.schedule import Scheduled
    from segctl.services.status import Status

COLUMNS = (
    Column("daemon_alive", "Daemon alive", kind="bool"),
    Column("segments", "Segments", kind="number"),
    Column("running", "Running", kind="number"),
    Column("due", "Due", kind="number"),
    Column("late", "Late", kind="number"),
    Column("failed", "Failed", kind="number"),
    Column("parked", "Parked", kind="number"),
    Column("too_heavy", "Too Heavy", kind="number"),
    Column("never_counted", "Never counted", kind="number"),
    Column("next_due_at", "Next due", kind="time"),
    Column("oldest_count_at", "Oldest count", kind="time"),
    Column("hooks_waiting", "Hooks waiting", kind="number"),
    Column("hooks_dead", "Hooks dead", kind="number"),
)
SHOWN = 10
"""So many segments of each kind are named in the table."""


def command(
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 6 if something is late or failed.")
    ] = False,
    max_lag: Annotated[
        str,
        typer.Option(
            "--max-lag",
            metavar="LAG",
            help="Too late is a count older than so many intervals (2x), or due for so long (30m).",
        ),
    ] = "2x",
    max_failed: Annotated[
        int,
        typer.Option("--max-failed", metavar="N", min=0, help="So many failed segments are fine."),
    ] = 0,
    need_daemon: Annotated[
        bool, typer.Option("--need-daemon", help="With --check: a daemon has to be alive, too.")
    ] = False,
    type: TypeOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show whether a daemon is alive, what runs, and what is late, failed, parked or too heavy.

    With --check it exits with 6 if a count is too old or a segment has failed, for monitoring.

    Example: segctl status --check --max-lag 2x --max-failed 0
    """
    from segctl.services import status as service

    limit = service.parse_limit(max_lag)
    with context.store() as store:
        seen = service.status(store, now=context.now(), type=type)
    found = service.problems(seen, max_lag=limit, max_failed=max_failed, need_daemon=need_daemon)
    if output_format is Format.TABLE:
        for text in lines(seen):
            output.line(visible(text))
    else:
        row = status_row(seen)
        if output_format is Format.JSON:
            row |= {"problems": found} if check else {}
        output.show_one(row, COLUMNS, output_format, now=seen.at)
    sys.stdout.flush()
    if check and found:
        raise CheckFailed("; ".join(found), hint="segctl status", problems=found)


def status_row(seen: "Status") -> dict[str, Any]:
    """The status as programs read it."""
    next_due, oldest = seen.next_due, seen.oldest
    return {
        "at": seen.at,
        "daemon_alive": seen.alive,
        "segments": len(seen.segments),
        "running": len(seen.running),
        "due": len(seen.due),
        "late": len(seen.late),
        "failed": len(seen.failed),
        "parked": len(seen.parked),
        "too_heavy": len(seen.too_heavy),
        "never_counted": len(seen.never_counted),
        "next_due_at": next_due.due_at if next_due else None,
        "oldest_count_at": oldest.last_counted_at if oldest else None,
        "hooks_waiting": seen.hooks_waiting,
        "hooks_dead": seen.hooks_dead,
        "daemons": [
            {
                "host": daemon.host,
                "pid": daemon.pid,
                "version": daemon.version,
                "alive": daemon.alive,
                "lanes": daemon.lanes.split(","),
                "type": daemon.type,
                "started_at": daemon.started_at,
                "heartbeat_at": daemon.heartbeat_at,
                "stopped_at": daemon.stopped_at,
                "running": list(daemon.running),
                "counters": dict(daemon.counters),
            }
            for daemon in seen.daemons
        ],
        "running_segments": [
            {
                **_named(segment),
                "host": holder.host.partition("/")[0],
                "pid": holder.pid,
                "since": holder.started_at,
            }
            for segment in seen.segments
            if (holder := seen.running.get(segment.id)) is not None
        ],
        "late_segments": [schedule_row(s, seen.at) for s in seen.late],
        "failed_segments": [schedule_row(s, seen.at) for s in seen.failed],
        "parked_segments": [_named(s) for s in seen.parked],
        "too_heavy_segments": [_named(s) for s in seen.too_heavy],
    }


def _named(segment: "Scheduled") -> dict[str, Any]:
    return {"id": segment.id, "name": segment.name, "type": segment.type.value}


def lines(seen: "Status") -> list[str]:
    """The status in words."""
    found = [_daemon_line(daemon, seen) for daemon in seen.daemons if daemon.alive]
    if not found:
        last = seen.daemons[0] if seen.daemons else None
        end = (last.stopped_at or last.heartbeat_at) if last else None
        found = [
            "no daemon is alive" + (f"; the last one ended {ago(end, seen.at)}" if end else "")
        ]
    numbers = (
        ("segments", len(seen.segments)),
        ("running", len(seen.running)),
        ("due", len(seen.due)),
        ("late", len(seen.late)),
        ("failed", len(seen.failed)),
        ("parked", len(seen.parked)),
        ("too heavy", len(seen.too_heavy)),
    )
    found.append(", ".join(f"{number:,} {what}" for what, number in numbers))
    if seen.next_due is not None and seen.next_due.due_at is not None:
        found.append(f'next due: "{seen.next_due.name}" {ago(seen.next_due.due_at, seen.at)}')
    if seen.oldest is not None and seen.oldest.last_counted_at is not None:
        found.append(
            f'oldest count: "{seen.oldest.name}" {ago(seen.oldest.last_counted_at, seen.at)}'
        )
    if seen.hooks_waiting or seen.hooks_dead:
        found.append(
            f"hook deliveries: {seen.hooks_waiting:,} waiting, {seen.hooks_dead:,} given up"
        )
    found += _part("running", [s for s in seen.segments if s.id in seen.running], _since(seen))
    found += _part("late", seen.late, lambda s: _late(s, seen))
    found += _part("failed", seen.failed, _failure)
    found += _part("too heavy", seen.too_heavy, _took)
    return found


def _daemon_line(daemon: Any, seen: "Status") -> str:
    of = f", {daemon.type} only" if daemon.type else ""
    return (
        f"daemon {daemon.version} alive: process {daemon.pid} on {daemon.host}, lanes "
        f"{daemon.lanes}{of}, started {ago(daemon.started_at, seen.at)}"
    )


def _part(title: str, segments: "list[Scheduled]", say: Any) -> list[str]:
    if not segments:
        return []
    found = ["", f"{title}:"]
    found += [f'  "{s.name}" ({s.type}){say(s)}' for s in segments[:SHOWN]]
    if len(segments) > SHOWN:
        found.append(f"  and {len(segments) - SHOWN:,} more")
    return found


def _since(seen: "Status") -> Any:
    def say(segment: "Scheduled") -> str:
        holder = seen.running[segment.id]
        return f" in {holder}, {ago(holder.started_at, seen.at)}"

    return say


def _late(segment: "Scheduled", seen: "Status") -> str:
    lag = segment.lag(seen.at)
    return f" by {output.seconds(lag.total_seconds())}" if lag is not None else ""


def _failure(segment: "Scheduled") -> str:
    failing = segment.failing
    if failing is None:
        return f": {segment.error}"
    if failing.stopped:
        return f" is stopped until it is edited: {failing.error}"
    if failing.parked:
        hint = f'segctl retry "{segment.name}"'
        return f" is parked after {failing.failures} failures: {failing.error} ({hint})"
    return f": {failing.error}"


def _took(segment: "Scheduled") -> str:
    return f" took {output.seconds(segment.last_duration)}" if segment.last_duration else ""
