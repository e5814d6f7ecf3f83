"""`segctl segments`: who is in them, and how fresh that is."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from segctl.cli import context, output
from segctl.cli.history import history
from segctl.cli.members import count, members
from segctl.cli.options import (
    AsOption,
    ForceOption,
    HideFromOption,
    OutputOption,
    RequiredTypeOption,
    SegmentArgument,
    ShowToOption,
    TypeOption,
    YesOption,
)
from segctl.cli.output import Format
from segctl.cli.profile import profile
from segctl.cli.seen import overview, show_seen
from segctl.cli.segment_tables import (
    COLUMNS,
    DETAILS,
    RUNS,
    details_row,
    segment_row,
)
from segctl.errors import SegctlError

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
    hide_from: HideFromOption = None,
    show_to: ShowToOption = None,
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
            hide_from=hide_from or (),
            show_to=show_to or (),
            now=context.now(),
            actor=context.actor(),
        )
        _say_visibility(store, made, hide_from, show_to)
        _finish(store, made, f'created "{made.name}"', recalculate, output_format)


@app.command("list")
def list_(
    type: TypeOption = None, as_: AsOption = None, output_format: OutputOption = Format.TABLE
) -> None:
    """List segments with their counts, and how fresh these are.

    With --as it is what that team member sees: their pins first, then the shared defaults.

    Example: segctl segments list --type deal
    """
    if as_ is not None:
        show_seen(as_, type, output_format)
        return
    from segctl.services.segment_views import list_segments

    with context.glance() as glance:
        views = list_segments(glance, type)
    show_segments(views, output_format)


app.command()(overview)


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
    row["default"] = row["default"] or None
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
    hide_from: HideFromOption = None,
    show_to: ShowToOption = None,
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
            hide_from=hide_from or (),
            show_to=show_to or (),
            now=context.now(),
            actor=context.actor(),
        )
        _say_visibility(store, made, hide_from, show_to)
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

    Refused while another segment's condition, a pin, the shared default or an assignment rule
    names it; --force deletes it all the same, and with it these pins, defaults and rules.

    Example: segctl segments delete "Big deals" --yes
    """
    from segctl.services import segments

    with context.store() as store:
        # Refused before anybody is asked.
        look = segments.find if force else segments.check_unused
        view = look(store, segment, type)
        details = segments.show(store, f"#{view.id}")
        broken, cleared = details.read_by, details.uses.texts
        members = "" if view.count is None else f", its {view.count:,} memberships"
        also = "".join(f", {text}" for text in cleared)
        output.confirm(
            f'Delete the segment "{view.name}"{members}{also} and its history? '
            "Records are untouched.",
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
    for text in cleared:
        output.note(f"cleared {text}")
    if broken:
        output.warn("these segments fail until their condition is changed: " + ", ".join(broken))


app.command()(members)
app.command()(history)
app.command()(profile)
app.command()(count)


# ---------------------------------------------------------------- talk


def _say_visibility(
    store: "Store", view: "SegmentView", hide_from: list[str] | None, show_to: list[str] | None
) -> None:
    """What a person might not expect of what was hidden and shown."""
    if not hide_from and not show_to:
        return
    from segctl.services.visibility import remarks

    for remark in remarks(store, view.id, hide_from or (), show_to or ()):
        output.note(remark)


def _text(where: str) -> str:
    if where != "-":
        return where
    return sys.stdin.read()


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
