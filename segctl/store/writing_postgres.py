"""Bulk writes to Postgres: COPY, and set statements over temporary tables."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from segctl.store.writing import RecordWriter, Row


class PostgresWriter(RecordWriter):
    def allocate(self, count: int) -> list[int]:
        sequence = sa.func.pg_get_serial_sequence(self.table.name, "id")
        each = sa.func.generate_series(1, count).table_valued("n")
        ids = self.session.scalars(
            sa.select(
                sa.func.nextval(sa.cast(sequence, sa.dialects.postgresql.REGCLASS))
            ).select_from(each)
        )
        return sorted(ids)

    def locked(self, rows: Sequence[Row]) -> list[Row | None]:
        table = self.table
        sql = self._sql(
            "locked",
            lambda: (
                sa.select(table.c.id, *self._own_columns())
                .where(self._among(table.c.id))
                .order_by(table.c.id)
                .with_for_update(key_share=True)
            ),
        )
        ids = [row[0] for row in rows]
        with self._driver() as cursor:
            now = {row[0]: row for row in self._fetch(cursor, sql, ids)}
        return [now.get(id) for id in ids]

    def insert(self, rows: Sequence[Row]) -> None:
        self._add(self.table, ("id", *self.columns), rows)

    def update(self, rows: Sequence[Row]) -> None:
        new = self._staged(self.table, ("id", *self.columns), rows)
        sql = self._sql(
            "update",
            lambda: (
                sa.update(self.table)
                .where(self.table.c.id == new.c.id)
                .values({name: new.c[name] for name in self.columns})
            ),
        )
        with self._driver() as cursor:
            cursor.execute(sql)

    def start_seen(self) -> None:
        with self._driver() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE segctl_seen (id bigint PRIMARY KEY, line bigint) ON COMMIT DROP"
            )

    def _among(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return column == sa.func.any(sa.bindparam("keys", type_=sa.ARRAY(column.type)))

    def _fetch(
        self, cursor: Any, sql: str, keys: Sequence[Any], name: str | None = None
    ) -> Iterable[Row]:
        rows: Iterable[Row] = cursor.execute(sql, {"keys": list(keys), "name": name})
        return rows

    def _add(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        quote = self.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, columns))
        with (
            self._driver() as cursor,
            cursor.copy(f"COPY {quote(table.name)} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def _delete(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        gone = self._staged(table, columns, rows)
        sql = self._sql(
            f"delete {table.name} {columns}",
            lambda: sa.delete(table).where(*(table.c[c] == gone.c[c] for c in columns)),
        )
        with self._driver() as cursor:
            cursor.execute(sql)

    def _staged(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> sa.Table:
        """A temporary table of these columns, filled with the rows."""
        name = f"segctl_new_{table.name}"
        staged = sa.Table(name, sa.MetaData(), *(sa.Column(c, table.c[c].type) for c in columns))
        if name in self._statements:
            with self._driver() as cursor:
                cursor.execute(f"TRUNCATE {name}")
        else:
            like = sa.select(*(table.c[c] for c in columns)).compile(dialect=self.dialect)
            with self._driver() as cursor:
                cursor.execute(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS {like} WITH NO DATA")
            self._statements[name] = ""
        self._add(staged, columns, rows)
        return staged
