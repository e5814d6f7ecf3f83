"""`segctl attributes`: what the records of each type can say."""

import csv
from typing import Annotated

import typer

from segctl.catalog import Attribute, ObjectType, ValueType, did_you_mean
from segctl.cli import context, output
from segctl.cli.options import (
    AnyTypeArgument,
    ForceOption,
    OutputOption,
    YesOption,
    any_object_type,
)
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

app = typer.Typer()

COLUMNS = (
    Column("type", "Type"),
    Column("name", "Name"),
    Column("kind", "Kind"),
    Column("source", "Source"),
    Column("choices", "Choices"),
    Column("target", "Leads to"),
    Column("description", "Description"),
)


def value_type(word: str) -> ValueType:
    """The kind that a user named."""
    try:
        return ValueType(word.strip().lower())
    except ValueError:
        raise UsageError(
            f'there is no kind "{word}"',
            hint=did_you_mean(word, ValueType) or "the kinds are " + ", ".join(ValueType),
        ) from None


def split_choices(texts: list[str] | None) -> tuple[str, ...]:
    """`a,b` and `"a, b",c`: separated by commas, quoted as in CSV."""
    fields = (field for text in texts or () for row in csv.reader([text]) for field in row)
    return tuple(field.strip() for field in fields)


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The attribute's name.")]


@app.command()
def add(
    type: AnyTypeArgument,
    name: NameArgument,
    kind: Annotated[
        ValueType,
        typer.Option(
            "--kind",
            metavar="KIND",
            parser=value_type,
            help="string, integer, float, boolean, date, datetime, choice, multichoice or tags.",
        ),
    ],
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--choices",
            metavar="A,B,C",
            help="The values that a choice or multichoice can have, separated by commas.",
        ),
    ] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What it means.")
    ] = "",
) -> None:
    """Give an object type a custom attribute.

    Example: segctl attributes add company sector --kind choice --choices public,private
    """
    from segctl.services import attributes

    wanted = Attribute(type, name, kind, split_choices(choices), False, description)
    with context.store() as store:
        added = attributes.add(store, wanted, now=context.now(), actor=context.actor())
    output.note(f"added {added}, {added.kind}")


@app.command("list")
def list_attributes(
    type: Annotated[
        ObjectType | None,
        typer.Argument(
            metavar="[TYPE]",
            parser=any_object_type,
            help="The object type: contact, company, deal, task, ticket, product or event.",
        ),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List attributes, standard and custom, and relations.

    Example: segctl attributes list company
    """
    from segctl.services import attributes

    with context.store() as store:
        views = attributes.list_attributes(store, type)
    rows = (
        {
            "id": f"{view.type}.{view.name}",
            "type": view.type.value,
            "name": view.name,
            "kind": view.kind,
            "source": view.source,
            "choices": list(view.choices),
            "target": view.target.value if view.target else None,
            "description": view.description,
        }
        for view in views
    )
    output.show(rows, COLUMNS, output_format)


@app.command()
def drop(
    type: AnyTypeArgument,
    name: NameArgument,
    force: ForceOption = False,
    yes: YesOption = False,
) -> None:
    """Take a custom attribute and its values away.

    Refused while a segment's condition uses it; --force drops it all the same.

    Example: segctl attributes drop company sector --yes
    """
    from segctl.services import attributes, indexes

    with context.store() as store:
        values = attributes.count_values(store, type, name)
        gone = indexes.on_attribute(store, type, name)
        also = "".join(f", the index {index.name}" for index in gone)
        output.confirm(f"Drop {type}.{name}{also} and its values in {values:,} records?", yes)
        broken = attributes.drop(
            store, type, name, now=context.now(), actor=context.actor(), force=force
        )
    output.note(f"dropped {type}.{name}")
    for index in gone:
        output.note(f"dropped the index {index.name} with it")
    if type is ObjectType.EVENT:
        output.note("the values stay in the stored events and are not read any more")
    if broken:
        output.warn("these segments fail until their condition is changed: " + ", ".join(broken))


@app.command()
def choices(
    type: AnyTypeArgument,
    name: NameArgument,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="A,B", help="Choices to add, separated by commas."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="A,B", help="Choices to take away."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Show or change the choices of a custom attribute.

    A choice that a condition or a record uses is only removed with --force: such records lose it.

    Example: segctl attributes choices company sector --add mixed --remove public
    """
    from segctl.services import attributes

    with context.store() as store:
        if not add and not remove:
            found = attributes.find(store, type, name)
        else:
            found = attributes.change_choices(
                store,
                type,
                name,
                add=split_choices(add),
                remove=split_choices(remove),
                now=context.now(),
                actor=context.actor(),
                force=force,
            )
    for choice in found.choices:
        output.line(choice)
