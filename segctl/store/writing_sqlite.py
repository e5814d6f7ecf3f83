"""Bulk writes to SQLite, where one transaction writes at a time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
import json
from typing import Any

import sqlalchemy as sa

from segctl.store.writing import RecordWriter, Row


class SqliteWriter(RecordWriter):
    _next: int | None = None

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
        try:
            yield
        finally:
            with self._driver() as cursor:
                cursor.execute("PRAGMA ignore_check_constraints = OFF")

    def locked(self, rows: Sequence[Row]) -> list[Row | None]:
        return list(rows)  # nobody else can have written since they were read

    def insert(self, rows: Sequence[Row]) -> None:
        self._add(self.table, ("id", *self.columns), rows)

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
        insert = self._sql(
            f"add {table.name} {columns}",
            lambda: sa.insert(table).inline().values({c: sa.bindparam(c) for c in columns}),
        )
        with self._driver() as cursor:
            cursor.executemany(insert, rows)

    def _delete(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        delete = self._sql(
            f"delete {table.name} {columns}",
            lambda: sa.delete(table).where(*(table.c[c] == sa.bindparam(c) for c in columns)),
        )
        with self._driver() as cursor:
            cursor.executemany(delete, rows)
