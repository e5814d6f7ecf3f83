"""The statements that make the schema, for either store.

`schema_statements` describes today's schema. Stores are made by the migrations, whose text is
frozen; a test proves that both give the same. Custom attributes are altered in by attribute_ddl.py.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.base import SQLiteTypeCompiler
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlmodel import SQLModel

from segctl.catalog import MAX_INTEGER, MAX_KEY, Attribute, Catalog, ObjectType, ValueType
from segctl.store import tables as _tables  # noqa: F401  fills SQLModel.metadata
from segctl.store import tables_daemon as _tables_daemon  # noqa: F401
from segctl.store import tables_history as _tables_history  # noqa: F401
from segctl.store import tables_team as _tables_team  # noqa: F401
from segctl.store.records import make_tables

_FLOAT_MAX = "1.7976931348623157e308"


class _StrictTypes(SQLiteTypeCompiler):
    """The type names that a STRICT table accepts."""

    def _integer(self, type_: object, **kw: object) -> str:
        return "INTEGER"

    def _text(self, type_: object, **kw: object) -> str:
        return "TEXT"

    def _real(self, type_: object, **kw: object) -> str:
        return "REAL"

    visit_BOOLEAN = visit_BIGINT = visit_INTEGER = visit_SMALLINT = _integer
    visit_VARCHAR = visit_TEXT = visit_JSON = _text
    visit_FLOAT = visit_DOUBLE = visit_REAL = _real


def dialect_named(name: str) -> Dialect:
    """The dialect that renders DDL for `sqlite` or `postgresql`."""
    if name == "postgresql":
        return PGDialect_psycopg()  # type: ignore[no-untyped-call]
    dialect = SQLiteDialect_pysqlite()
    dialect.type_compiler_instance = _StrictTypes(dialect)
    return dialect


def schema_statements(dialect: str, catalog: Catalog = Catalog()) -> Iterator[str]:  # noqa: B008  frozen
    """CREATE TABLE and CREATE INDEX of everything but alembic's own table, parents first."""
    renderer = dialect_named(dialect)
    checked = _checked(catalog, dialect)
    for metadata in (SQLModel.metadata, checked):
        for table in metadata.sorted_tables:
            table.dialect_options["sqlite"]["strict"] = True
            yield _text(CreateTable(table), renderer)
            for index in sorted(table.indexes, key=lambda i: str(i.name)):
                yield _text(CreateIndex(index), renderer)


def column_definition(attribute: Attribute, dialect: str) -> str:
    """`"size2" BIGINT CONSTRAINT … CHECK (…)`: what ALTER TABLE … ADD COLUMN takes."""
    checked = _checked(Catalog((attribute,)), dialect)
    return _text(
        CreateColumn(checked.tables[attribute.type.value].c[attribute.name]), dialect_named(dialect)
    )


def check_name(attribute: Attribute) -> str:
    """The name of the CHECK on the attribute's column."""
    return f"{attribute.type}_{attribute.name}_check"


def check_text(attribute: Attribute, dialect: str) -> str | None:
    """The condition that keeps the stored form, or None where the column type says it all."""
    # Text on purpose: it is frozen in migrations, and a bound parameter cannot stand in DDL.
    name = f'"{attribute.name}"'
    sqlite = dialect == "sqlite"
    match attribute.kind:
        case ValueType.STRING | ValueType.TAGS | ValueType.MULTICHOICE:
            return f"{name} <> ''" + (
                f" AND length({name}) <= {MAX_KEY}" if _is_key(attribute) else ""
            )
        case ValueType.CHOICE:
            return f"{name} IN ({', '.join(map(_literal, attribute.choices))})"
        case ValueType.INTEGER:
            return f"{name} BETWEEN -{MAX_INTEGER} AND {MAX_INTEGER}"
        case ValueType.FLOAT:
            # On Postgres NaN is above every number, on SQLite it is NULL already.
            return f"{name} BETWEEN -{_FLOAT_MAX} AND {_FLOAT_MAX}"
        case ValueType.BOOLEAN:
            return f"{name} IN (0, 1)" if sqlite else None
        case ValueType.DATE if sqlite:
            # Without a modifier SQLite hands 30 February back as it came.
            return f"date({name}, '+0 days') IS {name} AND {name} >= '0001-01-01'"
        case ValueType.DATE:
            return f"{name} BETWEEN '0001-01-01' AND '9999-12-31'"
        case ValueType.DATETIME if sqlite:
            # The shape, then the ranges, then the days that not every month has: cheapest first.
            shape = "????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z"
            day = f"substr({name}, 1, 10)"
            return (
                f"{name} IS NULL OR {name} GLOB '{shape}' "
                f"AND {name} >= '0001' AND substr({name}, 12, 2) <> '24' "
                f"AND julianday(substr({name}, 1, 19)) IS NOT NULL "
                f"AND (substr({name}, 9, 2) <= '28' OR date({day}, '+0 days') IS {day})"
            )
        case ValueType.DATETIME:
            return f"{name} >= '0001-01-01 00:00:00+00' AND {name} < '10000-01-01 00:00:00+00'"


def _is_key(attribute: Attribute) -> bool:
    """Whether the value stands in an index, whose entries Postgres bounds."""
    return attribute.name == "external_id" or (
        attribute.type is ObjectType.EVENT and attribute.name == "name"
    )


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _checked(catalog: Catalog, dialect: str) -> sa.MetaData:
    """The record tables with the CHECKs and the columns that only one store has."""

    def checks(
        table: str, column: str, attribute: Attribute | None
    ) -> Iterator[sa.CheckConstraint]:
        # On the column and not on the table: SQLite drops it together with its column.
        text = check_text(attribute, dialect) if attribute else _other_check(column, dialect)
        if text is not None:
            plain = sa.text(text.replace(":", "\\:"))  # no bound parameters in here
            yield sa.CheckConstraint(plain, name=f"{table}_{column}_check")

    metadata = make_tables(catalog, checks).metadata
    if dialect == "postgresql":
        trace = metadata.tables["trace"]
        now = sa.text("pg_current_xact_id()")
        trace.append_column(sa.Column("xid", _Xid8(), server_default=now, nullable=False))
        sa.Index("trace_xid", trace.c.xid)
    return metadata


def _other_check(column: str, dialect: str) -> str | None:
    match column:
        case "attribute":
            return "attribute <> ''"
        case "item":
            return f"item <> '' AND length(item) <= {MAX_KEY}"
        case "attributes" if dialect == "sqlite":
            return "json_valid(attributes) AND json_type(attributes) = 'object'"
        case "attributes":
            return "jsonb_typeof(attributes) = 'object'"
    return None


class _Xid8(sa.types.UserDefinedType[int]):
    """The 64-bit transaction id of Postgres."""

    cache_ok = True

    def get_col_spec(self, **kw: object) -> str:
        return "xid8"


def _text(statement: CreateTable | CreateIndex | CreateColumn, dialect: Dialect) -> str:
    text = str(statement.compile(dialect=dialect)).strip()
    return "\n".join(line.rstrip() for line in text.splitlines())
