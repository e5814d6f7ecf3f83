"""What a store's schema really is, in a form that two stores can be compared by."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

_VERSION = "alembic_version"
_POSTGRES = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name,
               identity_generation
        FROM information_schema.columns WHERE table_schema = current_schema()""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = current_schema()""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal""",
    "functions": """
        SELECT proname, prosrc, prosecdef, proconfig, proacl FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace""",
}


def schema_of(session: Session) -> dict[str, list[Any]]:
    """Tables, columns, types, checks, indexes and triggers, in a fixed order."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return {
            part: sorted(
                line
                for line in map(repr, connection.exec_driver_sql(query).all())
                if _VERSION not in line
            )
            for part, query in _POSTGRES.items()
        }
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
    found = {
        f"{type} {name}": " ".join((sql or "").split())
        for type, name, sql in rows
        if _VERSION not in name  # Alembic's own
    }
    names = sorted(name for type, name, _ in rows if type == "table" and name != _VERSION)
    columns = [
        (name, *column[1:])
        for name in names
        for column in connection.exec_driver_sql(f'PRAGMA table_xinfo("{name}")').all()
    ]
    options = connection.exec_driver_sql(
        f"SELECT name, wr, strict FROM pragma_table_list WHERE name <> '{_VERSION}'"
    ).all()
    return {
        "statements": sorted(found.items()),
        "columns": sorted(map(repr, columns)),
        "options": sorted(map(repr, options)),
    }


def records(session: Session, table: str) -> list[dict[str, Any]]:
    rows = session.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1, 2")).mappings()
    return [dict(row) for row in rows]
