"""Custom attributes as columns: added, dropped, given other choices, inside one transaction."""

from collections.abc import Sequence
from dataclasses import replace
import sqlite3

import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, ObjectType
from segctl.errors import InUse, StoreError
from segctl.store import indexes
from segctl.store.ddl import check_name, check_text, column_definition
from segctl.store.records import RecordTables
from segctl.store.triggers import mark_type, suspended_triggers

_POSTGRES_COLUMNS = 1600
_NEW = "_new"
"""A column for the time of an exchange; no attribute can be called so."""


def is_column(attribute: Attribute) -> bool:
    """Whether the attribute is a column of its type's table, and neither items nor part of JSON."""
    return not attribute.kind.many and attribute.type is not ObjectType.EVENT


def add_column(session: Session, attribute: Attribute) -> None:
    """Give the record table the column, empty; StoreError if the store takes no further one."""
    if not is_column(attribute):
        return
    _refuse_if_full(session, attribute.type)
    definition = column_definition(attribute, session.get_bind().dialect.name)
    _execute(session, f'ALTER TABLE "{attribute.type}" ADD COLUMN {definition}')


def drop_values(session: Session, attribute: Attribute, tables: RecordTables) -> None:
    """Take the attribute's values away, and the column with them and the indexes added on it.

    What is in the JSON of events stays there and is not read any more. Every record of the type
    counts as changed: an attribute of the same name may come back with other values.
    """
    if attribute.kind.many:
        item = tables.item(attribute.type)
        session.execute(sa.delete(item).where(item.c.attribute == attribute.name))
    elif is_column(attribute):
        for index in indexes.indexes_on(session, attribute.type, attribute.name):
            indexes.drop(session, index.name)
        _execute(session, f'ALTER TABLE "{attribute.type}" DROP COLUMN "{attribute.name}"')
    mark_type(session, attribute.type)


def count_set(session: Session, attribute: Attribute, tables: RecordTables) -> int:
    """How many records have a value; 0 for the attributes of events, whose JSON stays."""
    if attribute.kind.many:
        item = tables.item(attribute.type)
        where = item.c.attribute == attribute.name
        query = sa.select(sa.func.count(item.c.record_id.distinct())).where(where)
    elif is_column(attribute):
        query = sa.select(sa.func.count(tables.record(attribute.type).c[attribute.name]))
    else:
        return 0
    return int(session.execute(query).scalar_one())


def count_values(
    session: Session, attribute: Attribute, values: Sequence[str], tables: RecordTables
) -> int:
    """How many records hold one of the values."""
    if attribute.kind.many:
        item = tables.item(attribute.type)
        where = (item.c.attribute == attribute.name) & item.c.item.in_(values)
        query = sa.select(sa.func.count(item.c.record_id.distinct())).where(where)
    elif is_column(attribute):
        record = tables.record(attribute.type)
        query = sa.select(sa.func.count()).where(record.c[attribute.name].in_(values))
    else:
        return 0
    return int(session.execute(query).scalar_one())


def clear_values(
    session: Session, attribute: Attribute, values: Sequence[str], tables: RecordTables
) -> None:
    """Empty the attribute where it holds one of the values."""
    if attribute.kind.many:
        item = tables.item(attribute.type)
        where = (item.c.attribute == attribute.name) & item.c.item.in_(values)
        session.execute(sa.delete(item).where(where))
    elif is_column(attribute):
        record = tables.record(attribute.type)
        column = record.c[attribute.name]
        session.execute(sa.update(record).where(column.in_(values)).values({column: None}))


def change_check(session: Session, attribute: Attribute) -> None:
    """Hold the column to the attribute's choices, which it keeps already."""
    if not is_column(attribute):
        return
    table, name = f'"{attribute.type}"', f'"{attribute.name}"'
    if session.get_bind().dialect.name == "postgresql":
        check = check_text(attribute, "postgresql")
        constraint = check_name(attribute)
        _execute(session, f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}")
        _execute(
            session,
            f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({check})".replace("%", "%%"),
        )
        return
    # SQLite cannot alter a CHECK, but it can exchange a column. No value changes: none is traced.
    check = check_text(replace(attribute, name=_NEW), "sqlite")
    definition = f'"{_NEW}" TEXT CONSTRAINT {check_name(attribute)} CHECK ({check})'
    aside = indexes.set_aside(session, attribute.type, attribute.name)
    with suspended_triggers(session), aside:
        _execute(session, f"ALTER TABLE {table} ADD COLUMN {definition}")
        _execute(session, f'UPDATE {table} SET "{_NEW}" = {name} WHERE {name} IS NOT NULL')
        _execute(session, f"ALTER TABLE {table} DROP COLUMN {name}")
        _execute(session, f'ALTER TABLE {table} RENAME COLUMN "{_NEW}" TO {name}')


def columns_left(session: Session, type: ObjectType) -> int:
    """How many columns the type's table can still get; 0 or less when it is full."""
    if session.get_bind().dialect.name == "postgresql":
        query = sa.text("SELECT relnatts FROM pg_class WHERE oid = CAST(:name AS regclass)")
        return _POSTGRES_COLUMNS - int(session.execute(query, {"name": type.value}).scalar_one())
    query = sa.text("SELECT count(*) FROM pragma_table_info(:name)")
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    most = driver.getlimit(sqlite3.SQLITE_LIMIT_COLUMN)
    return most - int(session.execute(query, {"name": type.value}).scalar_one())


def _refuse_if_full(session: Session, type: ObjectType) -> None:
    if columns_left(session, type) > 0:
        return
    hint = "drop attributes that nobody uses"
    if session.get_bind().dialect.name == "postgresql":
        hint = "a dropped column counts until the table is restored from a dump"
    raise StoreError(
        f"{type} cannot have another attribute: a table of this store takes no further column",
        hint=hint,
    )


def _execute(session: Session, statement: str) -> None:
    try:
        session.connection().exec_driver_sql(statement)
    except sax.DBAPIError as error:
        talk = " ".join(str(error.orig).split())
        if getattr(error.orig, "sqlstate", None) == "2BP01" or " after drop column" in talk:
            raise InUse(
                f"the store does not let the column go: {talk}",
                hint="drop the index, view or trigger that another program made on it first",
                used_by=[talk],
            ) from error
        raise
