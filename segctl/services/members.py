"""The records in a segment: stored, live, or the difference of the two; and previews."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions import printer
from segctl.conditions.nodes import Condition
from segctl.conditions.sql import Scope, matching, predicate
from segctl.engine import difference
from segctl.engine.definition import load_definition, vocabulary
from segctl.engine.interruption import interruptible
from segctl.errors import SegctlError
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store.opening import Store
from segctl.store.reading import RecordColumn, Where, read_records, record_columns
from segctl.store.records import RecordTables, record_tables
from segctl.store.workspace import load_catalog

DEFAULT_COLUMNS = ("id", "external_id", "name")
CHUNK = 500
"""Changed records that are looked up together."""


@dataclass(frozen=True, slots=True)
class Members:
    """Members as they stream in; each row maps the columns' names to values, and holds `id`."""

    segment: SegmentView
    columns: tuple[RecordColumn, ...]
    rows: Iterator[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a condition matches: how many, and the first rows."""

    canonical: str
    count: int
    columns: tuple[RecordColumn, ...]
    rows: Sequence[dict[str, Any]]


@contextmanager
def stored(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int | None = None,
    after: int = 0,
) -> Iterator[Members]:
    """The members as last counted, by id; records deleted since are left out.

    `after` is the id of the last one that was seen: a page begins behind it. SegctlError if the
    segment was never counted.
    """
    with store.read() as session:
        segment = view(session, find_row(session, ref, type).id)
        if segment.count is None:
            raise SegctlError(
                f'the segment "{segment.name}" was never counted',
                hint=f'segctl recalc "{segment.name}", or --live to evaluate it now',
            )
        read = Reader(session, segment.type, columns)
        member = read.tables.member(segment.type)
        ids = sa.select(member.c.record_id).where(
            member.c.segment_id == segment.id, member.c.record_id > after
        )
        yield Members(segment, read.columns, read(lambda table: table.c.id.in_(ids), limit))


@contextmanager
def live(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int | None = None,
    now: dt.datetime,
) -> Iterator[Members]:
    """The records that satisfy the segment's condition at `now`, by id. Nothing is stored."""
    with store.read() as session:
        segment, condition, scope = _evaluable(session, ref, type, now)
        read = Reader(session, segment.type, columns)
        where = _satisfying(condition, segment.type, scope)
        yield Members(segment, read.columns, read(where, limit))


@contextmanager
def changes(
    store: Store,
    ref: str,
    *,
    type: ObjectType | None = None,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int | None = None,
    now: dt.datetime,
) -> Iterator[Members]:
    """Who would enter and who would leave at `now`, by id; rows hold `change` besides.

    A member whose record was deleted leaves with nothing but its id.
    """
    with store.read() as session:
        segment, condition, scope = _evaluable(session, ref, type, now)
        read = Reader(session, segment.type, columns)
        rows = difference.changes(session, condition, segment.type, segment.id, scope)
        query = sa.select(rows.c.record_id, rows.c.entered).order_by(rows.c.record_id).limit(limit)
        with interruptible(session):
            changed = [(row.record_id, bool(row.entered)) for row in session.execute(query)]
        yield Members(segment, read.columns, _changed_rows(read, changed))


def _changed_rows(read: "Reader", changed: Sequence[tuple[int, bool]]) -> Iterator[dict[str, Any]]:
    nothing = dict.fromkeys(column.name for column in read.columns)
    for place in range(0, len(changed), CHUNK):
        chunk = changed[place : place + CHUNK]
        ids = [id for id, _ in chunk]
        found = {row["id"]: row for row in read(among(ids), None)}
        for id, entered in chunk:
            row = found.get(id, {**nothing, "id": id})
            yield {"change": "entered" if entered else "left", **row}


def among(ids: Sequence[int]) -> Where:
    """The records of these ids."""
    return lambda table: table.c.id.in_(ids)


def count_live(
    store: Store, ref: str, *, type: ObjectType | None = None, now: dt.datetime
) -> tuple[SegmentView, int]:
    """The segment, and how many records satisfy its condition at `now`."""
    with store.read() as session:
        segment, condition, scope = _evaluable(session, ref, type, now)
        return segment, _count(session, condition, segment.type, scope)


def preview(
    store: Store,
    *,
    type: ObjectType,
    where: str,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    limit: int = 10,
    now: dt.datetime,
) -> Preview:
    """Count what a condition matches at `now`, and show the first rows by id. Nothing is stored."""
    with store.read() as session:
        words = vocabulary(session)
        condition = words.parse(where, type)
        scope = words.scope(session, now)
        read = Reader(session, type, columns)
        count = _count(session, condition, type, scope)
        with interruptible(session):
            rows = list(read(_satisfying(condition, type, scope), limit)) if limit else []
    return Preview(printer.to_text(condition), count, read.columns, rows)


class Reader:
    """Reads chosen columns of the records that satisfy a clause."""

    def __init__(self, session: Session, type: ObjectType, columns: Sequence[str]) -> None:
        catalog = load_catalog(session)
        self.tables: RecordTables = record_tables(catalog)
        self.columns = record_columns(catalog, type, list(dict.fromkeys(columns)))
        self._session = session
        self._type = type

    def __call__(self, where: Where, limit: int | None) -> Iterator[dict[str, Any]]:
        return read_records(
            self._session, self.tables, self._type, self.columns, where=where, limit=limit
        )


def _evaluable(
    session: Session, ref: str, type: ObjectType | None, now: dt.datetime
) -> tuple[SegmentView, Condition, Scope]:
    segment = view(session, find_row(session, ref, type).id)
    words = vocabulary(session)
    definition = load_definition(session, segment.id, words)
    return segment, definition.condition, words.scope(session, now)


def _satisfying(condition: Condition, type: ObjectType, scope: Scope) -> Where:
    return lambda table: predicate(condition, table, type, scope)


def _count(session: Session, condition: Condition, type: ObjectType, scope: Scope) -> int:
    ids = matching(condition, type, scope).subquery()
    with interruptible(session):
        return int(session.execute(sa.select(sa.func.count()).select_from(ids)).scalar_one())
