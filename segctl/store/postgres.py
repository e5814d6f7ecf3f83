"""Connections to a Postgres store."""

from typing import TYPE_CHECKING, Any

from segctl.errors import StoreError
from segctl.store.address import PostgresAddress

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.orm import Session

MINIMUM_VERSION = 15

_GREETING = """
SELECT set_config('TimeZone', 'UTC', false),
       current_setting('server_version_num')::int / 10000,
       current_setting('server_version'),
       pg_encoding_to_char(encoding),
       EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu')
FROM pg_catalog.pg_database WHERE datname = current_database()
"""


def engine(address: PostgresAddress, connect_timeout: float) -> "sa.Engine":
    """An engine of psycopg 3 connections; works through pgbouncer in session mode."""
    import sqlalchemy as sa

    return sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(address, connect_timeout),
        hide_parameters=True,
        use_native_hstore=False,
        pool_use_lifo=True,
    )


def connect(address: PostgresAddress, connect_timeout: float) -> Any:
    """One connection, of a server that can keep a store."""
    import psycopg

    settings: dict[str, Any] = {"fallback_application_name": "segctl"}
    if "connect_timeout=" not in address.url:
        settings["connect_timeout"] = max(2, round(connect_timeout))  # libpq knows no less than 2 s
    # Statements are not prepared on the server: a pooler may hand the next transaction to another
    # session, and a changed table would make a prepared one fail.
    connection = psycopg.connect(address.url, autocommit=True, prepare_threshold=None, **settings)
    try:
        # Not by the start-up packet, which pgbouncer refuses to pass on.
        row = connection.execute(_GREETING).fetchone()
        assert row is not None
        _refuse_unfit(str(address), *row[1:])
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_unfit(place: str, version: int, version_text: str, encoding: str, icu: bool) -> None:
    if version < MINIMUM_VERSION:
        raise StoreError(
            f"the server of {place} is Postgres {version_text}, and segctl needs "
            f"{MINIMUM_VERSION} or newer",
            hint="upgrade the server, or use SQLite",
        )
    if encoding != "UTF8":
        raise StoreError(
            f"the database {place} is encoded in {encoding}, and segctl needs UTF8",
            hint="create another with createdb -E UTF8 -T template0 …",
        )
    if not icu:
        raise StoreError(
            f"the server of {place} was built without ICU, which conditions need to fold case",
            hint="use a server with ICU, as the packages of Postgres are",
        )


def read_one_snapshot(connection: Any) -> None:
    """Let the next transaction of a connection of psycopg see one snapshot and write nothing."""
    import psycopg

    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def begin_write(session: "Session", lock_timeout: float, *, durable: bool = True) -> None:
    """Let no schema change in while this transaction writes. Before the first snapshot is taken."""
    if not durable:
        session.connection().exec_driver_sql("SET LOCAL synchronous_commit = off")
    _begin(session, lock_timeout, "ROW EXCLUSIVE")


def begin_alter(session: "Session", lock_timeout: float) -> None:
    """Wait for the writers to end, and keep others out; readers go on."""
    _begin(session, lock_timeout, "EXCLUSIVE")


def _begin(session: "Session", lock_timeout: float, mode: str) -> None:
    connection = session.connection()
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(lock_timeout * 1000))}")
    # LOCK takes no snapshot, so what is read after it is what holds now.
    connection.exec_driver_sql(f"LOCK TABLE alembic_version IN {mode} MODE")
