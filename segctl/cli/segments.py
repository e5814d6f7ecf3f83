"""`segctl segments`: who is in them, and how fresh that is."""

import datetime as dt
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import (
    AtOption,
    ColumnsOption,
    ForceOption,
    LimitOption,
    OutputOption,
    RequiredTypeOption,
    SegmentArgument,
    TypeOption,
    YesOption,
    column_names,
)
from segctl.cli.output import Column, Format
from segctl.cli.segment_tables import (
    COLUMNS,
    DETAILS,
    RUNS,
    details_row,
    record_columns_shown,
    segment_row,
)
from segctl.errors import SegctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segctl.services.segment_views import SegmentView
    from segctl.store.opening import Store

app = typer.Typer()

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The segment's name.")]
DescriptionOption = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")
]
IntervalOption = Annotated[
    str | None,
    typer.Option(
        "--interval",
        metavar="INTERVAL",
        help="How often it is recalculated: 30m, 4h, 1d, … or manual; default: 4h.",
    ),
]
MaxChangeOption = Annotated[
    str | None,
    typer.Option(
        "--max-change",
        metavar="CHANGE",
        help="Refuse to change more members of a segment: 500, 20% or none.",
    ),
]
ConditionOption = Annotated[
    str,
    typer.Option(
        "--where", metavar="CONDITION", help="Which records belong; - reads it from stdin."
    ),
]
RecalculateOption = Annotated[bool, typer.Option("--recalculate", help="Recalculate it at once.")]


@app.command()
def create(
    name: NameArgument,
    type: RequiredTypeOption,
    where: ConditionOption,
    description: DescriptionOption = None,
    interval: IntervalOption = None,
    max_change: MaxChangeOption = None,
    recalculate: RecalculateOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Define a segment. Its members are counted by the next recalculation.

    Example: segctl segments create "Big deals" --type deal --where 'value > 5000' --interval 1h
    """
    from segctl.services import segments
    from segctl.services.intervals import parse_interval

    with context.store() as store:
        made = segments.create(
            store,
            type=type,
            name=name,
            where=_text(where),
            description=description or "",
            interval=None if interval is None else parse_interval(interval),
            max_change=max_change,
            now=context.now(),
            actor=context.actor(),
        )
        _finish(store, made, f'created "{made.name}"', recalculate, output_format)


@app.command("list")
def list_(type: TypeOption = None, output_format: OutputOption = Format.TABLE) -> None:
    """List segments with their counts, and how fresh these are.

    Example: segctl segments list --type deal
    """
    from segctl.services.segment_views import list_segments

    with context.glance() as glance:
        views = list_segments(glance, type)
    show_segments(views, output_format)


def show_segments(views: "Iterable[SegmentView]", output_format: Format = Format.TABLE) -> None:
    """The Segment Management table, or its rows for programs."""
    output.show(map(segment_row, views), COLUMNS, output_format)


@app.command()
def show(
    segment: SegmentArgument,
    type: TypeOption = None,
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", min=0, help="How many of its last runs to show.")
    ] = 5,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show all about a segment: condition, state, references, runs.

    Example: segctl segments show "Big deals"
    """
    from segctl.services import segments

    with context.store() as store:
        details = segments.show(store, segment, type=type, runs=runs)
    row = details_row(details)
    if output_format is not Format.TABLE:
        output.show_one(row, DETAILS, output_format)
        return
    if row["canonical"] == row["condition"]:
        row["canonical"] = None
    shown = [c for c in DETAILS if row[c.key] not in (None, "", []) or c.empty]
    output.show_one(row, shown)
    if details.runs:
        errors = any(run["error"] for run in row["runs"])
        output.show(row["runs"], RUNS if errors else RUNS[:-1])


@app.command()
def edit(
    segment: SegmentArgument,
    type: TypeOption = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where", metavar="CONDITION", help="Which records belong; - reads it from stdin."
        ),
    ] = None,
    description: DescriptionOption = None,
    interval: IntervalOption = None,
    max_change: Annotated[
        str | None,
        typer.Option(
            "--max-change",
            metavar="CHANGE",
            help="Refuse to change more members of a segment: 500, 20% or none.",
        ),
    ] = None,
    recalculate: RecalculateOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Change a segment's condition, description, interval or guard.

    Another condition makes it stale: its members stay until it is recalculated. An empty
    --max-change takes the segment's own guard away, and the workspace's holds.

    Example: segctl segments edit "Big deals" --where 'value > 9000' --recalculate
    """
    from segctl.services import segments
    from segctl.services.intervals import parse_interval

    with context.store() as store:
        made = segments.edit(
            store,
            segment,
            type=type,
            where=None if where is None else _text(where),
            description=description,
            interval=None if interval is None else parse_interval(interval),
            max_change=max_change,
            now=context.now(),
            actor=context.actor(),
        )
        _finish(store, made, f'changed "{made.name}"', recalculate, output_format)


@app.command()
def rename(
    segment: SegmentArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW-NAME", help="Its new name.")],
    type: TypeOption = None,
) -> None:
    """Give a segment another name, also where conditions refer to it.

    Example: segctl segments rename "Big deals" "Large deals"
    """
    from segctl.services import segments

    with context.store() as store:
        view, rewritten = segments.rename(
            store, segment, new_name, type=type, now=context.now(), actor=context.actor()
        )
    output.note(f'the segment is called "{view.name}" now')
    if rewritten:
        output.note("rewritten where it is read: " + ", ".join(f'"{n}"' for n in rewritten))


@app.command()
def delete(
    segment: SegmentArgument,
    type: TypeOption = None,
    force: ForceOption = False,
    yes: YesOption = False,
) -> None:
    """Delete a segment with its members and history. The records themselves are untouched.

    Refused while another segment's condition refers to it; --force deletes it all the same.

    Example: segctl segments delete "Big deals" --yes
    """
    from segctl.services import segments

    with context.store() as store:
        # Refused before anybody is asked.
        look = segments.find if force else segments.check_unused
        view = look(store, segment, type)
        broken = segments.show(store, f"#{view.id}").read_by
        members = "" if view.count is None else f", its {view.count:,} memberships"
        output.confirm(
            f'Delete the segment "{view.name}"{members} and its history? Records are untouched.',
            yes,
        )
        segments.delete(
            store,
            f"#{view.id}",
            force=force,
            now=context.now(),
            actor=context.actor(),
        )
    output.note(f'deleted "{view.name}"; the records are untouched')
    if broken:
        output.warn("these segments fail until their condition is changed: " + ", ".join(broken))


@app.command()
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
    limit: LimitOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the records in a segment, as last counted.

    Example: segctl segments members "Big deals" --columns name,value,company.name -o csv
    """
    from segctl.services import members as service
    from segctl.services.filters import workspace_zone

    if live and diff:
        raise UsageError("--live and --diff are two different questions", hint="take one of them")
    _refuse_at(at, live or diff)
    names = column_names(columns) or list(service.DEFAULT_COLUMNS)
    if output_format in (Format.IDS, Format.COUNT):
        names = ["id"]
    with context.store() as store:
        zone = workspace_zone(store)
        now = context.now(at, zone)
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
                _say_age(found.segment, now)
            shown = record_columns_shown(found.columns)
            if diff:
                shown = [Column("change", "Change"), *shown]
            output.show(found.rows, shown, output_format, zone=zone, now=now)


@app.command()
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

    Example: segctl segments count "Big deals" --live
    """
    from segctl.services.segment_views import find

    _refuse_at(at, live)
    with context.store() as store:
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
            _say_age(view, context.now())
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


# ---------------------------------------------------------------- talk


def _say_age(view: "SegmentView", now: dt.datetime) -> None:
    """How old what stands on stdout is."""
    if view.last_counted_at is None:
        return
    age = f'"{view.name}" was counted {output.ago(view.last_counted_at, now)}'
    if view.stale:
        age += ", before its condition was changed"
    if view.error is not None:
        age += f"; since then it failed: {view.error}"
    output.note(age)


def _text(where: str) -> str:
    if where != "-":
        return where
    return sys.stdin.read()


def _refuse_at(at: str | None, live: bool) -> None:
    if at is not None and not live:
        raise UsageError(
            "--at says when to evaluate, and stored members are as they were counted",
            hint="--live evaluates the condition at that time",
        )


def _finish(
    store: "Store", view: "SegmentView", said: str, recalculate: bool, output_format: Format
) -> None:
    """Say what was done, recalculate if asked to, and print the segment for programs."""
    output.note(said)
    failure: SegctlError | None = None
    if recalculate:
        from segctl.cli.recalc import run
        from segctl.services import segment_views

        outcomes, failure = run(store, [f"#{view.id}"], trigger="edit")
        mine = next((o for o in outcomes if o.segment_id == view.id), None)
        if mine is not None and mine.done:
            output.note(
                f"{mine.count_after:,} members: {mine.entered:,} entered, {mine.left:,} left"
            )
        view = segment_views.find(store, f"#{view.id}")
    elif view.stale:
        output.note(
            f'its members are those of the old condition: segctl recalc "{view.name}", '
            "or --recalculate next time"
        )
    elif view.count is None:
        output.note(f'it is not counted yet: segctl recalc "{view.name}"')
    if output_format is not Format.TABLE:
        output.show_one(segment_row(view), COLUMNS, output_format)
    if failure is not None:
        raise failure
