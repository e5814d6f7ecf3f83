"""`segctl visibility`: from whom segments are hidden."""

from typing import TYPE_CHECKING, Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, SegmentArgument, TypeOption, segment_names
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.services.visibility import VisibilityChange

app = typer.Typer()

COLUMNS = (
    Column("segment", "Segment"),
    Column("type", "Type"),
    Column("who", "Hidden from"),
    Column("kind", "Who is"),
)

FromOption = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="WHO", help="A team member or a group; repeatable."),
]
FromGroupOption = Annotated[
    list[str] | None, typer.Option("--from-group", metavar="GROUP", help="A group; repeatable.")
]


@app.command()
def hide(
    segment: SegmentArgument,
    type: TypeOption = None,
    from_: FromOption = None,
    from_group: FromGroupOption = None,
) -> None:
    """Leave a segment out of the lists of team members or groups.

    It keeps lists tidy and protects nothing: schedules, references and assignment rules go on
    using the segment, its records can be read, and managers see everything.

    Example: segctl visibility hide "Big deals" --from anna@example.com --from-group Support
    """
    from segctl.services import visibility

    with context.store() as store:
        done = visibility.hide(
            store,
            segment,
            _names(from_, from_group),
            type=type,
            now=context.now(),
            actor=context.actor(),
        )
    if done.changed:
        output.note(f'"{done.segment}" is hidden from {", ".join(done.changed)} now')
    else:
        output.note(f'"{done.segment}" was hidden from them already')
    _remark(done)


@app.command()
def show(
    segment: SegmentArgument,
    type: TypeOption = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="WHO", help="A team member or a group; repeatable."),
    ] = None,
    to_group: Annotated[
        list[str] | None, typer.Option("--to-group", metavar="GROUP", help="A group; repeatable.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Hide it from nobody any more.")
    ] = False,
) -> None:
    """Undo `hide` for team members and groups.

    Example: segctl visibility show "Big deals" --to anna@example.com
    """
    from segctl.services import visibility

    with context.store() as store:
        done = visibility.show(
            store,
            segment,
            _names(to, to_group),
            everybody=everybody,
            type=type,
            now=context.now(),
            actor=context.actor(),
        )
    if done.changed:
        output.note(f'"{done.segment}" is not hidden from {", ".join(done.changed)} any more')
    else:
        output.note(f'"{done.segment}" was not hidden from {"anybody" if everybody else "them"}')
    _remark(done)


@app.command("list")
def list_(
    segment: Annotated[
        str | None,
        typer.Argument(
            metavar="[SEGMENT]",
            help="The segment, by name or id.",
            autocompletion=segment_names,
            show_default=False,
        ),
    ] = None,
    type: TypeOption = None,
    from_: FromOption = None,
    from_group: FromGroupOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List what is hidden from whom.

    With --from a team member, that includes what is hidden from their groups. Managers see
    everything all the same.

    Example: segctl visibility list --from anna@example.com
    """
    from segctl.services.visibility import list_hidden

    with context.store() as store:
        hidden = list_hidden(store, segment, type=type, who=_names(from_, from_group))
    rows = (
        {
            "id": one.segment_id,
            "segment": one.segment,
            "type": one.type.value,
            "who": one.who,
            "kind": "group" if one.group else "team member",
        }
        for one in hidden
    )
    output.show(rows, COLUMNS, output_format)


def _names(people: list[str] | None, groups: list[str] | None) -> list[str]:
    return [*(people or ()), *(f"group:{name}" for name in groups or ())]


def _remark(done: "VisibilityChange") -> None:
    for remark in done.remarks:
        output.note(remark)
