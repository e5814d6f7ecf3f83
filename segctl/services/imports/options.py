"""What can be asked of an import, and what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final

from segctl.catalog import Attribute, ObjectType
from segctl.services.values import SEPARATOR

STDIN: Final = "-"


class FileFormat(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"
    JSON = "json"
    PARQUET = "parquet"


class OnError(StrEnum):
    """What a row that cannot be imported does."""

    STOP = "stop"
    """End the import; nothing of the file is imported."""
    SKIP = "skip"
    """Leave the row out and say so."""


class OnDuplicate(StrEnum):
    """What happens to a second row with the same id."""

    REJECT = "reject"
    """It is an error of that row."""
    FIRST = "first"
    """The first row counts; later ones are left alone and counted as matched."""
    LAST = "last"
    """Rows are applied in their order, so the last one wins."""


class OnMissing(StrEnum):
    """What happens to a row whose related record does not exist."""

    REJECT = "reject"
    NULL = "null"
    """The row is imported without the relation."""
    CREATE = "create"
    """The related record is created, with nothing but the text that was looked for."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """`--map COLUMN=ATTRIBUTE`."""

    column: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Relate:
    """`--relate RELATION=COLUMN[:ATTRIBUTE]`; `source` is what stands right of the `=`."""

    relation: str
    source: str


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """One import. `source` is a path or "-" for `stdin`."""

    type: ObjectType
    source: str
    stdin: IO[bytes] | None = None
    format: FileFormat | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: tuple[str, ...] | None = None
    json_path: str | None = None
    """Where the array stands in a JSON file, keys joined by dots; None for the file itself."""
    id_column: str | None = None
    no_id: bool = False
    maps: tuple[ColumnMap, ...] = ()
    relates: tuple[Relate, ...] = ()
    ignore: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    """Attribute: the text that every row has for it."""
    value_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Attribute or relation: text as it stands in the file: text to read instead."""
    create_attributes: bool = False
    date_formats: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    separator: str = SEPARATOR
    update: bool = True
    on_error: OnError = OnError.STOP
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    on_missing: OnMissing = OnMissing.REJECT
    rejects: Path | None = None
    limit_errors: int | None = None
    dry_run: bool = False

    @property
    def name(self) -> str:
        """The source as messages call it."""
        return "standard input" if self.source == STDIN else self.source


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row was left out. `line` is the physical line at which the row starts (of a Parquet
    file: its number), `column` as the file calls it, `value` as it stands there."""

    line: int
    reason: str
    column: str | None = None
    value: Any = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Every row that was read is exactly one of matched, created, updated, unchanged, rejected."""

    type: ObjectType
    source: str
    rows: int
    matched: int
    """Found and left alone: `--no-update`, or a later duplicate under `--on-duplicate first`."""
    created: int
    updated: int
    unchanged: int
    rejected: int
    rejections: tuple[Rejection, ...] = ()
    """The first ones; the rejects file has all."""
    ignored_columns: tuple[str, ...] = ()
    created_attributes: tuple[Attribute, ...] = ()
    related_created: Mapping[ObjectType, int] = field(default_factory=dict)
    relations_left_empty: int = 0
    """Rows imported without a relation whose record is missing (`--on-missing-relation null`)."""
    dry_run: bool = False

    def __post_init__(self) -> None:
        parts = self.matched + self.created + self.updated + self.unchanged + self.rejected
        assert parts == self.rows, f"{parts} outcomes of {self.rows} rows"


Progress = Callable[[int], None]
"""Called now and then with the number of bytes of the file that were read since the last call."""


def no_progress(advance: int) -> None:
    """For callers that show none."""
