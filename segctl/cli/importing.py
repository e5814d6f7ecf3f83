"""What `records import` and `events import` have in common: their options and their report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
import re
import sys
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from segctl.cli import context, output
from segctl.cli.output import Column, Format
from segctl.errors import PartlyFailed, UsageError
from segctl.services.imports.options import (
    STDIN,
    ColumnMap,
    FileFormat,
    ImportOptions,
    ImportResult,
    OnDuplicate,
    OnError,
    OnMissing,
    Relate,
)

_JOINT: Final = "\x1f"
"""Between the two words of `--value-map` while they travel as one."""

_TWO_WORDS: Final = "--value-map"


class ImportCommand(TyperCommand):
    """Lets `--value-map` take two words, `stage Won=won`, which Typer cannot say."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        joined: list[str] = []
        words = iter(args)
        for word in words:
            joined.append(word)
            if word == "--":
                break
            if word == _TWO_WORDS:
                first = next(words, None)
                second = next(words, None)
                if first is None or second is None:
                    raise UsageError("--value-map takes two words", hint=_VALUE_MAP_HINT)
                joined.append(first + _JOINT + second)
        return super().parse_args(ctx, [*joined, *words])


_VALUE_MAP_HINT: Final = "for example --value-map status Won=won"

FileArgument = Annotated[
    str,
    typer.Argument(metavar="FILE", help="The file; - is standard input. .gz is unpacked."),
]
FormatOption = Annotated[
    FileFormat | None,
    typer.Option("--format", help="The format; without it the name or the content tells."),
]
EncodingOption = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="The encoding of the text; default: utf-8."),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option("--delimiter", metavar="CHARACTER", help="What stands between fields; default: ,"),
]
HeaderOption = Annotated[
    str | None,
    typer.Option(
        "--header",
        metavar="A,B,C",
        help="The names of the columns, for a file whose first row is not a header.",
    ),
]
JsonPathOption = Annotated[
    str | None,
    typer.Option(
        "--json-path", metavar="KEY.KEY", help="Where the array stands inside a JSON object."
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="COLUMN",
        help="The column of the id by which records are found again; default: external_id.",
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=ATTRIBUTE", help="Which attribute a column fills."),
]
RelateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--relate",
        metavar="RELATION=COLUMN[:ATTRIBUTE]",
        help="Which column names the related record, by its external id or another attribute.",
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="A column to leave out."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ATTRIBUTE=VALUE", help="A value that every row has."),
]
ValueMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--value-map",
        metavar="ATTRIBUTE FROM=TO",
        help="Read another value where a whole text is FROM; an empty TO means none.",
    ),
]
CreateAttributesOption = Annotated[
    bool,
    typer.Option(
        "--create-attributes",
        help="Make attributes of columns that have none; their types are inferred from all values.",
    ),
]
DateFormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--date-format",
        metavar="FORMAT",
        help="How dates and times are written, such as %d/%m/%Y; ISO 8601 is always understood.",
    ),
]
NullOption = Annotated[
    list[str] | None,
    typer.Option("--null", metavar="TEXT", help="A text that means no value, such as NULL."),
]
SeparatorOption = Annotated[
    str,
    typer.Option("--separator", metavar="TEXT", help="What separates several values in one field."),
]
UpdateOption = Annotated[
    bool,
    typer.Option(
        "--upsert/--no-update",
        help="Whether records that exist are updated or left alone (counted as matched).",
    ),
]
OnErrorOption = Annotated[
    OnError,
    typer.Option(
        "--on-error", help="A bad row ends the import, and nothing is imported, or is left out."
    ),
]
OnDuplicateOption = Annotated[
    OnDuplicate,
    typer.Option("--on-duplicate", help="Which row counts if several have the same id."),
]
OnMissingOption = Annotated[
    OnMissing,
    typer.Option("--on-missing-relation", help="What to do if a related record does not exist."),
]
RejectsOption = Annotated[
    Path | None,
    typer.Option(
        "--rejects", metavar="FILE", help="Write rows that are left out to this CSV file, with why."
    ),
]
LimitErrorsOption = Annotated[
    int | None,
    typer.Option("--limit-errors", metavar="N", min=0, help="Give up if more than N rows are bad."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Do everything but keep nothing of it.")
]

COLUMNS = (
    Column("source", "File"),
    Column("rows", "Rows read", kind="number"),
    Column("created", "Created", kind="number"),
    Column("updated", "Updated", kind="number"),
    Column("unchanged", "Unchanged", kind="number"),
    Column("matched", "Matched, left alone", kind="number"),
    Column("rejected", "Rejected", kind="number"),
)


def maps(words: Sequence[str] | None) -> tuple[ColumnMap, ...]:
    """`--map COLUMN=ATTRIBUTE`; a column's name may contain `=`, an attribute's does not."""
    parsed = []
    for word in words or ():
        column, equals, attribute = word.rpartition("=")
        if not equals or not column or not attribute:
            raise UsageError(f"--map {word}: write COLUMN=ATTRIBUTE")
        parsed.append(ColumnMap(column, attribute))
    return tuple(parsed)


def relates(words: Sequence[str] | None) -> tuple[Relate, ...]:
    """`--relate RELATION=COLUMN[:ATTRIBUTE]`."""
    parsed = []
    for word in words or ():
        relation, equals, source = word.partition("=")
        if not equals or not relation or not source:
            raise UsageError(f"--relate {word}: write RELATION=COLUMN or RELATION=COLUMN:ATTRIBUTE")
        parsed.append(Relate(relation, source))
    return tuple(parsed)


def constants(words: Sequence[str] | None) -> dict[str, str]:
    """`--set ATTRIBUTE=VALUE`."""
    parsed: dict[str, str] = {}
    for word in words or ():
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {word}: write ATTRIBUTE=VALUE")
        if name in parsed:
            raise UsageError(f"--set gives {name} twice")
        parsed[name] = text
    return parsed


def value_maps(words: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """`--value-map ATTRIBUTE FROM=TO`, joined by ImportCommand; `\\=` in FROM is a plain `=`."""
    parsed: dict[str, dict[str, str]] = {}
    for word in words or ():
        name, joint, pair = word.partition(_JOINT)
        found = re.match(r"((?:[^\\=]|\\.)*)=", pair, re.DOTALL)
        if not joint or found is None:
            raise UsageError(f"--value-map {name} {pair}: write FROM=TO", hint=_VALUE_MAP_HINT)
        old = re.sub(r"\\([\\=])", r"\1", found[1])
        mapping = parsed.setdefault(name, {})
        if old in mapping:
            raise UsageError(f"--value-map {name} gives {old!r} twice")
        mapping[old] = pair[found.end() :]
    return parsed


def header(text: str | None) -> tuple[str, ...] | None:
    """`--header A,B,C`, quoted as in CSV."""
    if text is None:
        return None
    import csv

    return tuple(next(csv.reader([text]), []))


def run(options: ImportOptions, output_format: Format) -> None:
    """Import and report; PartlyFailed if rows were rejected."""
    from segctl.services.imports.run import import_records

    now, actor = context.now(), context.actor()
    with (
        context.store() as store,
        output.progress(f"Importing {options.name}", _size(options.source)) as advance,
    ):
        result = import_records(store, options, now=now, actor=actor, progress=advance)
    _talk(result)
    output.show_one(_row(result), COLUMNS, output_format)
    if result.rejected:
        raise PartlyFailed(
            f"{result.rejected:,} of {result.rows:,} rows were rejected; {_first(result)}",
            hint=None if options.rejects else "--rejects FILE writes them all down",
            failed=_rejections(result),
        )


def standard_input(source: str) -> Any:
    """The bytes of standard input, if they are what is imported."""
    return sys.stdin.buffer if source == STDIN else None


def _size(source: str) -> float | None:
    path = Path(source)
    return path.stat().st_size if source != STDIN and path.is_file() else None


def _first(result: ImportResult) -> str:
    first = result.rejections[0]
    column = "" if first.column is None else f', column "{first.column}"'
    return f"the first, on line {first.line}{column}: {first.reason}"


def _talk(result: ImportResult) -> None:
    for attribute in result.created_attributes:
        new = "would create" if result.dry_run else "created"
        output.note(f"{new} the attribute {attribute}, {attribute.kind}")
    if result.ignored_columns:
        output.note("ignored columns: " + ", ".join(result.ignored_columns))
    for type, count in result.related_created.items():
        output.note(f"created {count:,} {type} records that rows relate to")
    if result.relations_left_empty:
        output.note(f"{result.relations_left_empty:,} relations lead to no record and stay empty")
    if result.dry_run:
        output.note("a dry run: nothing was kept")


def _row(result: ImportResult) -> Mapping[str, Any]:
    return {
        "type": result.type.value,
        "source": result.source,
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "matched": result.matched,
        "rejected": result.rejected,
        "rejections": _rejections(result),
        "ignored_columns": list(result.ignored_columns),
        "created_attributes": [
            {"name": attribute.name, "kind": attribute.kind.value}
            for attribute in result.created_attributes
        ],
        "related_created": {type.value: n for type, n in result.related_created.items()},
        "relations_left_empty": result.relations_left_empty,
        "dry_run": result.dry_run,
    }


def _rejections(result: ImportResult) -> list[dict[str, Any]]:
    from segctl.services.values import plain_text

    return [
        {
            "line": one.line,
            "column": one.column,
            "value": None if one.value is None else plain_text(one.value)[:1000],
            "reason": one.reason,
        }
        for one in result.rejections
    ]
