"""`segctl pins`: a team member's own default segments."""

from typing import Annotated

import typer

from segctl.catalog import ObjectType, object_type
from segctl.cli import context, output
from segctl.cli.options import (
    AsOption,
    OutputOption,
    RequiredAsOption,
    SegmentArgument,
    TypeOption,
)
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

app = typer.Typer()

COLUMNS = (
    Column("email", "Team member"),
    Column("type", "Type"),
    Column("segment", "Segment"),
    Column("hidden", "Hidden from them", kind="bool"),
)


@app.command("set")
def set_(segment: SegmentArgument, as_: RequiredAsOption, type: TypeOption = None) -> None:
    """Pin a segment: it opens first for that team member.

    There is at most one pin of each type; pinning another segment replaces it.

    Example: segctl pins set --as anna@example.com "Big deals"
    """
    from segctl.services import pins

    with context.store() as store:
        done = pins.set_pin(
            store, segment, as_=as_, type=type, now=context.now(), actor=context.actor()
        )
    whose = f"{done.email} has pinned the {done.type} segment"
    if done.before == done.segment:
        output.note(f'{whose} "{done.segment}" already')
    else:
        was = "" if done.before is None else f', and not "{done.before}" any more'
        output.note(f'{whose} "{done.segment}" now{was}')
    if not done.active:
        output.note(f"{done.email} is deactivated")


@app.command()
def clear(
    as_: RequiredAsOption,
    type: Annotated[
        ObjectType | None,
        typer.Argument(
            metavar="[TYPE]",
            parser=object_type,
            help="The object type: contact, company, deal, task, ticket or product.",
            show_default=False,
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="The pins of all types.")] = False,
) -> None:
    """Take a team member's pin of a type away.

    Example: segctl pins clear deal --as anna@example.com
    """
    from segctl.services import pins

    if (type is None) is not all_:
        raise UsageError("which pin?", hint="name its type, or --all")
    with context.store() as store:
        gone = pins.clear_pins(store, as_=as_, type=type, now=context.now(), actor=context.actor())
    for pin in gone:
        output.note(f'{pin.email} has not pinned the {pin.type} segment "{pin.segment}" any more')
    if not gone:
        output.note("nothing was pinned")


@app.command("list")
def list_(
    type: TypeOption = None, as_: AsOption = None, output_format: OutputOption = Format.TABLE
) -> None:
    """List pins: everybody's, or with --as those of a team member.

    Example: segctl pins list --as anna@example.com
    """
    from segctl.services import pins

    with context.store() as store:
        found = pins.list_pins(store, as_=as_, type=type)
    if found.unseen:
        number = f"{found.unseen} pin{'' if found.unseen == 1 else 's'}"
        output.note(f"{number} of segments that are hidden from them, not listed")
    rows = (
        {
            "id": pin.segment_id,
            "email": pin.email,
            "type": pin.type.value,
            "segment": pin.segment,
            "hidden": pin.hidden,
        }
        for pin in found.pins
    )
    output.show(rows, COLUMNS if as_ is None else COLUMNS[:-1], output_format)
