"""Records as rows of chosen columns, streamed in the order of their ids."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import datetime as dt
from itertools import islice
from typing import Any, Final, assert_never

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import (
    RELATIONS,
    Attribute,
    Catalog,
    ObjectType,
    Relation,
    Storage,
    ValueType,
    did_you_mean,
)
from segctl.errors import NotFound, UsageError
from segctl.store.records import RecordTables

BATCH: Final = 2_000
"""Rows that are fetched together, with their items and links."""

ID: Final = "id"

Where = Callable[[sa.FromClause], sa.ColumnElement[bool]]
"""A condition on the record table, or an alias of it."""


@dataclass(frozen=True, slots=True)
class RecordColumn:
    """A column of a listing: an attribute, a relation, or (both are None) the id.

    `hops` are the to-one relations of a path such as `company.industry`.
    """

    name: str
    hops: tuple[Relation, ...] = ()
    attribute: Attribute | None = None
    relation: Relation | None = None

    @property
    def kind(self) -> ValueType:
        """The type of its values; ids and names of related records are a number and text."""
        if self.attribute is not None:
            return self.attribute.kind
        if self.relation is not None:
            return ValueType.TAGS if self.relation.to_many else ValueType.STRING
        return ValueType.INTEGER


def every_column(catalog: Catalog, type: ObjectType) -> tuple[RecordColumn, ...]:
    """All attributes of a type and the relations that it keeps, in the catalog's order."""
    names = list(catalog.attributes[type])
    names += [r.name for r in _kept_relations(catalog, type)]
    return record_columns(catalog, type, names)


def record_columns(
    catalog: Catalog, type: ObjectType, names: Sequence[str]
) -> tuple[RecordColumn, ...]:
    """The columns of those names; NotFound or UsageError for one that cannot be shown."""
    return tuple(_column(catalog, type, name) for name in names)


def read_records(
    session: Session,
    tables: RecordTables,
    type: ObjectType,
    columns: Sequence[RecordColumn],
    *,
    where: Where | None = None,
    limit: int | None = None,
    by_time: bool = False,
) -> Iterator[dict[str, Any]]:
    """Rows `{"id": …, column: value}`, by id or (events) by time; memory does not grow with them.

    Related records stand as their external id, or as `#12` where they have none; items and related
    products as sorted lists.
    """
    table = tables.record(type).alias("record")
    query = _Query(tables, table)
    own = [c for c in columns if c.attribute is not None and _in_json(c.attribute)]
    many = [c for c in columns if c not in own and c.kind.many]
    single = [c for c in columns if c not in own and c not in many]
    values = [query.value(column) for column in single]
    if own:
        values.append(table.c.attributes)
    statement = sa.select(table.c.id, *values).select_from(query.source)
    if where is not None:
        statement = statement.where(where(table))
    order = (table.c.occurred_at, table.c.id) if by_time else (table.c.id,)
    streamed = {"yield_per": BATCH, "stream_results": True}
    result = session.execute(statement.order_by(*order).limit(limit), execution_options=streamed)
    rows = iter(result)
    while batch := list(islice(rows, BATCH)):
        found = {column.name: _lists(session, tables, column, batch) for column in many}
        for row in batch:
            record = {column.name: value for column, value in zip(single, row[1:], strict=False)}
            for name, lists in found.items():
                record[name] = lists.get(row[0], [])
            for column in own:
                record[column.name] = _json_value(column, row[-1])
            yield {ID: row[0], **{column.name: record[column.name] for column in columns}}


def count_records(
    session: Session, tables: RecordTables, type: ObjectType, where: Where | None = None
) -> int:
    """How many records satisfy the condition."""
    table = tables.record(type).alias("record")
    statement = sa.select(sa.func.count()).select_from(table)
    if where is not None:
        statement = statement.where(where(table))
    return int(session.execute(statement).scalar_one())


@dataclass
class _Query:
    """The record table joined with what to-one paths lead to."""

    tables: RecordTables
    table: sa.FromClause
    _reached: dict[tuple[Relation, ...], sa.FromClause] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.source: sa.FromClause = self.table

    def value(self, column: RecordColumn) -> sa.ColumnElement[Any]:
        """The expression of a column that has one value."""
        if column.relation is not None:
            there = self._reach((*column.hops, column.relation))
            return external_name(there).label(column.name)
        here = self._reach(column.hops)
        if column.attribute is None:
            return here.c.id.label("record_number")
        return here.c[column.attribute.name].label(column.name)

    def _reach(self, hops: tuple[Relation, ...]) -> sa.FromClause:
        if not hops:
            return self.table
        if hops not in self._reached:
            before = self._reach(hops[:-1])
            there = self.tables.record(hops[-1].target).alias(f"r{len(self._reached)}")
            self.source = self.source.outerjoin(there, there.c.id == before.c[hops[-1].column])
            self._reached[hops] = there
        return self._reached[hops]


def external_name(table: sa.FromClause) -> sa.ColumnElement[str]:
    """How a record is named: by its external id, or `#12` if it has none; NULL for no record."""
    number = sa.literal("#").concat(sa.cast(table.c.id, sa.Text))
    return sa.func.coalesce(table.c.external_id, number, type_=sa.Text())


def _column(catalog: Catalog, type: ObjectType, name: str) -> RecordColumn:
    if name == ID:
        return RecordColumn(name)
    *path, last = name.split(".")
    hops: list[Relation] = []
    here = type
    for step in path:
        relation = catalog.relation(here, step)
        if relation is None:
            raise _unknown(catalog, here, step)
        if relation.to_many:
            raise UsageError(f'"{name}" leads to several {relation.name}; a column has one value')
        hops.append(relation)
        here = relation.target
    attribute = catalog.attributes[here].get(last)
    if attribute is not None:
        if attribute.kind.many and hops:
            raise UsageError(f'"{name}" has several values; a column has one')
        return RecordColumn(name, tuple(hops), attribute)
    relation = catalog.relation(here, last)
    if relation is None:
        raise _unknown(catalog, here, last)
    if relation.storage is Storage.CHILD or (relation.to_many and hops):
        raise UsageError(
            f'"{name}" leads to several {relation.name}; a column has one value',
            hint=f"list {relation.target} records with --where instead",
        )
    return RecordColumn(name, tuple(hops), relation=relation)


def _unknown(catalog: Catalog, type: ObjectType, name: str) -> NotFound:
    return NotFound(
        f'{type} has no attribute "{name}"', hint=did_you_mean(name, catalog.names(type))
    )


def _kept_relations(catalog: Catalog, type: ObjectType) -> list[Relation]:
    """To-one relations, and the products of a deal."""
    return [
        r
        for r in RELATIONS[type].values()
        if r.storage is Storage.COLUMN or (r.name == "products" and r.storage is Storage.LINK)
    ]


def _in_json(attribute: Attribute) -> bool:
    return attribute.type is ObjectType.EVENT and not attribute.standard


def _lists(
    session: Session, tables: RecordTables, column: RecordColumn, batch: Sequence[Any]
) -> Mapping[int, list[str]]:
    """Id: sorted items or external ids, for the rows of a batch that have some."""
    ids = [row[0] for row in batch]
    low, high = min(ids), max(ids)
    if column.attribute is not None:
        item = tables.item(column.attribute.type)
        statement = (
            sa.select(item.c.record_id, item.c.item)
            .where(item.c.attribute == column.attribute.name, item.c.record_id.between(low, high))
            .order_by(item.c.record_id, item.c.item)
        )
    else:
        assert column.relation is not None
        link = tables.link()
        near = link.c[f"{column.relation.source}_id"]
        far = link.c[f"{column.relation.target}_id"]
        there = tables.record(column.relation.target)
        name = external_name(there)
        statement = (
            sa.select(near, name)
            .join(there, there.c.id == far)
            .where(near.between(low, high))
            .order_by(near, name)
        )
    lists: dict[int, list[str]] = {}
    for record, value in session.execute(statement):
        lists.setdefault(record, []).append(value)
    return lists


def _json_value(column: RecordColumn, attributes: Mapping[str, Any] | None) -> Any:
    """The event attribute's value; None if it is missing or of another JSON type."""
    assert column.attribute is not None
    value = (attributes or {}).get(column.attribute.name)
    match column.attribute.kind:
        case ValueType.STRING | ValueType.CHOICE:
            return value if isinstance(value, str) else None
        case ValueType.INTEGER | ValueType.FLOAT:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return value if number else None
        case ValueType.BOOLEAN:
            return value if isinstance(value, bool) else None
        case ValueType.DATE | ValueType.DATETIME:
            if not isinstance(value, str):
                return None
            try:
                if column.attribute.kind is ValueType.DATE:
                    return dt.date.fromisoformat(value)
                return dt.datetime.fromisoformat(value)
            except ValueError:
                return None
        case ValueType.TAGS | ValueType.MULTICHOICE:
            raise TypeError(f"{column.attribute} has many values")
        case _:
            assert_never(column.attribute.kind)
