"""Setting up a store and bringing one up to date: the only users of the migrations."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import datetime as dt
import os
from pathlib import Path
import sqlite3
from uuid import uuid4

import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlmodel import Session

from segctl.errors import AlreadyExists, SegctlError, StoreError
from segctl.store.address import PostgresAddress, SqliteAddress
from segctl.store.driver_errors import raise_translated
from segctl.store.opening import Store
from segctl.store.sqlite import BEGIN
from segctl.store.tables import Workspace
from segctl.store.triggers import drop_triggers, install_triggers

_MIGRATIONS = Path(__file__).parent / "migrations"
_INIT_LOCK = 5_138_274_401
"""Advisory lock of Postgres: one `segctl init` at a time in a database."""


def create(store: Store, *, now: dt.datetime) -> None:
    """Migrate an empty database to the newest schema; a file that this made is gone if it fails."""
    path = store.address.path if isinstance(store.address, SqliteAddress) else None
    made = path is not None and _make_file(path)
    try:
        with _migrating(store) as session:
            if store.dialect == "postgresql":
                session.execute(sa.select(sa.func.pg_advisory_xact_lock(_INIT_LOCK)))
            _refuse_unless_empty(session, str(store))
            run_migrations(session.connection())
            install_triggers(session)
            session.execute(sa.text("DELETE FROM trace"))  # nothing was missed in an empty store
            session.add(Workspace(store_id=str(uuid4()), created_at=now))
    except BaseException:
        if made:
            store.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        raise


def upgrade(store: Store, *, versions: Sequence[Path] = ()) -> tuple[str, str]:
    """Run the migrations that a store lacks; the schema versions before and after.

    Every record counts as changed afterwards, so each segment's next recalculation is a full one.
    `versions`: folders of further migrations, for tests.
    """
    with _migrating(store) as session:
        if store.dialect == "postgresql":
            session.connection().exec_driver_sql("LOCK TABLE alembic_version IN EXCLUSIVE MODE")
        before = stored_version(session)
        drop_triggers(session)
        run_migrations(session.connection(), versions)
        install_triggers(session)
        return before, stored_version(session)


def stored_version(session: Session) -> str:
    """The schema version of the store, whatever it is."""
    return str(session.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())


def run_migrations(connection: sa.Connection, versions: Sequence[Path] = ()) -> None:
    """Alembic's upgrade to the newest version, in the transaction of `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _plain(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    folders = [_MIGRATIONS / "versions", *versions]
    config.set_main_option("version_locations", os.pathsep.join(map(_plain, folders)))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _plain(path: Path) -> str:
    return str(path).replace("%", "%%")


@contextmanager
def _migrating(store: Store) -> Iterator[Session]:
    """One transaction around everything, on SQLite without foreign key actions.

    A table that is rebuilt is dropped, and a dropped table would take the rows that refer to it
    along; so the keys are checked at the end instead.
    """
    secrets = store.address.secrets if isinstance(store.address, PostgresAddress) else ()
    sqlite_ = store.dialect == "sqlite"
    try:
        with store.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if sqlite_ and isinstance(driver, sqlite3.Connection):
                driver.execute("PRAGMA journal_mode = WAL")
                driver.execute("PRAGMA foreign_keys = OFF")
                # Renaming must not look at views of a table that is not there for a moment.
                driver.execute("PRAGMA legacy_alter_table = ON")
            try:
                connection = connection.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
                with connection.begin(), Session(connection, expire_on_commit=False) as session:
                    if not sqlite_:
                        milliseconds = round(store.busy_timeout * 1000)
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
                    yield session
                    session.flush()
                    if sqlite_:
                        _check_keys(session, str(store))
            finally:
                if sqlite_ and isinstance(driver, sqlite3.Connection):
                    driver.execute("PRAGMA legacy_alter_table = OFF")
                    driver.execute("PRAGMA foreign_keys = ON")
    except (sax.DBAPIError, store.engine.dialect.loaded_dbapi.Error) as error:
        raise_translated(error, str(store), secrets)


def _check_keys(session: Session, place: str) -> None:
    wrong = session.execute(
        sa.text('SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2')
    )
    lines = [f"{count} rows of {table} refer to no {parent}" for table, parent, count in wrong]
    if lines:
        raise StoreError(
            f"the store {place} would be left with broken references: " + "; ".join(lines),
            hint="nothing was changed",
        )


def _make_file(path: Path) -> bool:
    """Make the file, for its owner only; False if an empty one is there already."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.stat().st_size == 0:
            path.chmod(0o600)
        return False
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"the store {path} cannot be created: {reason[0].lower()}{reason[1:]}"
        ) from error
    return True


def _refuse_unless_empty(session: Session, place: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        schema = session.execute(sa.text("SELECT current_schema()")).scalar()
        if schema is None:
            raise StoreError(
                f"the search_path of {place} names no schema that exists",
                hint="create the schema, or name another: ?options=-csearch_path%3Dname",
            )
        query = (
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        )
    else:
        query = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    names = set(
        session.connection()
        .exec_driver_sql(query, execution_options={"no_parameters": True})
        .scalars()
    )
    if not names:
        return
    if {"alembic_version", "workspace", "segment_state"} <= names:
        raise already_there(place)
    raise StoreError(
        f"{place} is not empty and not a segctl store: it holds {', '.join(sorted(names)[:3])}"
        + (" …" if len(names) > 3 else ""),
        hint="name an empty database, schema or file",
    )


def already_there(place: str) -> SegctlError:
    return AlreadyExists(
        f"{place} is a segctl store already",
        hint="use it, or name another; segctl store check looks it over",
    )
