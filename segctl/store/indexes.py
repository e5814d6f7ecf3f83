"""Indexes on attributes that a workspace adds for its own conditions.

Their names begin with PREFIX: so they can be told from those of the schema and from those of other
programs, which are left alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import hashlib

import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.store.address import PostgresAddress
from segctl.store.driver_errors import raise_translated
from segctl.store.opening import Store

PREFIX = "segctl_index_"
_LONGEST = 63
"""Bytes of a name on Postgres, which cuts what is longer."""

_SQLITE = sa.text(
    "SELECT m.name, m.tbl_name, i.name, 1, NULL FROM sqlite_master m, pragma_index_info(m.name) i "
    "WHERE m.type = 'index' AND m.name GLOB :prefix || '*' ORDER BY m.name, i.seqno"
)
_POSTGRES = sa.text(
    "SELECT c.relname, t.relname, a.attname, x.indisvalid, pg_relation_size(c.oid) "
    "FROM pg_catalog.pg_index x "
    "JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid "
    "JOIN pg_catalog.pg_class t ON t.oid = x.indrelid "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = CAST(current_schema() AS regnamespace) "
    "AND starts_with(c.relname, :prefix) ORDER BY c.relname, a.attnum"
)


@dataclass(frozen=True, slots=True)
class Index:
    """An index that was added. `bytes` is None where the store does not say.

    One that is not `valid` is what a failed attempt left behind; it serves nobody.
    """

    name: str
    type: ObjectType
    attributes: tuple[str, ...]
    valid: bool
    bytes: int | None


def index_name(type: ObjectType, attributes: Sequence[str]) -> str:
    """`segctl_index_contact_country`; a long one ends in a hash."""
    name = "_".join((f"{PREFIX}{type}", *attributes))
    if len(name.encode()) <= _LONGEST:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: _LONGEST - 9].decode(errors='ignore')}_{mark}"


def list_indexes(session: Session) -> list[Index]:
    """Those that were added, by name."""
    query = _POSTGRES if session.get_bind().dialect.name == "postgresql" else _SQLITE
    found: dict[str, Index] = {}
    for name, table, column, valid, size in session.execute(query, {"prefix": PREFIX}):
        before = found[name].attributes if name in found else ()
        found[name] = Index(name, ObjectType(table), (*before, column), bool(valid), size)
    return list(found.values())


def indexes_on(session: Session, type: ObjectType, attribute: str) -> list[Index]:
    """Those that were added and that an attribute is in."""
    return [i for i in list_indexes(session) if i.type is type and attribute in i.attributes]


def serving(session: Session, type: ObjectType, attributes: Sequence[str]) -> str | None:
    """The name of a whole index, whoever made it, that begins with these columns; else None."""
    wanted = list(attributes)
    added = {index.name: index for index in list_indexes(session)}
    inspector = sa.inspect(session.connection())
    for found in inspector.get_indexes(type.value):
        name = found["name"]
        broken = name in added and not added[name].valid
        partial = any(key.endswith("_where") for key in found.get("dialect_options", {}))
        if found["column_names"][: len(wanted)] == wanted and not broken and not partial:
            return name
    for unique in inspector.get_unique_constraints(type.value):
        if unique["column_names"][: len(wanted)] == wanted:
            return unique["name"] or "its unique constraint"
    return None


# ---------------------------------------------------------------- making and dropping


def create_sqlite(session: Session, type: ObjectType, attributes: Sequence[str]) -> None:
    """Make the index under the write lock of this transaction."""
    session.connection().exec_driver_sql(_create(type, attributes))


def create_postgres(store: Store, type: ObjectType, attributes: Sequence[str]) -> None:
    """Make the index while others read and write; what fails half-way is taken away again."""
    name = index_name(type, attributes)
    try:
        with _outside_transactions(store) as connection:
            connection.exec_driver_sql(_create(type, attributes, " CONCURRENTLY"))
    except BaseException:
        # Not for long: who keeps the one waiting keeps the other waiting, too.
        with suppress(Exception):
            drop_postgres(store, name, patience=5)
        raise


def drop_postgres(store: Store, name: str, patience: float | None = None) -> None:
    """Drop an index while others read and write; wait for them for `patience` seconds."""
    with _outside_transactions(store) as connection:
        if patience is not None:
            connection.exec_driver_sql(f"SET statement_timeout = {round(patience * 1000)}")
        try:
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {_quoted(name)}")
        finally:
            if patience is not None:
                connection.exec_driver_sql("RESET statement_timeout")


def drop(session: Session, name: str) -> None:
    """Drop an index in this transaction; on Postgres its table is locked until that ends."""
    session.connection().exec_driver_sql(f"DROP INDEX IF EXISTS {_quoted(name)}")


@contextmanager
def set_aside(session: Session, type: ObjectType, attribute: str) -> Iterator[None]:
    """Without the added indexes on an attribute, which are made again at the end: SQLite only."""
    aside = indexes_on(session, type, attribute)
    for index in aside:
        drop(session, index.name)
    yield
    for index in aside:
        session.connection().exec_driver_sql(_create(index.type, index.attributes))


def _create(type: ObjectType, attributes: Sequence[str], how: str = "") -> str:
    columns = ", ".join(map(_quoted, attributes))
    name = _quoted(index_name(type, attributes))
    return f"CREATE INDEX{how} {name} ON {_quoted(type.value)} ({columns})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _outside_transactions(store: Store) -> Iterator[sa.Connection]:
    """A connection whose statements are each a transaction: what CONCURRENTLY needs."""
    secrets = store.address.secrets if isinstance(store.address, PostgresAddress) else ()
    try:
        with store.engine.connect() as connection:
            yield connection.execution_options(
                isolation_level="AUTOCOMMIT", postgresql_readonly=False
            )
    except (sax.DBAPIError, store.engine.dialect.loaded_dbapi.Error) as error:
        raise_translated(error, str(store), secrets)
