"""Ids that occur more than once in a file."""

from collections.abc import Mapping, Set

from segctl.services.imports.batch import Rows
from segctl.store.writing import RecordWriter, Row


class Repeats:
    """Knows which ids the rows before had; rows that are wrong do not count.

    Rows of earlier chunks are noted by record in a temporary table, only if another chunk follows,
    and asked for only where there is a record: a file of new records never asks.
    """

    def __init__(self, writer: RecordWriter) -> None:
        self._writer = writer
        self._last: list[tuple[int, int]] = []
        """(id, line) of the rows of the last chunk."""
        self._started = False
        self._seen: dict[int, int] = {}

    def next_chunk(self, existing: Mapping[str, Row]) -> None:
        """Turn to the rows whose records are `existing`."""
        if self._last:
            if not self._started:
                self._writer.start_seen()
                self._started = True
            self._writer.remember(self._last)
            self._last = []
        self._seen = {}
        if self._started and existing:
            self._seen = self._writer.seen([row[0] for row in existing.values()])

    def find(self, rows: Rows, existing: Mapping[str, Row], wrong: Set[int]) -> dict[int, int]:
        """Position: the line of the first row with the same id, for rows that are not the first."""
        if not self._seen and len(set(rows.keys)) == len(rows):
            return {}
        first: dict[str, int] = {}
        repeats: dict[int, int] = {}
        for at, (key, line) in enumerate(zip(rows.keys, rows.lines, strict=True)):
            if key is None or at in wrong:
                continue
            record = existing.get(key)
            seen = None if record is None else self._seen.get(record[0])
            earlier = first.setdefault(key, line) if seen is None else seen
            if earlier != line:
                repeats[at] = earlier
        return repeats

    def note(self, ids: list[int], lines: list[int]) -> None:
        """Note the rows that were applied."""
        self._last = list(zip(ids, lines, strict=True))
