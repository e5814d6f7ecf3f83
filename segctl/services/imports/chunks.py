"""What every reader gives: rows in chunks, with their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from segctl.services.imports.options import Rejection

CHUNK: Final = 4_000
"""Rows that are worked on together. More needs memory and is no faster."""

MAX_COLUMNS: Final = 2_000

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that could not be read; `cells` is what is left of it."""

    rejection: Rejection
    cells: Row = ()


@dataclass(slots=True)
class Chunk:
    """Some rows and the lines at which they start; the broken ones among them are apart."""

    lines: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    position: int = 0
    """Bytes of the file that were read when the chunk was complete."""

    def __len__(self) -> int:
        return len(self.rows) + len(self.broken)


class Reader(Protocol):
    """A file as rows; can be read as often as needed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns as the file spells them; no two are the same."""

    @property
    def textual(self) -> bool:
        """Whether every value is a text."""

    @property
    def unit(self) -> str:
        """What a place is called: "line" or "row"."""

    @property
    def empty(self) -> bool:
        """Whether it is certain that there is no row, so that no column can be missed."""

    def chunks(self) -> Iterator[Chunk]:
        """All rows, as wide as the columns. A value that a row does not have is KEEP."""
