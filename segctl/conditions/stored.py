"""Records as the store has them, read when a condition asks.

One root record and all that is reached from it share what was read, so a session sees each row
once. Nothing is written and nothing outlives the session.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
import datetime as dt
from functools import lru_cache
import math
from typing import Any, assert_never

import sqlalchemy as sa
from sqlmodel import Session

from segctl.catalog import (
    MAX_INTEGER,
    RELATIONS,
    Attribute,
    ObjectType,
    Relation,
    Storage,
    ValueType,
)
from segctl.conditions.truth import Record, Value
from segctl.store.records import RecordTables
from segctl.store.types import instant_text


def stored_record(
    session: Session,
    tables: RecordTables,
    type: ObjectType,
    id: int,
    *,
    event_names: Collection[str] | None = None,
) -> "StoredRecord | None":
    """The record of that id, or None if there is none.

    With `event_names` all other events are left out: somebody who asks for these only need not
    read a hundred thousand page views.
    """
    return _Reader(session, tables, event_names).record(type, id)


class _Reader:
    """What was read so far, by type and id."""

    def __init__(
        self, session: Session, tables: RecordTables, event_names: Collection[str] | None = None
    ) -> None:
        self.session = session
        self.tables = tables
        self.event_names = event_names
        self.records: dict[tuple[ObjectType, int], StoredRecord] = {}

    def record(self, type: ObjectType, id: int) -> "StoredRecord | None":
        known = self.records.get((type, id))
        if known is None:
            statement = _rows_by(self.tables.record(type), "id")
            known = next(iter(self.rows(type, statement, key=id)), None)
        return known

    def rows(
        self, type: ObjectType, statement: sa.Select[Any], **keys: Any
    ) -> list["StoredRecord"]:
        """The records of a type that a statement over its table finds, in its order."""
        rows = self.session.execute(statement, keys).mappings()
        return [
            self.records.setdefault((type, row["id"]), StoredRecord(self, type, row))
            for row in rows
        ]


# Making a statement takes longer than running it, and conditions are asked of one record after the
# other: so each is made once for its table.


@lru_cache(maxsize=512)
def _rows_by(table: sa.Table, column: str) -> sa.Select[Any]:
    return sa.select(table).where(table.c[column] == sa.bindparam("key")).order_by(table.c.id)


@lru_cache(maxsize=512)
def _named_rows_by(table: sa.Table, column: str) -> sa.Select[Any]:
    """Likewise, of some names only."""
    return _rows_by(table, column).where(table.c.name.in_(sa.bindparam("names", expanding=True)))


@lru_cache(maxsize=512)
def _items_of(table: sa.Table) -> sa.Select[tuple[str, str]]:
    own = table.c.record_id == sa.bindparam("key")
    statement = sa.select(table.c.attribute, table.c.item).where(own)
    return statement.order_by(table.c.attribute, table.c.item)


@lru_cache(maxsize=512)
def _membership(table: sa.Table) -> sa.Select[tuple[int]]:
    return sa.select(table.c.record_id).where(
        table.c.segment_id == sa.bindparam("segment"), table.c.record_id == sa.bindparam("key")
    )


class StoredRecord:
    """A row, and on demand its items, relations and memberships."""

    def __init__(self, reader: _Reader, type: ObjectType, row: Mapping[Any, Any]) -> None:
        self._reader = reader
        self._row = row
        self._items: dict[str, list[str]] | None = None
        self._many: dict[str, list[StoredRecord]] = {}
        self._member: dict[int, bool] = {}
        self.type = type
        self.id: int = row["id"]

    def value(self, attribute: Attribute) -> Value:
        if attribute.name in self._row:
            return _column_value(self._row[attribute.name], attribute.kind)
        return json_value(self._own().get(attribute.name), attribute.kind)

    def items(self, attribute: Attribute) -> Sequence[str]:
        if self.type is ObjectType.EVENT:
            return json_items(self._own().get(attribute.name))
        if self._items is None:
            statement = _items_of(self._reader.tables.item(self.type))
            rows = self._reader.session.execute(statement, {"key": self.id})
            self._items = {}
            for name, item in rows:
                self._items.setdefault(name, []).append(item)
        return self._items.get(attribute.name, ())

    def _own(self) -> Mapping[str, Any]:
        """The attributes of an event."""
        attributes = self._row.get("attributes")
        return attributes if isinstance(attributes, dict) else {}

    def one(self, relation: Relation) -> Record | None:
        id = self._row[relation.column]
        return None if id is None else self._reader.record(relation.target, id)

    def many(self, relation: Relation) -> Iterable[Record]:
        if relation.name not in self._many:
            self._many[relation.name] = self._related(relation)
        return self._many[relation.name]

    def _related(self, relation: Relation) -> list["StoredRecord"]:
        reader, type = self._reader, relation.target
        table = reader.tables.record(type)
        match relation.storage:
            case Storage.CHILD:
                names = reader.event_names
                if type is not ObjectType.EVENT or names is None:
                    return reader.rows(type, _rows_by(table, relation.column), key=self.id)
                statement = _named_rows_by(table, relation.column)
                return reader.rows(type, statement, key=self.id, names=sorted(names))
            case Storage.LINK:
                link = reader.tables.link()
                other = RELATIONS[type][relation.inverse]
                linked = sa.select(link.c[other.column]).where(link.c[relation.column] == self.id)
                found = sa.select(table).where(table.c.id.in_(linked)).order_by(table.c.id)
                return reader.rows(type, found)
            case Storage.COLUMN:
                raise ValueError(f"{relation} leads to one record")
            case _:
                assert_never(relation.storage)

    def is_member(self, segment: int) -> bool:
        if segment not in self._member:
            statement = _membership(self._reader.tables.member(self.type))
            found = self._reader.session.execute(statement, {"segment": segment, "key": self.id})
            self._member[segment] = found.first() is not None
        return self._member[segment]


def _column_value(value: Any, kind: ValueType) -> Value:
    # SQLite keeps a boolean as 0 or 1.
    return bool(value) if kind is ValueType.BOOLEAN and value is not None else value


def json_value(value: Any, kind: ValueType) -> Value:
    """An event attribute as declared; None for any JSON value that is not of that type.

    An integer is a whole number within ± 2^53, however it is written; a date is text YYYY-MM-DD,
    an instant is text as SQLite keeps instants. An empty string is no value.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case ValueType.STRING | ValueType.CHOICE:
            return value if isinstance(value, str) and value else None
        case ValueType.INTEGER:
            whole = number and abs(value) <= MAX_INTEGER and value == int(value)
            return int(value) if whole else None
        case ValueType.FLOAT:
            try:
                return float(value) if number and math.isfinite(value) else None
            except OverflowError:
                return None
        case ValueType.BOOLEAN:
            return value if isinstance(value, bool) else None
        case ValueType.DATE:
            return _parsed_date(value) if isinstance(value, str) else None
        case ValueType.DATETIME:
            return _parsed_instant(value) if isinstance(value, str) else None
        case ValueType.MULTICHOICE | ValueType.TAGS:
            return None
        case _:
            assert_never(kind)


def json_items(value: Any) -> Sequence[str]:
    """The texts in a JSON array, each once; nothing for what is not an array."""
    listed = value if isinstance(value, list) else ()
    return tuple(dict.fromkeys(item for item in listed if isinstance(item, str) and item))


def _parsed_date(text: str) -> dt.date | None:
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return date if date.isoformat() == text else None  # 20260131 and 2026-W05-6 are not it


def _parsed_instant(text: str) -> dt.datetime | None:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None and instant_text(instant) == text else None
