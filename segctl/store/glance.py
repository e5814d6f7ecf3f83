"""Reading a few rows without SQLAlchemy, whose import takes longer than a short command.

For what a shell asks often and waits for: listings and the names that it completes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from segctl.store import driver_errors, postgres, sqlite
from segctl.store.address import PostgresAddress, SqliteAddress, parse_address
from segctl.store.version import refuse_other_version

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Glance:
    """A transaction that reads, as plain SQL of either store.

    Values stand as `?` in the text, so it holds no other question mark and no percent sign.
    """

    def __init__(self, dialect: str, execute: Callable[[str, tuple[Any, ...]], Any]) -> None:
        self.dialect = dialect
        self._execute = execute

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows, as tuples of what the driver makes of them; see `instant` and `value`."""
        text = sql if self.dialect == "sqlite" else sql.replace("?", "%s")
        return list(self._execute(text, tuple(values)).fetchall())


@contextmanager
def glance(url: str, *, busy_timeout: float, connect_timeout: float) -> Iterator[Glance]:
    """Look at the store at a URL or a file path, in one snapshot.

    Raises what opening a Store raises: StoreError, StoreVersionError, Busy.
    """
    address = parse_address(url)
    secrets = address.secrets if isinstance(address, PostgresAddress) else ()
    connection: Any = None
    try:
        if isinstance(address, SqliteAddress):
            sqlite.refuse_strange_place(address.path)
            connection = sqlite.connect(address.path, busy_timeout)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            seen = Glance("sqlite", connection.execute)
        else:
            connection = postgres.connect(address, connect_timeout)
            postgres.read_one_snapshot(connection)
            seen = Glance("postgresql", connection.execute)
        refuse_other_version(
            [row[0] for row in seen.rows("SELECT version_num FROM alembic_version")], str(address)
        )
        yield seen
    except Exception as error:
        if not driver_errors.is_of_a_driver(error):
            raise
        driver_errors.raise_translated(error, str(address), secrets, writing=False)
    finally:
        if connection is not None:
            connection.close()


def glance_of(session: "Session") -> Glance:
    """The transaction of a session, with what it has changed already."""
    session.flush()
    connection = session.connection()
    return Glance(connection.dialect.name, connection.exec_driver_sql)


def instant(value: Any) -> dt.datetime:
    """A stored instant: text on SQLite, a datetime of the session's zone on Postgres."""
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    return value.astimezone(dt.UTC)  # type: ignore[no-any-return]


def instant_or_none(value: Any) -> dt.datetime | None:
    return None if value is None else instant(value)


def value(stored: Any) -> Any:
    """A stored JSON value: text on SQLite; the driver for Postgres has read it already."""
    return json.loads(stored) if isinstance(stored, str) else stored
