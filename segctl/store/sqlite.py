"""Connections to a SQLite store."""

import os
from pathlib import Path
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from segctl.errors import StoreError
from segctl.store import functions
from segctl.store.address import SqliteAddress
from segctl.store.filesystems import network_file_system

if TYPE_CHECKING:
    import sqlalchemy as sa

BEGIN = "segctl_begin"
"""Execution option of a connection: the statement that begins its transaction."""

IMMEDIATE = "BEGIN IMMEDIATE"
"""The one that takes the write lock at once."""

DURABLE = "segctl_durable"
"""Execution option: whether the commit waits until it is on the disk; True unless it says not."""

PATIENCE = 0.004
"""Seconds between two attempts to become the one that writes."""

MINIMUM_VERSION = (3, 40, 0)

# FULL and not NORMAL: one more fsync per commit, and a command that said "done" stays done when
# the power goes. temp_store is a file, and nothing is mapped, so that memory stays bounded and a
# file that shrinks or fails under us is an error and not a signal.
_SETTINGS = """
PRAGMA foreign_keys = ON;
PRAGMA recursive_triggers = ON;
PRAGMA synchronous = FULL;
PRAGMA temp_store = FILE;
PRAGMA mmap_size = 0;
PRAGMA cache_size = -65536;
"""


def engine(address: SqliteAddress, busy_timeout: float) -> "sa.Engine":
    """An engine whose transactions begin with the statement in the option BEGIN."""
    import sqlalchemy as sa
    from sqlalchemy import event
    from sqlalchemy.pool import NullPool, QueuePool, StaticPool

    path = address.path
    options: dict[str, Any] = {"poolclass": StaticPool}
    refuse_strange_place(path)
    if path is not None:
        options = {"poolclass": QueuePool, "pool_use_lifo": True}
        if is_read_only(path):
            # An immutable connection does not see what others write: a fresh one per transaction.
            options = {"poolclass": NullPool}
    made = sa.create_engine(
        "sqlite://", creator=lambda: connect(path, busy_timeout), hide_parameters=True, **options
    )

    @event.listens_for(made, "begin")
    def _begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        wanted = "FULL" if options.get(DURABLE, True) else "NORMAL"
        if connection.info.get("synchronous", "FULL") != wanted:
            connection.exec_driver_sql(f"PRAGMA synchronous = {wanted}")
            connection.info["synchronous"] = wanted
        statement = options.get(BEGIN, "BEGIN")
        if statement == IMMEDIATE:
            _take_turn(connection, busy_timeout)
        else:
            connection.exec_driver_sql(statement)

    return made


def _take_turn(connection: "sa.Connection", busy_timeout: float) -> None:
    """Begin to write as soon as nobody else does; SQLITE_BUSY after `busy_timeout` seconds.

    SQLite's own waiting looks every 100 ms after a while, and a process that writes one small
    transaction after the other leaves gaps of 1 ms: others would not get in for many seconds.
    """
    driver: Any = connection.connection.driver_connection
    end = time.monotonic() + busy_timeout
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute(IMMEDIATE)
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() >= end:
                    raise
            time.sleep(PATIENCE)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")


def connect(path: Path | None, busy_timeout: float) -> sqlite3.Connection:
    """One connection: our settings, our functions, no transaction of the driver's own making."""
    if sqlite3.sqlite_version_info < MINIMUM_VERSION:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} of this Python is too old: segctl needs 3.40",
            hint="use a newer Python, or a Postgres store",
        )
    if path is None:
        return _set_up(_open(":memory:", busy_timeout))
    if not path.exists():
        raise StoreError(f"there is no store {path}", hint="set one up with segctl init")
    if not is_read_only(path):
        return _set_up(_open(path.as_uri() + "?mode=rw", busy_timeout))
    return _set_up(_open_read_only(path, busy_timeout))


def is_read_only(path: Path | None) -> bool:
    """Whether this process cannot write the file, or what SQLite keeps beside it."""
    if path is None:
        return False
    beside = [Path(f"{path}{suffix}") for suffix in ("-wal", "-shm")]
    folder = os.access(path.parent, os.W_OK) or all(os.access(f, os.W_OK) for f in beside)
    return path.exists() and not (os.access(path, os.W_OK) and folder)


def _open(database: str, busy_timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        database,
        timeout=busy_timeout,
        isolation_level=None,
        uri=database.startswith("file:"),
        check_same_thread=False,
        cached_statements=256,
    )


def _open_read_only(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """Reading a WAL database takes a file of shared memory; do without if none can be made.

    That is safe only as long as nobody writes, so not while there is an unread log beside it.
    """
    connection = _open(path.as_uri() + "?mode=ro", busy_timeout)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        log = Path(f"{path}-wal")
        if log.exists() and log.stat().st_size > 0:
            raise StoreError(
                f"the store {path} is read-only here, and its newest changes are in {log.name}, "
                "which cannot be read without writing beside it",
                hint="ask whoever owns the store to run segctl store check, which folds them in",
                reason="read_only",
            ) from error
        connection = _open(path.as_uri() + "?mode=ro&immutable=1", busy_timeout)
    return connection


def _set_up(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(_SETTINGS)
    functions.register(connection)
    return connection


def refuse_strange_place(path: Path | None) -> None:
    """StoreError if the file cannot be a store where it is. None is a database in memory."""
    if path is None:
        return
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a store", hint="name a file in it")
    kind = network_file_system(path)
    if kind is not None:
        raise StoreError(
            f"the store {path} is on a network file system ({kind}): SQLite's write-ahead log "
            "shares memory between processes, which works on one machine only, so the file could "
            "be damaged",
            hint="keep the store on a local disk, or use Postgres",
        )
