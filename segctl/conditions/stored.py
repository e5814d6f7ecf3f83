"""Records as the store has them, read when a condition asks.

One root record and all that is reached from it share what was read, so a session sees each row
once. Nothing is written and nothing outlives the session.
"""

from collections.abc import Iterable, Mapping, Sequence
import datetime as dt
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
    session: Session, tables: RecordTables, type: ObjectType, id: int
) -> "StoredRecord | None":
    """The record of that id, or None if there is none."""
    return _Reader(session, tables).record(type, id)


class _Reader:
    """What was read so far, by type and id."""

    def __init__(self, session: Session, tables: RecordTables) -> None:
        self.session = session
        self.tables = tables
        self.records: dict[tuple[ObjectType, int], StoredRecord] = {}

    def record(self, type: ObjectType, id: int) -> "StoredRecord | None":
        known = self.records.get((type, id))
        if known is None:
            table = self.tables.record(type)
            known = next(iter(self.where(type, table.c.id == id)), None)
        return known

    def where(self, type: ObjectType, clause: sa.ColumnElement[bool]) -> list["StoredRecord"]:
        """The records of a type that satisfy an SQL clause over its table, by id."""
        table = self.tables.record(type)
        rows = self.session.execute(sa.select(table).where(clause).order_by(table.c.id)).mappings()
        return [
            self.records.setdefault((type, row["id"]), StoredRecord(self, type, row))
            for row in rows
        ]


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
            table = self._reader.tables.item(self.type)
            rows = self._reader.session.execute(
                sa.select(table.c.attribute, table.c.item)
                .where(table.c.record_id == self.id)
                .order_by(table.c.attribute, table.c.item)
            )
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
            self._many[relation.name] = self._reader.where(relation.target, self._related(relation))
        return self._many[relation.name]

    def _related(self, relation: Relation) -> sa.ColumnElement[bool]:
        tables = self._reader.tables
        match relation.storage:
            case Storage.CHILD:
                return tables.record(relation.target).c[relation.column] == self.id
            case Storage.LINK:
                link = tables.link()
                other = RELATIONS[relation.target][relation.inverse]
                linked = sa.select(link.c[other.column]).where(link.c[relation.column] == self.id)
                return tables.record(relation.target).c.id.in_(linked)
            case Storage.COLUMN:
                raise ValueError(f"{relation} leads to one record")
            case _:
                assert_never(relation.storage)

    def is_member(self, segment: int) -> bool:
        if segment not in self._member:
            member = self._reader.tables.member(self.type)
            found = sa.select(member.c.record_id).where(
                member.c.segment_id == segment, member.c.record_id == self.id
            )
            self._member[segment] = self._reader.session.execute(found).first() is not None
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
