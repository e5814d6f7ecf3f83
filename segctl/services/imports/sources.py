"""Opening what is imported: a file or standard input, compressed or not, in any encoding.

Everything that can be wrong with a file as a file is a FileError here.
"""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import errno
import gzip
import io
from pathlib import Path
import shutil
import tempfile
from typing import Final, cast
import zlib

from segctl.errors import FileError, UsageError
from segctl.services.imports.options import STDIN, FileFormat, ImportOptions
from segctl.services.whole_file import cannot

_GZIP = b"\x1f\x8b"
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SUFFIXES: Final = {
    ".csv": FileFormat.CSV,
    ".txt": FileFormat.CSV,
    ".tsv": FileFormat.TSV,
    ".tab": FileFormat.TSV,
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".json": FileFormat.JSON,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read several times. `path` may be a temporary copy, `name` never is."""

    name: str
    path: Path
    format: FileFormat
    encoding: str

    @contextmanager
    def open(self) -> Iterator[tuple[io.BufferedReader, io.BufferedReader]]:
        """The uncompressed bytes, and the raw file whose position tells how far reading is."""
        with self.translated(), self.path.open("rb") as raw:
            compressed = raw.peek(2)[:2] == _GZIP
            if not compressed:
                yield raw, raw
                return
            with gzip.open(raw) as stream:
                yield io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20), raw

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what reading a file can raise into FileError."""
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FileError(f"{self.name}: the compressed file is damaged: {error}") from error
        except OSError as error:
            raise cannot("read", self.name, error) from error


@contextmanager
def source(options: ImportOptions) -> Iterator[Source]:
    """The source of an import. Standard input is copied to a temporary file first.

    The copy lets the file be read twice, and no transaction stays open while a slow producer
    makes up its mind.
    """
    if options.source == STDIN:
        if options.stdin is None:
            raise FileError("there is no standard input to read")
        with tempfile.NamedTemporaryFile(prefix="segctl-", suffix=".import") as copy:
            try:
                shutil.copyfileobj(options.stdin, copy, 1 << 20)
                copy.flush()
            except OSError as error:
                raise cannot("copy", options.name, error) from error
            yield _described(options, Path(copy.name))
        return
    path = Path(options.source)
    if path.is_dir():
        raise cannot("read", options.name, OSError(errno.EISDIR, ""))
    yield _described(options, path)


def _described(options: ImportOptions, path: Path) -> Source:
    name = options.name
    bare = Source(name, path, FileFormat.CSV, "utf-8")
    with bare.open() as (stream, _):
        head = stream.read(4096)
    encoding = options.encoding or "utf-8"
    try:
        encoding = codecs.lookup(encoding).name
    except LookupError:
        raise UsageError(
            f'there is no encoding "{encoding}"', hint="for example utf-8, cp1252, latin-1, utf-16"
        ) from None
    chosen = options.format or _format(options, name, head)
    if chosen is not FileFormat.PARQUET and options.encoding is None:
        for bom, found in _BOMS:
            if head.startswith(bom):
                raise FileError(f"{name} is {found.upper()}, not UTF-8", hint=f"--encoding {found}")
    return Source(name, path, chosen, encoding)


def _format(options: ImportOptions, name: str, head: bytes) -> FileFormat:
    """By the name, else by the first characters."""
    if head.startswith(b"PAR1"):
        return FileFormat.PARQUET
    path = Path(name.lower())
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if start == b"{":
        return FileFormat.NDJSON
    if start == b"[":
        return FileFormat.JSON
    return FileFormat.CSV
