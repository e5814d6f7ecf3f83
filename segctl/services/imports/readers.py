"""The reader of each file format."""

from typing import assert_never

from segctl.services.imports.chunks import Reader
from segctl.services.imports.csv_rows import CsvRows
from segctl.services.imports.json_rows import JsonRows
from segctl.services.imports.options import FileFormat, ImportOptions
from segctl.services.imports.parquet_rows import ParquetRows
from segctl.services.imports.sources import Source


def reader(source: Source, options: ImportOptions) -> Reader:
    """A reader of the source; it has looked at the header already."""
    match source.format:
        case FileFormat.CSV | FileFormat.TSV:
            return CsvRows(source, options)
        case FileFormat.NDJSON | FileFormat.JSON:
            return JsonRows(source, options)
        case FileFormat.PARQUET:
            return ParquetRows(source)
        case _:
            assert_never(source.format)
