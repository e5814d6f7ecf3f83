"""CSV and its relatives, through the standard library's parser in strict mode."""

from collections.abc import Iterator
import csv
from itertools import islice
from typing import Final

from segctl.errors import FileError, UsageError
from segctl.services.imports.chunks import CHUNK, MAX_COLUMNS, Broken, Chunk, Row
from segctl.services.imports.options import FileFormat, ImportOptions, Rejection
from segctl.services.imports.sources import Source
from segctl.services.imports.text_lines import text_lines, undecoded
from segctl.services.values import MAX_TEXT, quoted

_TAB_WORDS: Final = ("\\t", "tab", "TAB")


class CsvRows:
    """The rows of a CSV file; all values are texts."""

    textual = True
    unit = "line"
    empty = False

    def __init__(self, source: Source, options: ImportOptions) -> None:
        self._source = source
        self._delimiter = _delimiter(options.delimiter, source.format)
        self._header_given = options.header is not None
        self.columns = _named(options.header or self._header(), source.name)

    def chunks(self) -> Iterator[Chunk]:
        csv.field_size_limit(MAX_TEXT)
        with text_lines(self._source) as (lines, raw):
            reader = csv.reader(lines, strict=True, delimiter=self._delimiter)
            if not self._header_given:
                next(row for row in reader if row)
            complete = False
            while not complete:
                chunk = Chunk()
                read: list[Row] = []
                before = reader.line_num
                try:
                    read.extend(islice(reader, CHUNK))
                    complete = len(read) < CHUNK
                except csv.Error as error:
                    # `read` has the rows before the bad one.
                    after = self._place(read, before, chunk)
                    chunk.broken.append(Broken(self._unreadable(error, after + 1)))
                else:
                    self._place(read, before, chunk, reader.line_num)
                chunk.position = raw.tell()
                yield chunk

    def _place(self, read: list[Row], before: int, chunk: Chunk, after: int | None = None) -> int:
        """Put rows into the chunk with the lines at which they start; the last line they take.

        `before` and `after` are the lines that the reader had read before them and with them.
        """
        width = len(self.columns)
        if after is not None and after - before == len(read) and set(map(len, read)) == {width}:
            chunk.rows = read
            chunk.lines = list(range(before + 1, after + 1))
            return after
        last = before
        for row in read:
            start = last + 1
            last = start + "".join(row).count("\n")
            if len(row) == width:
                chunk.lines.append(start)
                chunk.rows.append(row)
            elif row:  # an empty line is no row
                chunk.broken.append(self._too_wide(row, start))
        return last

    def _header(self) -> tuple[str, ...]:
        csv.field_size_limit(MAX_TEXT)
        with text_lines(self._source) as (lines, _):
            reader = csv.reader(lines, strict=True, delimiter=self._delimiter)
            try:
                header = next((row for row in reader if row), None)
            except csv.Error as error:
                rejection = self._unreadable(error, 1)
                raise FileError(f"{self._source.name}, line 1: {rejection.reason}") from error
        if header is None:
            raise FileError(f"{self._source.name} is empty: it has not even a header row")
        reason = undecoded("".join(header), self._source.encoding)
        if reason is not None:
            raise FileError(
                f"{self._source.name}, header: {reason}", hint="--encoding names the right one"
            )
        return tuple(header)

    def _too_wide(self, row: Row, start: int) -> Broken:
        fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
        reason = f"the row has {fields}, the header {len(self.columns)}"
        return Broken(Rejection(start, reason), row)

    def _unreadable(self, error: csv.Error, start: int) -> Rejection:
        text = str(error)
        if "field limit" in text:
            # What follows would be read from the middle of a row.
            raise FileError(
                f"{self._source.name}: a field of the row that starts at line {start} is longer "
                f"than {MAX_TEXT:,} characters",
                hint="is there a quote that is never closed?",
            )
        if "unexpected end of data" in text:
            return Rejection(start, "a quote is opened in this row and never closed")
        if "expected after" in text:
            return Rejection(start, "there is more text after a closing quote")
        if "new-line character" in text:
            return Rejection(start, "a bare carriage return stands outside quotes")
        return Rejection(start, f"it is not CSV: {text}")


def _delimiter(given: str | None, format: FileFormat) -> str:
    if given is None:
        return "\t" if format is FileFormat.TSV else ","
    delimiter = "\t" if given in _TAB_WORDS else given
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise UsageError(f"--delimiter {quoted(given)}: it is one character, or `tab`")
    return delimiter


def _named(header: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The column names: trimmed, the empty ones numbered; a name that occurs twice is refused."""
    names = tuple(
        column.strip() or f"column {number}" for number, column in enumerate(header, start=1)
    )
    if len(names) > MAX_COLUMNS:
        raise FileError(f"{name} has {len(names):,} columns, more than {MAX_COLUMNS:,}")
    seen = set[str]()
    for column in names:
        if column in seen:
            raise FileError(
                f"{name} has two columns called {quoted(column)}",
                hint="--header gives the columns other names, for a file without its header row",
            )
        seen.add(column)
    return names
