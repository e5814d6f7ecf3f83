"""Deleted rows and what is left of them in the files of a store.

A DELETE frees space and leaves the bytes. SQLite overwrites them if it is told to before; what
earlier deletions left, only a rewritten file is free of.
"""

from collections.abc import Iterable
import sqlite3

import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlalchemy.orm import Session

from segctl.store.address import PostgresAddress
from segctl.store.driver_errors import raise_translated
from segctl.store.opening import Store


def wipe_what_is_deleted(session: Session) -> None:
    """Let this connection overwrite with zeros what it deletes. Nothing to do on Postgres."""
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql("PRAGMA secure_delete = ON")


def empty_log(store: Store) -> bool:
    """Write what is in SQLite's log into its file, and cut the log; False if readers are in it."""
    if store.dialect != "sqlite":
        return True
    with store.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def rewrite(store: Store, tables: Iterable[str]) -> None:
    """Give back the space of deleted rows: VACUUM, of the whole file or of the tables.

    SQLite needs as much free space as the store has, and Busy says that somebody is using it.
    """
    secrets = store.address.secrets if isinstance(store.address, PostgresAddress) else ()
    try:
        with store.engine.connect() as connection:
            if store.dialect == "sqlite":
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                driver.execute("VACUUM")
                return
            plain = connection.execution_options(
                isolation_level="AUTOCOMMIT", postgresql_readonly=False
            )
            quote = connection.dialect.identifier_preparer.quote
            plain.execute(sa.text("VACUUM " + ", ".join(quote(name) for name in tables)))
    except (sax.DBAPIError, store.engine.dialect.loaded_dbapi.Error) as error:
        raise_translated(error, str(store), secrets)
