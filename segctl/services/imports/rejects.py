"""The rejects file: every row that was left out, with its place and the reason.

Its first columns are reject_line, reject_column, reject_value and reject_reason, the others are
those of the imported file: corrected, it can be imported as it is.
"""

from contextlib import suppress
import csv
import os
from pathlib import Path
import tempfile
from types import TracebackType
from typing import IO, Any, Final, Self

from segctl.services.imports.chunks import Row
from segctl.services.imports.mapping import REJECT_COLUMNS
from segctl.services.imports.options import Rejection
from segctl.services.imports.sources import cannot
from segctl.services.values import join_items, plain_text
from segctl.store.writing import KEEP

_VALUE: Final = 1_000
"""Characters of the value that are repeated beside the row."""


class RejectsFile:
    """Written beside its place and put there by `place`, so it is there whole or not at all."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._path = path
        self._columns = columns
        self._extra = 0
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._file = tempfile.NamedTemporaryFile(
                "w",
                encoding="utf-8",
                errors="backslashreplace",
                newline="",
                dir=self._path.parent,
                prefix=f".{self._path.name}.",
                delete=False,
            )
            self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow((*REJECT_COLUMNS, *self._columns))
        except OSError as error:
            raise cannot("write", str(self._path), error) from error
        return self

    def write(self, rejection: Rejection, cells: Row) -> None:
        value = "" if rejection.value is None else plain_text(rejection.value)[:_VALUE]
        place = (rejection.line, rejection.column or "", value, rejection.reason)
        try:
            self._writer.writerow((*place, *map(_cell, cells)))
        except OSError as error:
            raise cannot("write", str(self._path), error) from error

    def complete(self) -> None:
        """Have everything on the disk; FileError if it cannot be."""
        assert self._file is not None
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot("write", str(self._path), error) from error

    def place(self) -> None:
        """Put the file where it belongs."""
        assert self._file is not None
        try:
            umask = os.umask(0)
            os.umask(umask)
            Path(self._file.name).chmod(0o666 & ~umask)
            Path(self._file.name).replace(self._path)
        except OSError as error:
            raise cannot("write", str(self._path), error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written has been told already
                self._file.close()
            Path(self._file.name).unlink(missing_ok=True)


def _cell(value: Any) -> str:
    if value is None or value is KEEP:
        return ""
    if isinstance(value, (list, tuple)):
        return join_items(plain_text(item) for item in value)
    return plain_text(value)
