"""The benchmark's stores: made full at once, changed, and copied for each measurement.

Rows go in below segctl, with triggers, indexes and foreign keys taken out and put back word for
word: writing a million contacts is not what is measured.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
import datetime as dt
from pathlib import Path
from random import Random
import shutil
import sqlite3
import subprocess
from typing import Any

from bench import rows
from bench.rows import Sizes

Chunks = Iterable[Sequence[tuple[Any, ...]]]


def content(
    seed: int, now: dt.datetime, sizes: Sizes
) -> Iterator[tuple[str, tuple[str, ...], Chunks]]:
    """Table, columns and chunks of rows, parents first."""
    random = Random(seed)
    moments = rows.Moments(random, now)
    yield "company", rows.COMPANY_COLUMNS, rows.companies(random, moments, sizes)
    yield "contact", rows.CONTACT_COLUMNS, rows.contacts(random, moments, sizes)
    yield "contact_item", rows.ITEM_COLUMNS, [rows.items(random, sizes)]
    yield "event", rows.EVENT_COLUMNS, rows.events(random, moments, sizes)


def changes(now: dt.datetime, sizes: Sizes) -> list[str]:
    """Statements that any program could run: they touch one contact in two hundred (0.5 %)."""
    moment = f"'{now.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}'"
    return [
        f"UPDATE contact SET score = (score + 37) % 101, last_seen_at = {moment},"
        f" updated_at = {moment} WHERE id % 400 = 7",
        "UPDATE contact SET page_views = page_views + 1, plan = 'team' WHERE id % 800 = 11",
        "INSERT INTO event (name, occurred_at, contact_id, attributes)"
        f" SELECT 'purchase', {moment}, id, '{{\"amount\": 199.5}}' FROM contact"
        " WHERE id % 800 = 13",
    ]


class BenchStore(ABC):
    """A store full of rows, and copies of it."""

    @abstractmethod
    def create(self, name: str) -> str:
        """The URL for a new, empty store; what was there is gone."""

    @abstractmethod
    def load(self, url: str, tables: Iterable[tuple[str, tuple[str, ...], Chunks]]) -> None:
        """Write rows into a store that segctl has just made."""

    @abstractmethod
    def execute(self, url: str, statements: Iterable[str]) -> None:
        """Write as some other program would: one transaction, triggers at work."""

    @abstractmethod
    def vacuum(self, url: str) -> None: ...

    @abstractmethod
    def copy(self, url: str, name: str) -> str:
        """The URL of a copy that nothing else has opened yet."""

    @abstractmethod
    def drop(self, url: str) -> None: ...

    @abstractmethod
    def query(self, url: str, statement: str) -> list[tuple[Any, ...]]: ...

    @abstractmethod
    def baseline_url(self, url: str) -> str:
        """What the hand-written SQL connects to."""

    @abstractmethod
    def size(self, url: str) -> float:
        """Megabytes."""

    @abstractmethod
    def version(self) -> str:
        """Name and version of the database."""


class SqliteStore(BenchStore):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, url: str) -> Path:
        return Path(url.removeprefix("sqlite:///"))

    def create(self, name: str) -> str:
        url = f"sqlite:///{self.folder / name}.db"
        self.drop(url)
        return url

    def load(self, url: str, tables: Iterable[tuple[str, tuple[str, ...], Chunks]]) -> None:
        connection = sqlite3.connect(self._path(url), isolation_level=None)
        for pragma in (
            "journal_mode = off",
            "synchronous = off",
            "foreign_keys = off",
            "ignore_check_constraints = on",
            "cache_size = -1000000",
            "temp_store = memory",
            "threads = 4",
        ):
            connection.execute(f"PRAGMA {pragma}")
        taken_out = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE type = 'trigger' OR type = 'index'"
            " AND tbl_name IN ('company', 'contact', 'contact_item', 'event') AND sql IS NOT NULL"
            " ORDER BY type"
        ).fetchall()
        connection.execute("BEGIN")
        for type, name, _ in taken_out:
            connection.execute(f'DROP {type} "{name}"')
        for table, columns, chunks in tables:
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            for chunk in chunks:
                connection.executemany(insert, chunk)
        for _, _, statement in taken_out:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.close()
        connection = sqlite3.connect(self._path(url))
        connection.execute("PRAGMA journal_mode = wal")
        connection.close()

    def execute(self, url: str, statements: Iterable[str]) -> None:
        connection = sqlite3.connect(self._path(url))
        connection.execute("PRAGMA foreign_keys = on")
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def vacuum(self, url: str) -> None:
        connection = sqlite3.connect(self._path(url), isolation_level=None)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(truncate)")
        connection.close()

    def copy(self, url: str, name: str) -> str:
        copied = self.create(name)
        # A reflink where the file system can, so that a copy of gigabytes is free.
        subprocess.run(
            ["cp", "--reflink=auto", self._path(url), self._path(copied)],
            check=True,
        )
        return copied

    def drop(self, url: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path(url + suffix).unlink(missing_ok=True)

    def query(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._path(url))
        found = connection.execute(statement).fetchall()
        connection.close()
        return found

    def baseline_url(self, url: str) -> str:
        return str(self._path(url))

    def size(self, url: str) -> float:
        return self._path(url).stat().st_size / 1e6

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"


class PostgresStore(BenchStore):
    """Databases of one server; `server` is the URL of any database there."""

    def __init__(self, server: str) -> None:
        self.server = server

    def _connect(self, url: str) -> Any:
        import psycopg

        return psycopg.connect(url, autocommit=True)

    def _url(self, name: str) -> str:
        from urllib.parse import urlsplit

        return urlsplit(self.server)._replace(path=f"/{name}").geturl()

    def _name(self, url: str) -> str:
        from urllib.parse import urlsplit

        return urlsplit(url).path.lstrip("/")

    def create(self, name: str) -> str:
        url = self._url(f"segctl_bench_{name}")
        self.drop(url)
        with self._connect(self.server) as connection:
            connection.execute(f'CREATE DATABASE "{self._name(url)}"')
        return url

    def load(self, url: str, tables: Iterable[tuple[str, tuple[str, ...], Chunks]]) -> None:
        wanted = "('company', 'contact', 'contact_item', 'event')"
        with self._connect(url) as connection, connection.transaction():
            keys = connection.execute(
                "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"
                f" WHERE contype = 'f' AND conrelid::regclass::text IN {wanted}"
            ).fetchall()
            indexes = connection.execute(
                "SELECT indexname, indexdef FROM pg_indexes i WHERE schemaname = current_schema()"
                f" AND tablename IN {wanted} AND NOT EXISTS (SELECT 1 FROM pg_constraint c"
                " WHERE c.conname = i.indexname)"
            ).fetchall()
            triggers = connection.execute(
                "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal"
                f" AND tgrelid::regclass::text IN {wanted}"
            ).fetchall()
            for table, trigger in triggers:
                connection.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{trigger}"')
            for table, key, _ in keys:
                connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{key}"')
            for index, _ in indexes:
                connection.execute(f'DROP INDEX "{index}"')
            with connection.cursor() as cursor:
                for table, columns, chunks in tables:
                    copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
                    with cursor.copy(copy) as sink:
                        for chunk in chunks:
                            for row in chunk:
                                sink.write_row(row)
            for _, statement in indexes:
                connection.execute(statement)
            for table, key, definition in keys:
                connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{key}" {definition}')
            for table, trigger in triggers:
                connection.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{trigger}"')
            for table in ("company", "contact", "event"):
                connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )

    def execute(self, url: str, statements: Iterable[str]) -> None:
        with self._connect(url) as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement)

    def vacuum(self, url: str) -> None:
        with self._connect(url) as connection:
            connection.execute("VACUUM FULL")
            connection.execute("VACUUM (FREEZE, ANALYZE)")
            connection.execute("CHECKPOINT")

    def copy(self, url: str, name: str) -> str:
        copied = self._url(f"segctl_bench_{name}")
        self.drop(copied)
        with self._connect(self.server) as connection:
            connection.execute(
                f'CREATE DATABASE "{self._name(copied)}" TEMPLATE "{self._name(url)}"'
                " STRATEGY FILE_COPY"
            )
        return copied

    def drop(self, url: str) -> None:
        with self._connect(self.server) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self._name(url)}" WITH (FORCE)')

    def query(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        with self._connect(url) as connection:
            return list(connection.execute(statement).fetchall())

    def baseline_url(self, url: str) -> str:
        return url

    def size(self, url: str) -> float:
        return float(self.query(url, "SELECT pg_database_size(current_database())")[0][0]) / 1e6

    def version(self) -> str:
        shown = self.query(self.server, "SHOW server_version")[0][0]
        return f"PostgreSQL {shown}"


def free_space(folder: Path) -> float:
    """Megabytes free where the copies go."""
    return shutil.disk_usage(folder).free / 1e6
