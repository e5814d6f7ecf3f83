"""`segctl retry`: have failed and parked segments tried again."""

from typing import Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, SegmentsArgument, TypeOption
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

COLUMNS = (
    Column("name", "Name"),
    Column("type", "Type"),
    Column("failures", "Failures", kind="number"),
    Column("error", "Last error"),
)


def command(
    segments: SegmentsArgument = None,
    all: Annotated[bool, typer.Option("--all", help="All segments that failed.")] = False,
    type: TypeOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Have segments that failed or are parked tried again, by the daemon and at once.

    After ten failures in a row a segment is parked: the daemon leaves it alone until this command
    says otherwise, its condition is edited, or somebody recalculates it.

    Example: segctl retry "Big deals"
    """
    if not (segments or all or type):
        raise UsageError("which segments?", hint="name some, or say --all")
    if segments and all:
        raise UsageError("--all and the names of segments exclude each other")
    from segctl.services import failures

    with context.store() as store:
        tried = failures.retry(store, segments, type=type, now=context.now(), actor=context.actor())
    if not tried:
        output.note("none of them has failed" if segments else "no segment has failed")
    elif output_format is Format.TABLE:
        manual = [view for view in tried if view.interval == 0]
        output.note(
            f"{len(tried)} segment{'s' if len(tried) != 1 else ''} will be tried again by the "
            "daemon; segctl recalc does it now"
        )
        for view in manual:
            output.note(f'"{view.name}" is manual: segctl recalc "{view.name}"')
    rows = (
        {
            "id": view.id,
            "name": view.name,
            "type": view.type.value,
            "failures": view.failures,
            "error": view.error,
        }
        for view in tried
    )
    if tried or output_format is not Format.TABLE:
        output.show(rows, COLUMNS, output_format)
