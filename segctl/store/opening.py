"""Opening a store: one URL, one kind of transaction for reading and one for writing."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import datetime as dt
from typing import Any, Self

import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlmodel import Session

from segctl.errors import Busy
from segctl.store import postgres, sqlite
from segctl.store.address import Address, PostgresAddress, SqliteAddress, parse_address
from segctl.store.driver_errors import raise_translated, read_only
from segctl.store.version import check_version

BUSY_TIMEOUT = 10.0
"""Seconds that a write waits for the locks of others before it is refused as Busy."""
CONNECT_TIMEOUT = 5.0
"""Seconds that a server may take to answer."""

_UNDEFINED = ("42703", "42P01")


class Store:
    """An open store. For one thread; close it when done, or use it as a context manager.

    Every transaction checks the schema version first and turns what drivers say into Busy,
    StoreError and StoreVersionError.
    """

    def __init__(self, url: str, address: Address, engine: sa.Engine, busy_timeout: float) -> None:
        self.url = url
        self.address = address
        self.engine = engine
        self.busy_timeout = busy_timeout
        self.dialect = engine.dialect.name
        self._catalogs: dict[int, Any] = {}
        self._in_use: set[Any] = set()

    def __str__(self) -> str:
        return str(self.address)

    def __repr__(self) -> str:
        return f"<Store {self.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.engine.dispose()

    def interrupt(self) -> None:
        """End the statements that run now, from another thread; whoever waits for them fails."""
        for connection in tuple(self._in_use):
            with suppress(self._driver_error):
                if self.dialect == "sqlite":
                    connection.interrupt()
                else:
                    connection.cancel_safe(timeout=2)

    @property
    def read_only(self) -> bool:
        """Whether the file can only be read; on Postgres only the attempt tells."""
        return isinstance(self.address, SqliteAddress) and sqlite.is_read_only(self.address.path)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one snapshot and writes nothing."""
        options: dict[str, Any] = {sqlite.BEGIN: "BEGIN"}
        if self.dialect == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._transaction(options, writing=False) as session:
            check_version(session, str(self))
            yield session

    @contextmanager
    def write(self, *, isolation: str | None = None, durable: bool = True) -> Iterator[Session]:
        """A transaction that is kept if its block ends, and undone if that raises.

        Not `durable`: a power cut may take it back, together with all later ones of that kind, and
        leaves the store as it was before. That saves a flush to the disk, which is most of a small
        commit; right for leases and for what is computed again anyway. The next durable one keeps
        all before it, too.

        `isolation` is for Postgres: READ COMMITTED unless it says REPEATABLE READ. On SQLite a
        write holds the store's only write lock from its start.
        """
        options: dict[str, Any] = {sqlite.BEGIN: sqlite.IMMEDIATE, sqlite.DURABLE: durable}
        if self.dialect == "postgresql":
            options = {
                "isolation_level": isolation or "READ COMMITTED",
                "postgresql_readonly": False,
            }
        elif self.read_only:
            raise read_only(str(self))
        with self._transaction(options, writing=True) as session:
            if self.dialect == "postgresql":
                postgres.begin_write(session, self.busy_timeout, durable=durable)
            check_version(session, str(self))
            yield session

    @contextmanager
    def alter(self, *, lock_timeout: float) -> Iterator[Session]:
        """A write that changes the schema while no other write is under way.

        `lock_timeout`, in seconds, is short on Postgres: whoever waits for a lock on a table makes
        all who come after wait too.
        """
        options: dict[str, Any] = {sqlite.BEGIN: sqlite.IMMEDIATE}
        if self.dialect == "postgresql":
            options = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
        elif self.read_only:
            raise read_only(str(self))
        with self._transaction(options, writing=True) as session:
            if self.dialect == "postgresql":
                postgres.begin_alter(session, lock_timeout)
            check_version(session, str(self))
            yield session

    @contextmanager
    def _transaction(self, options: dict[str, Any], *, writing: bool) -> Iterator[Session]:
        secrets = self.address.secrets if isinstance(self.address, PostgresAddress) else ()
        session: Session | None = None
        try:
            with self.engine.connect() as connection, self._used(connection):
                connection.execution_options(**options)
                with connection.begin(), Session(connection, expire_on_commit=False) as session:
                    session.info["catalogs"] = self._catalogs
                    yield session
                    session.flush()
        except (sax.DBAPIError, self._driver_error) as error:
            if session is not None:
                self._refuse_if_moved(error, session)
            raise_translated(error, str(self), secrets, writing=writing)

    @contextmanager
    def _used(self, connection: sa.Connection) -> Iterator[None]:
        """Let `interrupt` find what the driver has for this connection."""
        raw = connection.connection.dbapi_connection
        self._in_use.add(raw)
        try:
            yield
        finally:
            self._in_use.discard(raw)

    @property
    def _driver_error(self) -> type[Exception]:
        return self.engine.dialect.loaded_dbapi.Error

    def _refuse_if_moved(self, error: Exception, failed: Session) -> None:
        """If a table or column is gone, say whether another process has changed the schema."""
        original = error.orig if isinstance(error, sax.DBAPIError) else error
        undefined = getattr(original, "sqlstate", None) in _UNDEFINED or "no such column" in str(
            original
        )
        seen = failed.info.get("catalog_version")
        if not undefined or seen is None:
            return
        from segctl.store.workspace import load_catalog

        with self.read() as session:
            moved = load_catalog(session).version != seen
        if moved:
            raise Busy(
                "the attributes of the workspace were changed while this command ran",
                hint="run it again",
                reason="catalog",
            ) from error


def open_store(
    url: str, *, busy_timeout: float = BUSY_TIMEOUT, connect_timeout: float = CONNECT_TIMEOUT
) -> Store:
    """Open the store at a URL or a file path.

    StoreError if there is none, it does not answer or it is none of segctl's; StoreVersionError if
    its schema is of another version. `busy_timeout` and `connect_timeout` are in seconds.
    """
    store = connect(url, busy_timeout=busy_timeout, connect_timeout=connect_timeout)
    try:
        with store.read():
            pass
    except BaseException:
        store.close()
        raise
    return store


def create_store(
    url: str,
    *,
    now: dt.datetime,
    busy_timeout: float = BUSY_TIMEOUT,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> Store:
    """Set up an empty store at a URL or a file path, and open it.

    Refuses what is not empty. A failure leaves nothing behind.
    """
    from segctl.store.creation import create

    store = connect(url, busy_timeout=busy_timeout, connect_timeout=connect_timeout)
    try:
        create(store, now=now)
    except BaseException:
        store.close()
        raise
    return store


def connect(url: str, *, busy_timeout: float, connect_timeout: float) -> Store:
    """A Store that has not been looked at yet; nothing is opened before its first transaction."""
    address = parse_address(url)
    if isinstance(address, PostgresAddress):
        engine = postgres.engine(address, connect_timeout)
    else:
        engine = sqlite.engine(address, busy_timeout)
    return Store(url, address, engine, busy_timeout)
