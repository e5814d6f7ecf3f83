"""`segctl recalc`: recalculate one segment, several, or all."""

from collections.abc import Sequence
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.catalog import ObjectType
from segctl.cli import context, output
from segctl.cli.options import AtOption, OutputOption, SegmentsArgument, TypeOption, WaitOption
from segctl.cli.output import Column, Format
from segctl.engine.modes import Mode
from segctl.errors import SegctlError, UsageError

if TYPE_CHECKING:
    from segctl.services.outcomes import Outcome
    from segctl.store.opening import Store

COLUMNS = (
    Column("name", "Name"),
    Column("type", "Type"),
    Column("result", "Result"),
    Column("count", "Count", kind="number", empty="–"),
    Column("entered", "Entered", kind="number", empty="–"),
    Column("left", "Left", kind="number", empty="–"),
    Column("duration", "Took", kind="seconds"),
)
VERBOSE = (
    Column("mode", "Mode"),
    Column("why", "Why"),
    Column("count_before", "Before", kind="number", empty="–"),
)
"""What -v adds."""


def command(
    segments: SegmentsArgument = None,
    all: Annotated[
        bool, typer.Option("--all", help="All segments, those with a manual interval included.")
    ] = False,
    type: TypeOption = None,
    wait: WaitOption = None,
    max_change: Annotated[
        str | None,
        typer.Option(
            "--max-change",
            metavar="CHANGE",
            help="Refuse to change more members of a segment: 500, 20% or none.",
        ),
    ] = None,
    with_references: Annotated[
        bool,
        typer.Option(
            "--with-references", help="Recalculate what they refer to first, however fresh it is."
        ),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Evaluate every record: the same as --mode full.")
    ] = False,
    mode: Annotated[
        Mode | None,
        typer.Option(
            "--mode",
            help="What costs least (auto), every record (full), or what can have changed "
            "(incremental, wherever that is exact).",
            show_default="auto",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who would enter and leave; store nothing.")
    ] = False,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Recalculate segments: find out which records belong, and store who entered and left.

    Name some, or say --all or --type. What they refer to is recalculated first if it is stale or
    was never counted. Each segment succeeds or fails for itself: exit code 3 if only some failed.

    Only records whose membership can have changed are evaluated, if these are few, and none at all
    if nothing has changed; -v says what was done with each segment, and why.

    Example: segctl recalc "Big deals" Won
    """
    if not (segments or all or type):
        raise UsageError("which segments?", hint="name some, or say --all or --type deal")
    if segments and all:
        raise UsageError("--all and the names of segments exclude each other")
    if full and mode not in (None, Mode.FULL):
        raise UsageError(f"--full and --mode {mode} exclude each other")
    if at is not None and not dry_run:
        raise UsageError(
            "members are only ever counted as of now: --at needs --dry-run",
            hint="segctl segments members NAME --live --at … lists them as of another time",
        )
    from segctl.services import stores

    with context.store() as store:
        outcomes, failure = run(
            store,
            segments,
            type=type,
            wait=wait,
            max_change=max_change,
            with_references=with_references,
            mode=Mode.FULL if full else mode or Mode.AUTO,
            dry_run=dry_run,
            at=at,
        )
        if all and not dry_run:
            # Whoever runs this from cron has no daemon that would keep the history within bounds.
            stores.prune(store, now=context.now(), actor=context.actor())
    _print(outcomes, output_format)
    if failure is not None:
        raise failure


def run(
    store: "Store",
    refs: Sequence[str] | None,
    *,
    type: ObjectType | None = None,
    trigger: str = "manual",
    wait: dt.timedelta | None = None,
    max_change: str | None = None,
    with_references: bool = False,
    mode: Mode = Mode.AUTO,
    dry_run: bool = False,
    at: str | None = None,
) -> "tuple[list[Outcome], SegctlError | None]":
    """Recalculate under a progress bar; the outcomes, and what to fail with if not all is well."""
    from segctl.engine.limits import parse_max_change
    from segctl.services import batches, dry_runs, recalculation
    from segctl.services.outcomes import verdict

    limit = None if max_change is None else parse_max_change(max_change)
    batch = batches.choose(store, refs, type=type, with_references=with_references)
    with output.progress("Recalculating", len(batch.segments)) as advance:
        if dry_run:
            from segctl.services.filters import workspace_zone

            now = context.now(at, workspace_zone(store))
            outcomes = dry_runs.dry_run(store, batch, now=now, progress=advance)
        else:
            outcomes = recalculation.recalculate(
                store,
                batch,
                now=context.now(),
                trigger=trigger,
                wait=wait,
                max_change=limit,
                progress=advance,
                hooks=context.settings().hooks,
                mode=mode,
            )
    _talk(outcomes)
    return outcomes, verdict(outcomes)


def _print(outcomes: "Sequence[Outcome]", output_format: Format) -> None:
    columns = COLUMNS + VERBOSE if context.verbose() else COLUMNS
    if not outcomes and output_format is Format.TABLE:
        output.note("there are no segments to recalculate")
        return
    output.show(map(_row, outcomes), columns, output_format)


def _talk(outcomes: "Sequence[Outcome]") -> None:
    """What a person should know of the members that were read; each thing once."""
    said: set[str] = set()
    for outcome in outcomes:
        for note in outcome.notes:
            if note.startswith("the triggers"):
                if note not in said:
                    output.warn(note)
            elif note.startswith("mended"):
                output.warn(f'"{outcome.name}": {note}')
            elif note.startswith("on old members"):
                output.warn(f'"{outcome.name}" was counted {note}')
            else:
                output.detail(f'"{outcome.name}" {note}')
            said.add(note)


def _row(outcome: "Outcome") -> dict[str, Any]:
    return {
        "id": outcome.segment_id,
        "name": outcome.name,
        "type": outcome.type.value,
        "result": outcome.result.value,
        "mode": outcome.mode,
        "why": outcome.why,
        "candidates": outcome.candidates,
        "count_before": outcome.count_before,
        "count": outcome.count_after,
        "entered": outcome.entered,
        "left": outcome.left,
        "baseline": outcome.baseline,
        "duration": round(outcome.duration, 6),
        "run": outcome.run,
        "notes": list(outcome.notes),
        "error": outcome.error.message if outcome.error else None,
    }
