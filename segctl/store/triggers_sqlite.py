"""Trace triggers of a SQLite store: row by row, with built-in functions only.

So any program can write, whatever its connection has registered or turned on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.store.records import RECORD_TYPES, to_one

PREFIX = "segctl_trace_"

_RECORD = "INSERT INTO trace (object_type, record_id)"
_RELATED = "INSERT INTO trace (object_type, record_id, relation, old_id, new_id)"


@dataclass(frozen=True, slots=True)
class Trigger:
    """`types`: what goes untraced without it."""

    name: str
    types: tuple[ObjectType, ...]
    statement: str


def expected(session: Session) -> Mapping[str, str]:
    """Name -> statement of every trigger."""
    return {t.name: t.statement for t in triggers()}


def found(session: Session) -> Mapping[str, str]:
    """Name -> statement of the triggers that are there."""
    query = sa.text(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB :pattern"
    )
    rows = session.execute(query, {"pattern": PREFIX + "*"})
    return {row.name: row.sql for row in rows}


def install(session: Session, names: frozenset[str]) -> set[ObjectType]:
    """Put the named ones in anew; the types that they trace."""
    types: set[ObjectType] = set()
    for trigger in triggers():
        if trigger.name in names:
            session.connection().exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger.name}")
            session.connection().exec_driver_sql(trigger.statement)
            types.update(trigger.types)
    return types


def drop(session: Session) -> None:
    for name in found(session):
        session.connection().exec_driver_sql(f'DROP TRIGGER "{name}"')


def suspend_inserts(session: Session, type: ObjectType) -> list[str]:
    """Drop the triggers that trace new records of the type; the statements that bring them back.

    Until then whoever inserts such records has to trace them. Nothing is dropped, and nothing comes
    back, if one of them is missing or changed, or if somebody else's triggers are in the store:
    those might insert records, too.
    """
    query = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    there = {row.name: row.sql for row in session.execute(query)}
    ours = expected(session)
    names = [f"{PREFIX}{type}_{name}" for name in ("insert", "displaced")]
    if there.keys() - ours.keys() or any(there.get(name) != ours[name] for name in names):
        return []
    for name in names:
        session.connection().exec_driver_sql(f"DROP TRIGGER {name}")
    return [ours[name] for name in names]


def triggers() -> Iterator[Trigger]:
    """All of them."""
    for type in RECORD_TYPES:
        yield from _of_records(type)
    for type in SEGMENT_TYPES:
        yield from _of_items(type)
    yield from _of_links()


def _of_records(type: ObjectType) -> Iterator[Trigger]:
    table, types = type.value, (type,)
    left = [
        f"{_RELATED} SELECT '{type}', OLD.id, '{r.name}', OLD.{r.column}, NULL "
        f"WHERE OLD.{r.column} IS NOT NULL"
        for r in to_one(type)
    ]
    gone = [f"{_RECORD} VALUES ('{type}', OLD.id)", *left]
    here = [f"{_RECORD} VALUES ('{type}', NEW.id)"]
    yield _trigger(table, "insert", "AFTER INSERT", types, here)
    yield _trigger(table, "update", "AFTER UPDATE", types, here)
    yield _trigger(table, "delete", "AFTER DELETE", types, gone)
    yield _trigger(table, "renumbered", "AFTER UPDATE OF id", types, gone, when="OLD.id <> NEW.id")
    for r in to_one(type):
        moved = f"{_RELATED} VALUES ('{type}', NEW.id, '{r.name}', OLD.{r.column}, NEW.{r.column})"
        when = f"OLD.{r.column} IS NOT NEW.{r.column}"
        yield _trigger(
            table, f"moved_{r.name}", f"AFTER UPDATE OF {r.column}", types, [moved], when
        )

    # REPLACE deletes the rows in its way without firing delete triggers, unless the program has
    # turned recursive triggers on. NEW.id is -1 here when the program gave none.
    same = "(id = NEW.id OR external_id = NEW.external_id)"
    for name, event, where in (
        ("displaced", "BEFORE INSERT", same),
        ("displaced_by_update", "BEFORE UPDATE OF id, external_id", f"{same} AND id <> OLD.id"),
    ):
        rows = [f"{_RECORD} SELECT '{type}', id FROM {table} WHERE {where}"]
        rows += [
            f"{_RELATED} SELECT '{type}', id, '{r.name}', {r.column}, NULL FROM {table} "
            f"WHERE {where} AND {r.column} IS NOT NULL"
            for r in to_one(type)
        ]
        yield _trigger(
            table, name, event, types, rows, f"EXISTS (SELECT 1 FROM {table} WHERE {where})"
        )


def _of_items(type: ObjectType) -> Iterator[Trigger]:
    table, types = f"{type}_item", (type,)
    here = f"{_RECORD} VALUES ('{type}', NEW.record_id)"
    gone = f"{_RECORD} VALUES ('{type}', OLD.record_id)"
    yield _trigger(table, "insert", "AFTER INSERT", types, [here])
    yield _trigger(table, "delete", "AFTER DELETE", types, [gone])
    yield _trigger(table, "update", "AFTER UPDATE", types, [gone, here])


def _of_links() -> Iterator[Trigger]:
    table, types = "deal_product", (ObjectType.DEAL, ObjectType.PRODUCT)
    here = f"{_RELATED} VALUES ('deal', NEW.deal_id, 'products', NULL, NEW.product_id)"
    gone = f"{_RELATED} VALUES ('deal', OLD.deal_id, 'products', OLD.product_id, NULL)"
    yield _trigger(table, "insert", "AFTER INSERT", types, [here])
    yield _trigger(table, "delete", "AFTER DELETE", types, [gone])
    yield _trigger(table, "update", "AFTER UPDATE", types, [gone, here])


def _trigger(
    table: str,
    name: str,
    event: str,
    types: tuple[ObjectType, ...],
    statements: Sequence[str],
    when: str | None = None,
) -> Trigger:
    name = f"{PREFIX}{table}_{name}"
    condition = f" WHEN {when}" if when else ""
    body = "".join(f"  {statement};\n" for statement in statements)
    return Trigger(
        name, types, f"CREATE TRIGGER {name} {event} ON {table}{condition} BEGIN\n{body}END"
    )
