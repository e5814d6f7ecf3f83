"""Bulk reads and writes of records, for imports: set statements and COPY instead of row by row.

A RecordWriter works in the transaction of its session on one object type. Its rows are tuples of
stored forms (what the driver takes), in the order of `columns`. Both stores do the same with the
same calls; what differs is how many rows travel at once and how.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
import datetime as dt
from enum import Enum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, ObjectType, Relation, ValueType
from segctl.errors import Busy
from segctl.store.records import RecordTables


class Keep(Enum):
    """The value of a row that says nothing about a column: it stays as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP

Row = tuple[Any, ...]
Encoder = Callable[[Any], Any]


def encoder(kind: ValueType, dialect: str) -> Encoder | None:
    """How a value (never None) becomes its stored form; None where it is that already."""
    if dialect == "postgresql":
        return None
    match kind:
        case ValueType.DATETIME:
            return instant_text
        case ValueType.DATE:
            return dt.date.isoformat
        case _:
            return None


def instant_text(value: dt.datetime) -> str:
    """The same as types.instant_text, faster, for a value in UTC."""
    return value.isoformat(timespec="microseconds")[:26] + "Z"


def record_writer(
    session: Session, tables: RecordTables, type: ObjectType, columns: Iterable[str] = ()
) -> "RecordWriter":
    """The writer for the session's store. `columns` are what rows have of the record table."""
    # They are made of what is here, and so cannot be imported before it.
    if session.get_bind().dialect.name == "postgresql":
        from segctl.store.writing_postgres import PostgresWriter

        return PostgresWriter(session, tables, type, columns)
    from segctl.store.writing_sqlite import SqliteWriter

    return SqliteWriter(session, tables, type, columns)


class RecordWriter(ABC):
    """Bulk access to the records of one type."""

    def __init__(
        self, session: Session, tables: RecordTables, type: ObjectType, columns: Iterable[str]
    ) -> None:
        self.session = session
        self.tables = tables
        self.type = type
        self.table = tables.record(type)
        wanted = set(columns)
        self.columns: tuple[str, ...] = tuple(c.name for c in self.table.c if c.name in wanted)
        """In the order of the table."""
        self.dialect = session.connection().dialect
        self._statements: dict[str, str] = {}
        self._others: dict[tuple[ObjectType, tuple[str, ...]], RecordWriter] = {}

    def other(self, type: ObjectType, columns: tuple[str, ...]) -> "RecordWriter":
        """The writer of another type in the same transaction, always the same one."""
        key = (type, columns)
        if key not in self._others:
            self._others[key] = record_writer(self.session, self.tables, type, columns)
        return self._others[key]

    # -------------------------------------------------------------- records

    def existing(self, external_ids: Sequence[str]) -> dict[str, Row]:
        """External id, which is one of `columns`: (id, *columns) of the records that there are."""
        table = self.table
        key = 1 + self.columns.index("external_id")
        sql = self._sql(
            "existing",
            lambda: sa.select(table.c.id, *self._own_columns()).where(
                self._among(table.c.external_id)
            ),
        )
        with self._driver() as cursor:
            return {row[key]: row for row in self._fetch(cursor, sql, external_ids)}

    @abstractmethod
    def locked(self, rows: Sequence[Row]) -> list[Row | None]:
        """Rows of (id, *columns) as they are now, held against other writers to the end.

        None stands for a record that is gone.
        """

    @abstractmethod
    def allocate(self, count: int) -> list[int]:
        """Ids that no record has had, ascending."""

    @abstractmethod
    def insert(self, rows: Sequence[Row]) -> None:
        """Add records: rows of (id, *columns)."""

    @abstractmethod
    def update(self, rows: Sequence[Row]) -> None:
        """Set all `columns` of records: rows of (id, *columns)."""

    # -------------------------------------------------------------- items and links

    def items(self, attribute: Attribute, ids: Sequence[int]) -> dict[int, set[str]]:
        """Id: its items, for the ids that have some."""
        table = self.tables.item(self.type)
        sql = self._sql(
            "items",
            lambda: sa.select(table.c.record_id, table.c.item).where(
                self._among(table.c.record_id), table.c.attribute == sa.bindparam("name")
            ),
        )
        return self._grouped(sql, ids, attribute.name)

    def links(self, relation: Relation, ids: Sequence[int]) -> dict[int, set[int]]:
        """Id: the ids that a many-to-many relation leads to, for the ids that have some."""
        near, far = self._link_columns(relation)
        sql = self._sql(
            f"links {relation.name}", lambda: sa.select(near, far).where(self._among(near))
        )
        return self._grouped(sql, ids)

    def change_items(
        self,
        attribute: Attribute,
        added: Sequence[tuple[int, str]],
        removed: Sequence[tuple[int, str]],
    ) -> None:
        """Add and remove (id, item) pairs; the added ones are not there yet."""
        table, name = self.tables.item(self.type), attribute.name
        if removed:
            self._delete(
                table,
                ("attribute", "item", "record_id"),
                sorted((name, item, record) for record, item in removed),
            )
        if added:
            self._add(
                table,
                ("attribute", "item", "record_id"),
                sorted((name, item, record) for record, item in added),
            )

    def change_links(
        self,
        relation: Relation,
        added: Sequence[tuple[int, int]],
        removed: Sequence[tuple[int, int]],
    ) -> None:
        """Add and remove (id, related id) pairs; the added ones are not there yet."""
        near, _ = self._link_columns(relation)
        link = self.tables.link()
        columns = tuple(link.c.keys())
        turned = near.name != columns[0]
        for change, pairs in ((self._delete, removed), (self._add, added)):
            if pairs:
                rows = sorted((far, near) for near, far in pairs) if turned else sorted(pairs)
                change(link, columns, rows)

    # -------------------------------------------------------------- what rows refer to

    def find(self, attribute: Attribute, keys: Sequence[Any]) -> dict[Any, list[int]]:
        """Key: the ids of the records of the attribute's type that have it, at most two each."""
        table = self.tables.record(attribute.type)
        column = table.c[attribute.name]
        unique = attribute.name == "external_id"

        def statement() -> sa.Select[Any]:
            found = sa.select(column, sa.func.min(table.c.id), sa.func.max(table.c.id)).where(
                self._among(column)
            )
            if unique:
                return sa.select(column, table.c.id, table.c.id).where(self._among(column))
            return found.group_by(column)

        sql = self._sql(f"find {attribute}", statement)
        with self._driver() as cursor:
            rows = list(self._fetch(cursor, sql, keys))
        return {key: [low] if low == high else [low, high] for key, low, high in rows}

    def having_ids(self, type: ObjectType, ids: Sequence[int]) -> set[int]:
        """Those of the ids that a record of the type has."""
        table = self.tables.record(type)
        sql = self._sql(f"ids {type}", lambda: sa.select(table.c.id).where(self._among(table.c.id)))
        with self._driver() as cursor:
            return {row[0] for row in self._fetch(cursor, sql, ids)}

    # -------------------------------------------------------------- ids that were seen

    @abstractmethod
    def start_seen(self) -> None:
        """Make the temporary table of `seen`."""

    @contextmanager
    def unchecked(self) -> Iterator[None]:
        """For many rows: the store need not check that values have their stored form, they have.

        SQLite's triggers may be out of the way within it, so only this writer inserts records of
        its type. Whatever is raised must undo the transaction.
        """
        yield

    def seen(self, ids: Sequence[int]) -> dict[int, int]:
        """Id: the line at which it was seen, for the ids that were."""
        sql = self._sql(
            "seen",
            lambda: sa.select(SEEN.c.id, SEEN.c.line).where(self._among(SEEN.c.id)),
        )
        with self._driver() as cursor:
            return dict(self._fetch(cursor, sql, ids))

    def remember(self, lines: Sequence[tuple[int, int]]) -> None:
        """Note (id, line) pairs as seen."""
        self._add(SEEN, ("id", "line"), lines)

    # -------------------------------------------------------------- what the stores do differently

    @abstractmethod
    def _among(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """`column` is one of the keys, which are one parameter."""

    @abstractmethod
    def _fetch(
        self, cursor: Any, sql: str, keys: Sequence[Any], name: str | None = None
    ) -> Iterable[Row]:
        """Rows of a statement whose parameters are `keys` and, after it, `name`."""

    @abstractmethod
    def _add(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None: ...

    @abstractmethod
    def _delete(self, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None: ...

    # -------------------------------------------------------------- parts

    def _own_columns(self) -> list[sa.Column[Any]]:
        return [self.table.c[name] for name in self.columns]

    def _link_columns(self, relation: Relation) -> tuple[sa.Column[Any], sa.Column[Any]]:
        link = self.tables.link()
        return link.c[f"{relation.source}_id"], link.c[f"{relation.target}_id"]

    def _grouped(
        self, sql: str, ids: Sequence[int], name: str | None = None
    ) -> dict[int, set[Any]]:
        grouped: dict[int, set[Any]] = {}
        with self._driver() as cursor:
            for record, value in self._fetch(cursor, sql, ids, name):
                grouped.setdefault(record, set()).add(value)
        return grouped

    def _sql(self, name: str, statement: Callable[[], sa.Executable]) -> str:
        """The text of a statement for this driver, made once."""
        text = self._statements.get(name)
        if text is None:
            compiled = statement().compile(dialect=self.dialect)  # type: ignore[attr-defined]
            text = self._statements[name] = str(compiled)
        return text

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        """A cursor of the driver in the session's transaction."""
        connection = self.session.connection()
        cursor = connection.connection.cursor()
        try:
            yield cursor
        except Exception as error:
            if getattr(error, "sqlstate", None) in _RACES:
                raise Busy(
                    f"another program wrote the same {self.type} records at the same time; nothing "
                    "was written here",
                    hint="run it again",
                    reason="race",
                ) from error
            raise
        finally:
            cursor.close()


_RACES: Final = ("23503", "23505")
"""Postgres's foreign key and unique violations: what was looked up a moment ago has changed."""

SEEN: Final = sa.Table(
    "segctl_seen",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("line", sa.BigInteger),
)
"""The temporary table of what `seen` knows."""
