"""Bulk writes to SQLite, where one transaction writes at a time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
import json
import sqlite3
from typing import Any, Final

import sqlalchemy as sa

from segctl.store.triggers_sqlite import suspend_inserts
from segctl.store.writing import RecordWriter, Row

AT_ONCE: Final = 500
"""Rows that one INSERT adds; a statement for each takes more than twice as long."""


class SqliteWriter(RecordWriter):
    _next: int | None = None
    _bulk = False
    """Whether `insert` may suspend triggers."""
    _suspended: list[str] | None = None
    """The statements that bring them back; empty if they could not be suspended."""

    def allocate(self, count: int) -> list[int]:
        # Nobody else can write before this transaction ends, so counting here is safe.
        if self._next is None:
            sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
            used = self.session.execute(
                sa.select(
                    sa.select(sequence.c.seq)
                    .where(sequence.c.name == self.table.name)
                    .scalar_subquery(),
                    sa.select(sa.func.max(self.table.c.id)).scalar_subquery(),
                )
            ).one()
            self._next = max(used[0] or 0, used[1] or 0) + 1
        first, self._next = self._next, self._next + count
        return list(range(first, self._next))

    @contextmanager
    def unchecked(self) -> Iterator[None]:
        # The CHECKs take 40 % of the time of an INSERT, most of it in strftime().
        with self._driver() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        self._bulk = True
        try:
            yield
            self._resume()  # an error undoes the whole transaction, and so brings them back, too
        finally:
            self._bulk, self._suspended = False, None
            with self._driver() as cursor:
                cursor.execute("PRAGMA ignore_check_constraints = OFF")

    def locked(self, rows: Sequence[Row]) -> list[Row | None]:
        return list(rows)  # nobody else can have written since they were read

    def insert(self, rows: Sequence[Row]) -> None:
        # Dropping a trigger makes every connection read the schema anew, so not for a few rows.
        if self._bulk and self._suspended is None and len(rows) >= AT_ONCE:
            self._suspended = suspend_inserts(self.session, self.type)
        self._add(self.table, ("id", *self.columns), rows)
        if self._suspended:
            self._trace(rows[0][0], rows[-1][0])

    def _trace(self, first: int, last: int) -> None:
        """Trace new records as their trigger would have."""
        trace = self.tables.trace()
        new = sa.select(sa.literal(self.type.value), self.table.c.id).where(
            self.table.c.id.between(first, last)
        )
        self.session.execute(sa.insert(trace).from_select(["object_type", "record_id"], new))

    def _resume(self) -> None:
        for statement in self._suspended or ():
            self.session.connection().exec_driver_sql(statement)

    def update(self, rows: Sequence[Row]) -> None:
        table = self.table
        sql = self._sql(
            "update",
            lambda: (
                sa.update(table)
                .where(table.c.id == sa.bindparam("key"))
                .values({name: sa.bindparam(f"new_{name}") for name in self.columns})
            ),
        )
        with self._driver() as cursor:
            cursor.executemany(sql, ((*row[1:], row[0]) for row in rows))

    def start_seen(self) -> None:
        with self._driver() as cursor:
            cursor.execute("DROP TABLE IF EXISTS temp.segctl_seen")
            cursor.execute("CREATE TEMP TABLE segctl_seen (id INTEGER PRIMARY KEY, line INTEGER)")

    def _among(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        each = sa.func.json_each(sa.bindparam("keys")).table_valued("value")
        return column.in_(sa.select(each.c.value))

    def _fetch(
        self, cursor: Any, sql: str, keys: Sequence[Any], name: str | None = None
    ) -> Iterable[Row]:
        listed = json.dumps(keys, ensure_ascii=False)
        rows: Iterable[Row] = cursor.execute(sql, (listed,) if name is None else (listed, name))
        return rows

    def _add(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        with self._driver() as cursor:
            limit = cursor.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
            at_once = max(1, min(AT_ONCE, limit // len(columns)))
            whole = len(rows) - len(rows) % at_once
            if whole:
                insert = self._insert(table, columns, at_once)
                for start in range(0, whole, at_once):
                    cursor.execute(insert, list(chain.from_iterable(rows[start : start + at_once])))
            if whole < len(rows):
                cursor.executemany(self._insert(table, columns, 1), rows[whole:])

    def _insert(self, table: sa.Table, columns: Sequence[str], count: int) -> str:
        """The statement that adds `count` rows; its parameters are their values one after another.

        Written by hand, because SQLAlchemy takes a second to compile thousands of parameters.
        """
        quote = self.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, columns))
        row = f"({', '.join('?' * len(columns))})"
        return f"INSERT INTO {quote(table.name)} ({names}) VALUES {', '.join([row] * count)}"

    def _delete(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        delete = self._sql(
            f"delete {table.name} {columns}",
            lambda: sa.delete(table).where(*(table.c[c] == sa.bindparam(c) for c in columns)),
        )
        with self._driver() as cursor:
            cursor.executemany(delete, rows)
