"""The rejects file: every row that was left out, with its place and the reason.

Its first columns are reject_line, reject_column, reject_value and reject_reason, the others are
those of the imported file: corrected, it can be imported as it is.
"""

from collections.abc import Sequence
import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from segctl.services.imports.chunks import Row
from segctl.services.imports.mapping import REJECT_COLUMNS
from segctl.services.imports.options import Rejection
from segctl.services.values import join_items, plain_text
from segctl.services.whole_file import WholeFile
from segctl.store.writing import KEEP

_VALUE: Final = 1_000
"""Characters of the value that are repeated beside the row."""


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


def _cell(value: Any) -> str:
    if value is None or value is KEEP:
        return ""
    if isinstance(value, (list, tuple)):
        return join_items(plain_text(item) for item in value)
    return plain_text(value)
