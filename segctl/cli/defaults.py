"""`segctl defaults`: the segment of each type that everybody sees first."""

import typer

from segctl.cli import context, output
from segctl.cli.options import AsOption, OutputOption, SegmentArgument, TypeArgument
from segctl.cli.output import Column, Format

app = typer.Typer()

COLUMNS = (
    Column("type", "Type"),
    Column("segment", "Segment"),
    Column("hidden_from", "Hidden from", kind="list"),
)


@app.command("set")
def set_(type: TypeArgument, segment: SegmentArgument) -> None:
    """Make a segment the shared default of its type.

    Whoever has no pin of the type sees it first. Another one is not the default any more.

    Example: segctl defaults set deal "My open deals"
    """
    from segctl.services import defaults

    with context.store() as store:
        made, before = defaults.set_default(
            store, type, segment, now=context.now(), actor=context.actor()
        )
    if before == made.segment:
        output.note(f'"{made.segment}" is the shared default of {type} already')
    else:
        was = "" if before is None else f'; it was "{before}"'
        output.note(f'the shared default of {type} is "{made.segment}" now{was}')
    if made.hidden_from:
        output.warn(
            f'"{made.segment}" is hidden from {", ".join(made.hidden_from)}: without a pin they '
            f"see all {type} records"
        )


@app.command()
def clear(type: TypeArgument) -> None:
    """Have no shared default of a type.

    Example: segctl defaults clear deal
    """
    from segctl.services import defaults

    with context.store() as store:
        before = defaults.clear_default(store, type, now=context.now(), actor=context.actor())
    if before is None:
        output.note(f"there was no shared default of {type}")
    else:
        output.note(f'there is no shared default of {type} now; it was "{before}"')


@app.command("list")
def list_(as_: AsOption = None, output_format: OutputOption = Format.TABLE) -> None:
    """List the shared defaults, and from whom they are hidden.

    Example: segctl defaults list
    """
    from segctl.services import defaults

    with context.store() as store:
        found = defaults.list_defaults(store, as_=as_)
    rows = (
        {
            "id": one.segment_id,
            "type": one.type.value,
            "segment": one.segment,
            "hidden_from": list(one.hidden_from),
        }
        for one in found
    )
    output.show(rows, COLUMNS, output_format)
