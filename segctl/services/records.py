"""Records one by one: show, list, set, delete."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from segctl.catalog import PLURALS, ObjectType
from segctl.errors import UsageError
from segctl.services.filters import filter_records
from segctl.services.record_values import Assignment as Assignment
from segctl.services.record_values import (
    Change,
    RecordSetter,
    find_record,
    record_name,
    whole_record,
)
from segctl.services.record_values import parse_assignment as parse_assignment
from segctl.services.values import to_text
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.reading import (
    RecordColumn,
    count_records,
    every_column,
    read_records,
    record_columns,
)
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog, load_workspace


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows to come, and what they will have."""

    columns: tuple[RecordColumn, ...]
    zone: ZoneInfo
    rows: Iterator[dict[str, Any]]


# ---------------------------------------------------------------- looking


@contextmanager
def list_records(
    store: Store,
    type: ObjectType,
    *,
    now: dt.datetime,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[Listing]:
    """Rows `{"id": …, column: value}` in the order of their ids, to be read within the context.

    Without `columns` they have all attributes and relations.
    """
    with store.read() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        chosen = every_column(catalog, type)
        if columns is not None:
            chosen = record_columns(catalog, type, columns)
        clause = None if where is None else filter_records(session, type, where, now)
        rows = read_records(session, tables, type, chosen, where=clause, limit=limit)
        yield Listing(chosen, ZoneInfo(load_workspace(session).timezone), rows)


def count(store: Store, type: ObjectType, *, now: dt.datetime, where: str | None = None) -> int:
    """How many records there are, or how many of them satisfy the condition."""
    with store.read() as session:
        tables = record_tables(load_catalog(session))
        clause = None if where is None else filter_records(session, type, where, now)
        return count_records(session, tables, type, clause)


def show(
    store: Store, type: ObjectType, ref: str
) -> tuple[dict[str, Any], tuple[RecordColumn, ...], ZoneInfo]:
    """Everything about one record, by external id or `#id`; NotFound otherwise."""
    with store.read() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        id = find_record(session, tables, type, ref)
        columns = every_column(catalog, type)
        zone = ZoneInfo(load_workspace(session).timezone)
        return whole_record(session, tables, type, id, columns), columns, zone


# ---------------------------------------------------------------- changing


def set_values(
    store: Store,
    type: ObjectType,
    ref: str,
    assignments: Sequence[Assignment],
    *,
    create: bool = False,
    now: dt.datetime,
    actor: str,
) -> Change:
    """Set attributes and relations of one record; with `create`, make it if there is none.

    InvalidValue for a value that does not fit, NotFound for the record, a related one or an
    attribute. `updated_at` moves if anything really changed, unless it is set itself.
    """
    if not assignments and not create:
        raise UsageError("nothing to set", hint="write name=value, for example status=won")
    with store.write() as session:
        catalog = load_catalog(session)
        tables = record_tables(catalog)
        setter = RecordSetter(session, catalog, tables, type, now)
        id = setter.find_or_create(ref, create)
        change = setter.set(id, assignments)
        if change.created or change.after:
            audit.record(
                session,
                now=now,
                actor=actor,
                action="create" if change.created else "set",
                subject_type=type.value,
                subject=change.name,
                before=None if change.created else _plain(change.before),
                after=_plain(change.after),
            )
        return change


def delete(
    store: Store, type: ObjectType, refs: Sequence[str], *, now: dt.datetime, actor: str
) -> int:
    """Delete the records of these names, all or (NotFound) none; how many there were."""
    with store.write() as session:
        tables = record_tables(load_catalog(session))
        catalog = tables.catalog
        ids = dict.fromkeys(find_record(session, tables, type, ref) for ref in refs)
        columns = every_column(catalog, type)
        for id in ids:
            before = whole_record(session, tables, type, id, columns)
            audit.record(
                session,
                now=now,
                actor=actor,
                action="delete",
                subject_type=type.value,
                subject=record_name(id, before["external_id"]),
                before=_plain({k: v for k, v in before.items() if v not in (None, [])}),
            )
            table = tables.record(type)
            session.execute(sa.delete(table).where(table.c.id == id))
        return len(ids)


def delete_where(
    store: Store, type: ObjectType, where: str, *, now: dt.datetime, actor: str
) -> int:
    """Delete the records that satisfy the condition; how many there were."""
    with store.write() as session:
        tables = record_tables(load_catalog(session))
        clause = filter_records(session, type, where, now)
        table = tables.record(type)
        matching = table.alias("matching")
        # By id, because a condition may not look at the table that it is deleting from.
        ids = sa.select(matching.c.id).where(clause(matching))
        result: Any = session.execute(sa.delete(table).where(table.c.id.in_(ids)))
        audit.record(
            session,
            now=now,
            actor=actor,
            action="delete",
            subject_type=type.value,
            subject=where,
            before={"records": result.rowcount},
        )
        return int(result.rowcount)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the audit trail keeps them: JSON, times as text."""
    return {
        name: to_text(value) if isinstance(value, dt.date) else value
        for name, value in values.items()
    }


def plural(type: ObjectType, number: int) -> str:
    """`1 deal`, `2,000 deals`."""
    return f"{number:,} {type.value if number == 1 else PLURALS[type]}"
