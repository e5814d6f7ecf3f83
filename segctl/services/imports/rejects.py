"""Rows that are left out, and the file that keeps them.

The first columns of a rejects file are reject_line, reject_column, reject_value and reject_reason,
the others are those of the imported file: corrected, it can be imported as it is.
"""

from collections.abc import Sequence
import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from segctl.errors import FileError
from segctl.services.imports.chunks import Broken, Row
from segctl.services.imports.mapping import REJECT_COLUMNS
from segctl.services.imports.options import ImportOptions, OnError, Rejection
from segctl.services.values import join_items, plain_text, quoted
from segctl.services.whole_file import WholeFile
from segctl.store.writing import KEEP

_VALUE: Final = 1_000
"""Characters of the value that are repeated beside the row."""

_REMEMBERED: Final = 20
"""Rejections that an import's result carries."""


class RejectsFile:
    """There whole or not at all, once `place` is called."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._file = WholeFile(path)
        self._columns = columns

    def __enter__(self) -> Self:
        self._file.__enter__()
        self._write((*REJECT_COLUMNS, *self._columns))
        return self

    def add(self, rejection: Rejection, cells: Row) -> None:
        """One row that was left out."""
        value = "" if rejection.value is None else plain_text(rejection.value)[:_VALUE]
        place = (str(rejection.line), rejection.column or "", value, rejection.reason)
        self._write((*place, *map(_cell, cells)))

    def _write(self, cells: Sequence[str]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line).writerow(cells)
        text = line.getvalue().removesuffix("\r\n") + "\n"
        self._file.write(text.encode(errors="backslashreplace"))

    def complete(self) -> None:
        """Have everything on the disk; FileError if it cannot be."""
        self._file.complete()

    def place(self) -> None:
        """Put the file where it belongs."""
        self._file.place()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.__exit__(kind, error, traceback)


class Rejections:
    """The rows that were left out so far, and whether there are too many."""

    def __init__(self, options: ImportOptions, unit: str, file: RejectsFile | None) -> None:
        self.count = 0
        self.first: list[Rejection] = []
        """Some of them; the rejects file has all."""
        self._options = options
        self._unit = unit
        self._file = file

    def add(self, broken: Sequence[Broken]) -> None:
        """Note bad rows; FileError about the first one if they end the import."""
        if not broken:
            return
        options = self._options
        for one in broken:
            if self._file is not None:
                self._file.add(one.rejection, one.cells)
            if len(self.first) < _REMEMBERED:
                self.first.append(one.rejection)
        self.count += len(broken)
        if options.on_error is OnError.STOP:
            raise self._error(broken[0].rejection)
        if options.limit_errors is not None and self.count > options.limit_errors:
            first = self._error(self.first[0])
            raise FileError(
                f"more than {options.limit_errors:,} rows of {options.name} are bad, so nothing "
                f"was imported; the first: {first.message}",
                hint=first.hint,
                **first.fields,
            )

    def _error(self, rejection: Rejection) -> FileError:
        place = f"{self._options.name}, {self._unit} {rejection.line}"
        if rejection.column is not None:
            place += f", column {quoted(rejection.column)}"
        value = rejection.value
        return FileError(
            f"{place}: {rejection.reason}",
            hint=rejection.hint or "nothing was imported; --on-error skip leaves bad rows out",
            file=self._options.name,
            line=rejection.line,
            column=rejection.column,
            value=None if value is None else plain_text(value)[:_VALUE],
            reason=rejection.reason,
        )


def _cell(value: Any) -> str:
    if value is None or value is KEEP:
        return ""
    if isinstance(value, (list, tuple)):
        return join_items(plain_text(item) for item in value)
    return plain_text(value)
