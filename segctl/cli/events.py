"""`segctl events`: what contacts did; import, add, list and export."""

from typing import Annotated

import typer

from segctl.catalog import ObjectType
from segctl.cli import context, importing, output
from segctl.cli.importing import ImportCommand
from segctl.cli.options import (
    AtOption,
    ColumnsOption,
    LimitOption,
    OutputOption,
    WhereOption,
    column_names,
)
from segctl.cli.output import Format
from segctl.cli.records import default_columns, display_columns, run_export
from segctl.errors import UsageError
from segctl.services.imports.options import ImportOptions, OnDuplicate, OnError, OnMissing, Relate

app = typer.Typer()

_EVENT = ObjectType.EVENT


@app.command("import", cls=ImportCommand)
def import_(
    file: importing.FileArgument,
    contact: Annotated[
        str | None,
        typer.Option("--contact", metavar="COLUMN", help="The column of the contact."),
    ] = None,
    contact_by: Annotated[
        str | None,
        typer.Option(
            "--contact-by",
            metavar="ATTRIBUTE",
            help="What names it; default: external_id.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The name of every event.")
    ] = None,
    id: importing.IdOption = None,
    map: importing.MapOption = None,
    relate: importing.RelateOption = None,
    ignore: importing.IgnoreOption = None,
    set: importing.SetOption = None,
    value_map: importing.ValueMapOption = None,
    create_attributes: importing.CreateAttributesOption = False,
    date_format: importing.DateFormatOption = None,
    null: importing.NullOption = None,
    separator: importing.SeparatorOption = ";",
    upsert: importing.UpdateOption = True,
    on_error: importing.OnErrorOption = OnError.STOP,
    on_duplicate: importing.OnDuplicateOption = OnDuplicate.REJECT,
    on_missing_relation: importing.OnMissingOption = OnMissing.REJECT,
    rejects: importing.RejectsOption = None,
    limit_errors: importing.LimitErrorsOption = None,
    dry_run: importing.DryRunOption = False,
    format: importing.FormatOption = None,
    encoding: importing.EncodingOption = None,
    delimiter: importing.DelimiterOption = None,
    header: importing.HeaderOption = None,
    json_path: importing.JsonPathOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Import events from CSV, NDJSON, JSON or Parquet: all or none.

    The columns are contact, name, occurred_at, product and declared event attributes. With an
    external_id an event that was imported before is recognised; without one every row is new.

    Example: segctl events import purchases.ndjson --contact-by email --name purchase
    """
    relates = importing.relates(relate)
    if contact is not None or contact_by is not None:
        column = contact or "contact"
        relates = (Relate("contact", f"{column}:{contact_by}" if contact_by else column), *relates)
    constants = importing.constants(set)
    if name is not None:
        if "name" in constants:
            raise UsageError("--name and --set name=… say the same")
        constants["name"] = name
    options = ImportOptions(
        type=_EVENT,
        source=file,
        stdin=importing.standard_input(file),
        format=format,
        encoding=encoding,
        delimiter=delimiter,
        header=importing.header(header),
        json_path=json_path,
        id_column=id,
        maps=importing.maps(map),
        relates=relates,
        ignore=tuple(ignore or ()),
        constants=constants,
        value_maps=importing.value_maps(value_map),
        create_attributes=create_attributes,
        date_formats=tuple(date_format or ()),
        nulls=tuple(null or ()),
        separator=separator,
        update=upsert,
        on_error=on_error,
        on_duplicate=on_duplicate,
        on_missing=on_missing_relation,
        rejects=rejects,
        limit_errors=limit_errors,
        dry_run=dry_run,
    )
    importing.run(options, output_format)


@app.command()
def add(
    contact: Annotated[
        str, typer.Argument(metavar="CONTACT", help="The contact: its external id, or #id.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event's name.")],
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE…", help="Declared event attributes, product=ID, external_id=ID."
        ),
    ] = None,
    occurred_at: Annotated[
        str | None,
        typer.Option("--occurred-at", metavar="TIME", help="When it happened; default: now."),
    ] = None,
) -> None:
    """Add one event; its id is printed.

    Example: segctl events add jane@example.com purchase amount=99.5 product=gtx-pro
    """
    from segctl.services import events, records

    parsed = [records.parse_assignment(word) for word in assignments or ()]
    with context.store() as store:
        id = events.add(
            store,
            contact,
            name,
            parsed,
            occurred_at=occurred_at,
            now=context.now(),
            actor=context.actor(),
        )
    output.line(str(id))


@app.command("list")
def list_events(
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="CONTACT", help="Only of this contact.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Only of this name.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only at this time or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Only before this time.")
    ] = None,
    where: WhereOption = None,
    columns: ColumnsOption = None,
    limit: LimitOption = None,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List events, the earliest first.

    Example: segctl events list --contact jane@example.com --name purchase
    """
    from segctl.services import events, filters

    names = column_names(columns)
    if names is None:
        names = default_columns(_EVENT, output_format)
    wanted = events.EventFilter(contact, name, since, until, where)
    with context.store() as store:
        now = context.now(at, filters.workspace_zone(store))
        if output_format is Format.COUNT and limit is None:
            output.line(str(events.count_events(store, wanted, now=now)))
            return
        with events.list_events(store, wanted, columns=names, limit=limit, now=now) as listing:
            shown = display_columns(listing.columns)
            output.show(listing.rows, shown, output_format, zone=listing.zone, now=now)


@app.command()
def export(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="The file; without one, or with -, standard output."),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv, ndjson, json or parquet; without it the name of the file tells.",
        ),
    ] = None,
    where: WhereOption = None,
    columns: ColumnsOption = None,
    at: AtOption = None,
) -> None:
    """Write events to a file that `segctl events import` reads back.

    Example: segctl events export purchases.ndjson --where 'name = "purchase"'
    """
    run_export(_EVENT, file, format, where, columns, at)
