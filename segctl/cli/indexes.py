"""`segctl store index`: indexes on attributes that conditions ask for."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import AnyTypeArgument, OutputOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.store.indexes import Index

app = typer.Typer()

COLUMNS = (
    Column("name", "Name"),
    Column("type", "Type"),
    Column("attributes", "Attributes", kind="list"),
    Column("valid", "Valid", kind="bool"),
    Column("bytes", "Bytes", kind="number", empty="–"),
)


@app.command()
def add(
    type: AnyTypeArgument,
    attributes: Annotated[
        list[str], typer.Argument(metavar="ATTRIBUTE", help="The attributes, in this order.")
    ],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Index attributes, so that conditions on them find records faster.

    On Postgres others read and write meanwhile. segctl segments profile says which one would help.

    Example: segctl store index add contact country
    """
    from segctl.services import indexes

    with context.store() as store:
        made = indexes.add(store, type, attributes, now=context.now(), actor=context.actor())
    output.note(f"added the index {made.name}")
    if output_format is not Format.TABLE:
        output.show_one(_row(made), COLUMNS, output_format)


@app.command("list")
def list_(output_format: OutputOption = Format.TABLE) -> None:
    """List the indexes that were added; those of segctl itself and of other programs are not shown.

    One that is not valid was left behind by a failed attempt: drop it, or add it again.

    Example: segctl store index list
    """
    from segctl.services import indexes

    with context.store() as store:
        found = indexes.list_indexes(store)
    if not found and output_format is Format.TABLE:
        output.note("no index was added")
        return
    output.show(map(_row, found), COLUMNS, output_format)


@app.command()
def drop(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The index, as listed.")],
) -> None:
    """Drop an index that was added. No data is lost, only speed.

    Example: segctl store index drop segctl_index_contact_country
    """
    from segctl.services import indexes

    with context.store() as store:
        gone = indexes.drop(store, name, now=context.now(), actor=context.actor())
    output.note(f"dropped the index {gone.name}")


def _row(index: "Index") -> dict[str, Any]:
    return {
        "id": index.name,
        "name": index.name,
        "type": index.type.value,
        "attributes": list(index.attributes),
        "valid": index.valid,
        "bytes": index.bytes,
    }
