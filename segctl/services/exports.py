"""Exporting records to a file that an import reads back without changing anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
import csv
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
import io
from itertools import islice
import json
from pathlib import Path
from typing import IO, Any, Final, Protocol, assert_never

from segctl.catalog import ObjectType, ValueType
from segctl.errors import FileError, UsageError
from segctl.services.filters import filter_records
from segctl.services.imports.parquet_rows import INSTALL_PYARROW, MISSING_PYARROW
from segctl.services.values import join_items, to_text
from segctl.services.whole_file import WholeFile, cannot
from segctl.store.opening import Store
from segctl.store.reading import RecordColumn, every_column, read_records, record_columns
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog

_BATCH: Final = 2_000
"""Rows that are written together."""

Row = Mapping[str, Any]


class ExportFormat(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"
    JSON = "json"
    PARQUET = "parquet"


_SUFFIXES: Final = {
    ".csv": ExportFormat.CSV,
    ".ndjson": ExportFormat.NDJSON,
    ".jsonl": ExportFormat.NDJSON,
    ".json": ExportFormat.JSON,
    ".parquet": ExportFormat.PARQUET,
    ".pq": ExportFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """One export. Without a path the rows go to `stdout`."""

    type: ObjectType
    path: Path | None = None
    stdout: IO[bytes] | None = None
    format: ExportFormat | None = None
    where: str | None = None
    columns: tuple[str, ...] | None = None


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> Any: ...


def export_records(
    store: Store,
    options: ExportOptions,
    *,
    now: dt.datetime,
    progress: Callable[[int], None] = lambda rows: None,
) -> int:
    """Write the records, by id; how many there were.

    They are read in one snapshot, a batch at a time. A file takes the place of an older one only
    when it is complete. `progress` hears how many rows were written since the last call.
    """
    chosen = _format(options)
    with store.read() as session:
        catalog = load_catalog(session)
        columns = every_column(catalog, options.type)
        if options.columns is not None:
            columns = record_columns(catalog, options.type, options.columns)
        where = None
        if options.where is not None:
            where = filter_records(session, options.type, options.where, now)
        rows = read_records(session, record_tables(catalog), options.type, columns, where=where)
        with _destination(options) as sink:
            count = 0
            with _writer(chosen, columns, sink) as write:
                while batch := list(islice(rows, _BATCH)):
                    write(batch)
                    count += len(batch)
                    progress(len(batch))
            return count


def _format(options: ExportOptions) -> ExportFormat:
    if options.format is not None:
        return options.format
    if options.path is None:
        return ExportFormat.CSV
    suffix = options.path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(
            f"the name {options.path.name} does not say in which format to write",
            hint="--format csv, ndjson, json or parquet",
        )
    return _SUFFIXES[suffix]


@contextmanager
def _destination(options: ExportOptions) -> Iterator[Sink]:
    if options.path is None:
        if options.stdout is None:
            raise FileError("there is no standard output to write to")
        yield options.stdout
        options.stdout.flush()
        return
    with WholeFile(options.path) as file:
        yield file
        file.complete()
        file.place()


@contextmanager
def _writer(
    format: ExportFormat, columns: Sequence[RecordColumn], sink: Sink
) -> Iterator[Callable[[Sequence[Row]], None]]:
    """Something that writes batches of rows, and at the end what the format ends with."""
    match format:
        case ExportFormat.CSV:
            yield _csv(columns, sink)
        case ExportFormat.NDJSON:

            def lines(rows: Sequence[Row]) -> None:
                sink.write("".join(_json(row, columns) + "\n" for row in rows).encode())

            yield lines
        case ExportFormat.JSON:
            opening = "["

            def items(rows: Sequence[Row]) -> None:
                nonlocal opening
                texts = []
                for row in rows:
                    texts.append(f"{opening}\n  {_json(row, columns)}")
                    opening = ","
                sink.write("".join(texts).encode())

            yield items
            sink.write(b"[]\n" if opening == "[" else b"\n]\n")
        case ExportFormat.PARQUET:
            with _parquet(columns, sink) as write:
                yield write
        case _:
            assert_never(format)


def _csv(columns: Sequence[RecordColumn], sink: Sink) -> Callable[[Sequence[Row]], None]:
    """RFC 4180, but with the line ends of Unix."""
    names = [column.name for column in columns]

    def write(rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        plain = csv.writer(text, lineterminator="\n")
        # With that line end the writer would leave a carriage return without quotes.
        careful = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in rows:
            (careful if any("\r" in cell for cell in row) else plain).writerow(row)
        sink.write(text.getvalue().encode())

    write([names])
    return lambda rows: write([[_cell(row[name]) for name in names] for row in rows])


def _cell(value: Any) -> str:
    return join_items(value) if isinstance(value, list) else to_text(value)


def _json(row: Row, columns: Sequence[RecordColumn]) -> str:
    plain = {
        column.name: to_text(value) if isinstance(value, dt.date) else value
        for column in columns
        for value in (row[column.name],)
    }
    return json.dumps(plain, ensure_ascii=False)


@contextmanager
def _parquet(
    columns: Sequence[RecordColumn], sink: Sink
) -> Iterator[Callable[[Sequence[Row]], None]]:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise UsageError(MISSING_PYARROW, hint=INSTALL_PYARROW) from error
    types = {
        ValueType.STRING: pyarrow.string(),
        ValueType.CHOICE: pyarrow.string(),
        ValueType.INTEGER: pyarrow.int64(),
        ValueType.FLOAT: pyarrow.float64(),
        ValueType.BOOLEAN: pyarrow.bool_(),
        ValueType.DATE: pyarrow.date32(),
        ValueType.DATETIME: pyarrow.timestamp("us", tz="UTC"),
        ValueType.TAGS: pyarrow.list_(pyarrow.string()),
        ValueType.MULTICHOICE: pyarrow.list_(pyarrow.string()),
    }
    schema = pyarrow.schema([(column.name, types[column.kind]) for column in columns])
    stream = sink.stream if isinstance(sink, WholeFile) else sink
    try:
        with ParquetWriter(stream, schema) as writer:
            yield lambda rows: writer.write_table(
                pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema)
            )
    except OSError as error:
        name = str(sink.path) if isinstance(sink, WholeFile) else "standard output"
        raise cannot("write", name, error) from error


__all__ = ["ExportFormat", "ExportOptions", "export_records"]
