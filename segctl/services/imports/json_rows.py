"""NDJSON (one object a line) and JSON arrays, streamed.

The file is read once beforehand for the names of all its keys, which are its columns. Nested
objects are flattened: {"address": {"city": "Gdynia"}} has the column address_city.
"""

from collections.abc import Iterator
import json
from typing import Any, Final

from segctl.errors import FileError
from segctl.services.imports.chunks import CHUNK, MAX_COLUMNS, Broken, Chunk
from segctl.services.imports.options import FileFormat, ImportOptions, Rejection
from segctl.services.imports.sources import Source
from segctl.services.imports.text_lines import text_lines
from segctl.services.values import quoted
from segctl.store.writing import KEEP

_MAX_DEPTH: Final = 32
_TOLD: Final = 256
"""Lines between two looks at the position in the file."""


class JsonRows:
    """The objects of a file as rows; what an object does not have is KEEP."""

    textual = False

    def __init__(self, source: Source, options: ImportOptions) -> None:
        self._source = source
        self._array = source.format is FileFormat.JSON
        self._path = options.json_path
        self.unit = "row" if self._array else "line"
        self.empty = True
        self.columns = self._keys()

    def chunks(self) -> Iterator[Chunk]:
        columns = self.columns
        chunk = Chunk()
        for line, found, position in self._objects():
            if isinstance(found, Broken):
                chunk.broken.append(found)
            else:
                chunk.lines.append(line)
                chunk.rows.append([found.get(column, KEEP) for column in columns])
            if len(chunk) >= CHUNK:
                chunk.position = position
                yield chunk
                chunk = Chunk(position=position)
        yield chunk

    def _keys(self) -> tuple[str, ...]:
        keys: dict[str, None] = {}
        for line, found, _ in self._objects():
            self.empty = False
            if isinstance(found, dict) and not found.keys() <= keys.keys():
                keys.update(dict.fromkeys(found))
                if len(keys) > MAX_COLUMNS:
                    raise FileError(
                        f"{self._source.name}, {self.unit} {line}: the objects have more than "
                        f"{MAX_COLUMNS:,} different keys"
                    )
        return tuple(keys)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any] | Broken, int]]:
        """Place, flat object (or why there is none), bytes read so far."""
        return self._items() if self._array else self._lines()

    def _lines(self) -> Iterator[tuple[int, dict[str, Any] | Broken, int]]:
        with text_lines(self._source) as (lines, raw):
            position = 0
            for number, text in enumerate(lines, start=1):
                if not text or text.isspace():
                    continue
                found = self._parsed(number, text)
                if number % _TOLD == 0:
                    position = raw.tell()
                yield number, found, position

    def _parsed(self, line: int, text: str) -> dict[str, Any] | Broken:
        try:
            loaded = json.loads(text, parse_constant=_no_constant)
            if not isinstance(loaded, dict):
                raise ValueError(f"{quoted(loaded)} is not an object")
            return _flat(loaded)
        except json.JSONDecodeError as error:
            reason = f"it is not JSON: {error.msg} at character {error.pos + 1}"
        except RecursionError:
            reason = "it is nested too deeply"
        except ValueError as error:
            reason = str(error)
        return Broken(Rejection(line, reason, value=text.strip()[:1000]), (text.strip(),))

    def _items(self) -> Iterator[tuple[int, dict[str, Any] | Broken, int]]:
        import ijson

        prefix = f"{self._path}.item" if self._path else "item"
        number = 0
        with self._source.open() as (stream, raw):
            if not self._path and _first(stream) != b"[":
                raise FileError(
                    f"{self._source.name} is not a JSON array",
                    hint="--format ndjson reads one object a line, --json-path names an array "
                    "inside an object",
                )
            try:
                for loaded in ijson.items(stream, prefix, use_float=True):
                    number += 1
                    yield number, self._item(number, loaded), raw.tell()
            except (ijson.JSONError, UnicodeDecodeError, OverflowError, RecursionError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise FileError(
                    f"{self._source.name}, after row {number}: it is not JSON: {reason}"
                ) from error
        if self._path and not number:
            raise FileError(f"{self._source.name} has no array {quoted(self._path)} with objects")

    def _item(self, number: int, loaded: Any) -> dict[str, Any] | Broken:
        try:
            if not isinstance(loaded, dict):
                raise ValueError(f"{quoted(loaded)} is not an object")
            return _flat(loaded)
        except ValueError as error:
            return Broken(Rejection(number, str(error)), (quoted(loaded, 1000),))


def _first(stream: Any) -> bytes:
    """The first character that is not blank, without moving."""
    head: bytes = stream.peek(1 << 16)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _flat(loaded: dict[str, Any]) -> dict[str, Any]:
    """Without nesting; ValueError if it is too deep or has an empty key."""
    if not any(isinstance(value, dict) for value in loaded.values()):
        return loaded
    flat: dict[str, Any] = {}
    todo = [("", loaded, 1)]
    while todo:
        prefix, part, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        for key, value in part.items():
            if isinstance(value, dict):
                todo.append((f"{prefix}{key}_", value, depth + 1))
            else:
                flat[prefix + key] = value
    return flat


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")
