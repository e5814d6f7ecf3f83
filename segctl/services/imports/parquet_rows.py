"""Parquet, through pyarrow, which is an extra: `pip install "segctl[parquet]"`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from segctl.errors import FileError, UsageError
from segctl.services.imports.chunks import CHUNK, MAX_COLUMNS, Chunk
from segctl.services.imports.sources import Source

MISSING_PYARROW: Final = "Parquet needs the package pyarrow, which is not installed"
INSTALL_PYARROW: Final = 'pip install "segctl[parquet]"'


class ParquetRows:
    """The rows of a Parquet file; structs are flattened, a_b."""

    textual = False
    unit = "row"
    empty = False

    def __init__(self, source: Source) -> None:
        self._source = source
        with self._file() as (file, _):
            names = [name for name, _ in _leaves(file.schema_arrow)]
        if len(names) > MAX_COLUMNS:
            raise FileError(f"{source.name} has {len(names):,} columns, more than {MAX_COLUMNS:,}")
        self.columns = tuple(dict.fromkeys(names))
        if len(self.columns) < len(names):
            raise FileError(f"{source.name} has two columns of the same name")

    def chunks(self) -> Iterator[Chunk]:
        number = 0
        with self._file() as (file, raw):
            try:
                for batch in file.iter_batches(batch_size=CHUNK):
                    arrays = [_plain(array) for array in _flat_arrays(batch)]
                    rows = list(zip(*arrays, strict=True))
                    lines = list(range(number + 1, number + len(rows) + 1))
                    number += len(rows)
                    yield Chunk(lines, rows, position=raw.tell())  # type: ignore[arg-type]
            except _arrow_errors() as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # of the operating system, not of the content
                raise FileError(
                    f"{self._source.name}, after row {number}: it is damaged: {_first_line(error)}"
                ) from error

    @contextmanager
    def _file(self) -> Iterator[tuple[Any, Any]]:
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise UsageError(MISSING_PYARROW, hint=INSTALL_PYARROW) from error
        with self._source.open() as (stream, raw):
            try:
                file = pyarrow.parquet.ParquetFile(stream)
            except _arrow_errors() as error:
                raise FileError(
                    f"{self._source.name} is not a Parquet file: {_first_line(error)}"
                ) from error
            yield file, raw


def _leaves(schema: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    import pyarrow

    for part in schema:
        if pyarrow.types.is_struct(part.type):
            yield from _leaves(part.type, f"{prefix}{part.name}_")
        else:
            yield prefix + part.name, part.type


def _flat_arrays(batch: Any) -> Iterator[Any]:
    import pyarrow

    for array in batch.columns:
        if pyarrow.types.is_struct(array.type):
            names = [array.type.field(i).name for i in range(array.type.num_fields)]
            yield from _flat_arrays(pyarrow.RecordBatch.from_arrays(array.flatten(), names=names))
        else:
            yield array


def _plain(array: Any) -> list[Any]:
    """Python values; a time finer than a microsecond is cut."""
    import pyarrow

    if pyarrow.types.is_timestamp(array.type) and array.type.unit == "ns":
        array = array.cast(pyarrow.timestamp("us", array.type.tz), safe=False)
    values: list[Any] = array.to_pylist()
    return values


def _arrow_errors() -> tuple[type[Exception], ...]:
    import pyarrow

    return (pyarrow.ArrowException, ValueError, OverflowError, OSError)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
