"""`segctl undo`: take runs back."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, YesOption
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

if TYPE_CHECKING:
    from segctl.services.undo import Undo

COLUMNS = (
    Column("name", "Segment"),
    Column("type", "Type"),
    Column("undone", "Undone runs", kind="list"),
    Column("count_before", "Before", kind="number", empty="–"),
    Column("count", "Count", kind="number", empty="–"),
    Column("entered", "Came back", kind="number"),
    Column("left", "Went", kind="number"),
    Column("gone", "Deleted since", kind="number"),
    Column("run", "Run"),
)


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, by its number.")],
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Undo a run and all later ones of its segment: the members are as before it.

    Then the segment is held: nothing recalculates it before segctl retry says so, or it would do
    again what was undone. Records that were deleted since do not come back.

    Example: segctl undo 812
    """
    from segctl.services import undo

    number = run.removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise UsageError(
            f'"{run}" is not the number of a run', hint="segctl segments history NAME lists them"
        )
    with context.store() as store:
        plan = undo.look(store, int(number))
        if plan.undone:
            output.confirm(_question(plan), yes)
            plan = undo.undo(
                store,
                int(number),
                now=context.now(),
                actor=context.actor(),
                hooks=context.settings().hooks,
            )
    name = plan.segment.name
    if plan.run is None:
        output.note(
            f'there is nothing to undo: from run {number} on nobody has entered or left "{name}"'
        )
    else:
        output.note(
            f'"{name}" is held: segctl retry "{name}" when its condition and the records are right'
        )
    if plan.run is not None or output_format is not Format.TABLE:
        output.show_one(_row(plan), COLUMNS, output_format)


def _question(plan: "Undo") -> str:
    runs = plan.undone
    which = f"run {runs[0]}" if len(runs) == 1 else f"the {len(runs)} runs since {runs[-1]}"
    return (
        f'Undo {which} of "{plan.segment.name}": {plan.entered:,} come back and {plan.left:,} go'
        + (f", {plan.gone:,} were deleted since and stay away" if plan.gone else "")
        + "?"
    )


def _row(plan: "Undo") -> dict[str, Any]:
    return {
        "id": plan.segment.id,
        "name": plan.segment.name,
        "type": plan.segment.type.value,
        "undone": list(plan.undone),
        "count_before": plan.before,
        "count": plan.after,
        "entered": plan.entered,
        "left": plan.left,
        "gone": plan.gone,
        "run": plan.run,
    }
