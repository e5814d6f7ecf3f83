"""`segctl records`: import, list, show, set, delete and export."""

from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

from segctl.catalog import PLURALS, ObjectType, ValueType
from segctl.cli import context, erasing, importing, output, record_segments
from segctl.cli.importing import ImportCommand
from segctl.cli.options import (
    AtOption,
    ColumnsOption,
    LimitOption,
    OutputOption,
    TypeArgument,
    WhereOption,
    YesOption,
    column_names,
)
from segctl.cli.output import Column, Format
from segctl.errors import UsageError
from segctl.services.imports.options import ImportOptions, OnDuplicate, OnError, OnMissing

if TYPE_CHECKING:
    from segctl.services.exports import ExportFormat
    from segctl.store.reading import RecordColumn

app = typer.Typer()

DEFAULT_COLUMNS = {
    ObjectType.CONTACT: ("external_id", "name", "email", "status", "company", "updated_at"),
    ObjectType.COMPANY: ("external_id", "name", "industry", "size", "country", "updated_at"),
    ObjectType.DEAL: ("external_id", "name", "status", "value", "company", "updated_at"),
    ObjectType.TASK: ("external_id", "name", "due_at", "done", "assignee", "updated_at"),
    ObjectType.TICKET: ("external_id", "name", "status", "priority", "contact", "updated_at"),
    ObjectType.PRODUCT: ("external_id", "name", "category", "price", "updated_at"),
    ObjectType.EVENT: ("occurred_at", "name", "contact", "product", "external_id"),
}
"""What a table shows unless --columns says otherwise; the machine formats give everything."""

CHANGES = (
    Column("attribute", "Attribute"),
    Column("before", "Before"),
    Column("after", "After"),
)

RefArgument = Annotated[
    str, typer.Argument(metavar="RECORD", help="The record: its external id, or #id.")
]


@app.command("import", cls=ImportCommand)
def import_(
    type: TypeArgument,
    file: importing.FileArgument,
    id: importing.IdOption = None,
    no_id: Annotated[
        bool, typer.Option("--no-id", help="The rows have no id; each becomes a new record.")
    ] = False,
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
    """Import records from CSV, NDJSON, JSON or Parquet: all or none.

    A column whose name is that of an attribute or relation fills it. A record whose external id is
    known is updated, any other created.

    Example: segctl records import company accounts.csv --id account --map sector=industry
    """
    options = ImportOptions(
        type=type,
        source=file,
        stdin=importing.standard_input(file),
        format=format,
        encoding=encoding,
        delimiter=delimiter,
        header=importing.header(header),
        json_path=json_path,
        id_column=id,
        no_id=no_id,
        maps=importing.maps(map),
        relates=importing.relates(relate),
        ignore=tuple(ignore or ()),
        constants=importing.constants(set),
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


@app.command("list")
def list_records(
    type: TypeArgument,
    where: WhereOption = None,
    columns: ColumnsOption = None,
    limit: LimitOption = None,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List records by their id, all or those that satisfy a condition.

    Example: segctl records list deal --where 'status = "won"' --columns name,value,company.name
    """
    from segctl.services import filters, records

    names = column_names(columns)
    if names is None:
        names = default_columns(type, output_format)
    with context.store() as store:
        now = context.now(at, filters.workspace_zone(store))
        if output_format is Format.COUNT and limit is None:
            output.line(str(records.count(store, type, where=where, now=now)))
            return
        with records.list_records(
            store, type, where=where, columns=names, limit=limit, now=now
        ) as listing:
            shown = display_columns(listing.columns)
            output.show(listing.rows, shown, output_format, zone=listing.zone, now=now)


@app.command()
def show(type: TypeArgument, ref: RefArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Show everything that is known about one record.

    Example: segctl records show company Acme
    """
    from segctl.services import records

    with context.store() as store:
        row, columns, zone = records.show(store, type, ref)
    shown = [
        column
        for column in display_columns(columns)
        if output_format is not Format.TABLE or row[column.key] not in (None, [])
    ]
    output.show_one(row, [Column("id", "id", kind="number"), *shown], output_format, zone=zone)


@app.command("set")
def set_(
    type: TypeArgument,
    ref: RefArgument,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE…",
            help="Values; an empty one takes the value away. tags+=a,b adds, tags-=a removes, "
            "company=ID relates.",
        ),
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make the record if there is none.")
    ] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Set attributes and relations of one record.

    Example: segctl records set deal 1C1I7A6R status=won value=1054 tags+=renewal
    """
    from segctl.services import records

    parsed = [records.parse_assignment(word) for word in assignments or ()]
    with context.store() as store:
        change = records.set_values(
            store,
            type,
            ref,
            parsed,
            create=create,
            now=context.now(),
            actor=context.actor(),
        )
    if change.created:
        output.note(f"created the {type} {change.name}")
    elif not change.after:
        output.note(f"nothing to change: the {type} {change.name} is like that already")
    rows: list[dict[str, Any]] = [
        {"attribute": name, "before": change.before.get(name), "after": value}
        for name, value in change.after.items()
    ]
    output.show(rows, CHANGES, output_format)


@app.command()
def delete(
    type: TypeArgument,
    refs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECORD…", help="The records: their external ids, or #id."),
    ] = None,
    where: WhereOption = None,
    at: AtOption = None,
    yes: YesOption = False,
) -> None:
    """Delete records, with the events of deleted contacts.

    Relations to them become empty. Segments that have them as members lose them when they are
    recalculated.

    Example: segctl records delete contact --where 'last_seen_at more than 3 years ago'
    """
    from segctl.services import filters, records

    if bool(refs) == (where is not None):
        raise UsageError("name the records to delete, or say --where")
    with context.store() as store:
        now, actor = context.now(at, filters.workspace_zone(store)), context.actor()
        if where is not None:
            number = records.count(store, type, where=where, now=now)
        else:
            number = len(refs or ())
        output.confirm(f"Delete {records.plural(type, number)}?", yes)
        if where is not None:
            gone = records.delete_where(store, type, where, now=now, actor=actor)
        else:
            gone = records.delete(store, type, refs or (), now=now, actor=actor)
    output.note(f"deleted {records.plural(type, gone)}")


app.command("erase")(erasing.erase)
app.command("segments")(record_segments.segments)


@app.command()
def export(
    type: TypeArgument,
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
    """Write records to a file that `segctl records import` reads back.

    A file that is there is replaced only when the new one is complete.

    Example: segctl records export deal won.csv --where 'status = "won"'
    """
    run_export(type, file, format, where, columns, at)


def run_export(
    type: ObjectType,
    file: str | None,
    format: str | None,
    where: str | None,
    columns: str | None,
    at: str | None,
) -> None:
    """What `records export` and `events export` do."""
    from segctl.services import exports, filters

    path = None if file in (None, "-") else Path(str(file))
    names = column_names(columns)
    sys.stdout.flush()
    options = exports.ExportOptions(
        type=type,
        path=path,
        stdout=sys.stdout.buffer if path is None else None,
        format=_export_format(format),
        where=where,
        columns=None if names is None else tuple(names),
    )
    with context.store() as store, output.progress(f"Exporting {PLURALS[type]}") as advance:
        now = context.now(at, filters.workspace_zone(store))
        number = exports.export_records(store, options, now=now, progress=advance)
    output.note(f"exported {number:,} {PLURALS[type]}" + (f" to {path}" if path else ""))


def _export_format(word: str | None) -> "ExportFormat | None":
    from segctl.services.exports import ExportFormat

    if word is None:
        return None
    try:
        return ExportFormat(word.lower())
    except ValueError:
        raise UsageError(
            f'there is no format "{word}"', hint="the formats are " + ", ".join(ExportFormat)
        ) from None


def default_columns(type: ObjectType, format: Format) -> list[str] | None:
    """The columns of a listing that nobody chose; None for all."""
    match format:
        case Format.TABLE:
            return list(DEFAULT_COLUMNS[type])
        case Format.IDS | Format.COUNT:
            return []
        case Format.JSON | Format.NDJSON | Format.CSV:
            return None
        case _:
            assert_never(format)


def display_columns(columns: "tuple[RecordColumn, ...]") -> list[Column]:
    """How the columns of records are shown."""
    return [_display(column.name, column.kind) for column in columns]


def _display(name: str, kind: ValueType) -> Column:
    match kind:
        case ValueType.INTEGER | ValueType.FLOAT:
            return Column(name, name, kind="number")
        case ValueType.DATE | ValueType.DATETIME:
            return Column(name, name, kind="time")
        case ValueType.BOOLEAN:
            return Column(name, name, kind="bool")
        case ValueType.TAGS | ValueType.MULTICHOICE:
            return Column(name, name, kind="list")
        case ValueType.STRING | ValueType.CHOICE:
            return Column(name, name)
        case _:
            assert_never(kind)
