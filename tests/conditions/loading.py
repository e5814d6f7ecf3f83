"""Put a workspace in memory into a store, by plain inserts as any program would make them."""

from collections.abc import Iterable
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.store.records import RecordTables
from segctl.store.types import instant_text
from tests.conditions.strategies import Row, Workspace

_ORDER = (
    ObjectType.COMPANY,
    ObjectType.CONTACT,
    ObjectType.PRODUCT,
    ObjectType.DEAL,
    ObjectType.TASK,
    ObjectType.TICKET,
    ObjectType.EVENT,
)
"""Parents before children."""
_RUN = 1
"""The recalculation that let every member in."""


def load(session: Session, tables: RecordTables, workspace: Workspace) -> None:
    """Insert all of it, with the ids it has in memory. `tables` are of the workspace's catalog."""
    for type in _ORDER:
        rows = workspace.records(type)
        _insert(session, tables.record(type), (_columns(tables.record(type), row) for row in rows))
        if type is not ObjectType.EVENT:
            _insert(
                session,
                tables.item(type),
                (
                    {"attribute": name, "item": item, "record_id": row.id}
                    for row in rows
                    for name, items in row.lists.items()
                    for item in items
                ),
            )
    _insert(
        session,
        tables.link(),
        ({"deal_id": deal, "product_id": product} for deal, product in workspace.links),
    )
    for type, members in workspace.members.items():
        _insert(
            session,
            tables.member(type),
            (
                {"segment_id": segment, "record_id": record, "recalculation_id": _RUN}
                for segment, record in members
            ),
        )


def clear(session: Session, tables: RecordTables) -> None:
    """Delete all records, members and traces, for a test that loads one store many times."""
    session.execute(sa.delete(tables.link()))
    for type in reversed(_ORDER):
        if type is not ObjectType.EVENT:
            session.execute(sa.delete(tables.member(type)))
            session.execute(sa.delete(tables.item(type)))
        session.execute(sa.delete(tables.record(type)))
    session.execute(sa.delete(tables.trace()))


def _insert(session: Session, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
    if listed := list(rows):
        session.execute(sa.insert(table), listed)


def _columns(table: sa.Table, row: Row) -> dict[str, Any]:
    columns: dict[str, Any] = dict.fromkeys((c.name for c in table.columns), None)
    columns["id"] = row.id
    columns |= {name: value for name, value in row.values.items() if name in columns}
    columns |= {f"{name}_id": id for name, id in row.ones.items()}
    if row.type is ObjectType.EVENT:
        own = {name: _json(value) for name, value in row.values.items() if name not in columns}
        columns["attributes"] = own | row.raw
    return columns


def _json(value: Any) -> Any:
    match value:
        case dt.datetime():
            return instant_text(value)
        case dt.date():
            return value.isoformat()
        case _:
            return value
