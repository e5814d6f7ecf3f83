"""Record tables: one per object type with real columns, made from a catalog.

These are SQLAlchemy Core tables, because custom attributes are columns and so no class can name
them. They serve queries and writes; the CHECKs that hold the stored form are added by ddl.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from segctl.catalog import (
    RELATIONS,
    SEGMENT_TYPES,
    Attribute,
    Catalog,
    ObjectType,
    Relation,
    Storage,
    ValueType,
)
from segctl.store.types import Day, Instant, Json

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Compares and sorts by code point on both stores, whatever the locale of the server."""

Checks = Callable[[str, str, Attribute | None], Iterable[sa.CheckConstraint]]
"""Table name, column name and the attribute that it keeps, if any -> the CHECKs of the column."""

RECORD_TYPES: tuple[ObjectType, ...] = tuple(ObjectType)
"""The seven tables of records, the event included."""


def column_type(kind: ValueType) -> sa.types.TypeEngine[Any]:
    """The column type of a single-valued attribute (or of one item of a multi-valued one)."""
    match kind:
        case ValueType.STRING | ValueType.CHOICE | ValueType.MULTICHOICE | ValueType.TAGS:
            return Text
        case ValueType.INTEGER:
            return sa.BigInteger()
        case ValueType.FLOAT:
            return sa.Double()
        case ValueType.BOOLEAN:
            return sa.Boolean()
        case ValueType.DATE:
            return Day()
        case ValueType.DATETIME:
            return Instant()


def to_one(type: ObjectType) -> tuple[Relation, ...]:
    """The relations that are a column of the type's own table."""
    return tuple(r for r in RELATIONS[type].values() if r.storage is Storage.COLUMN)


def columns(catalog: Catalog, type: ObjectType) -> tuple[Attribute, ...]:
    """The attributes that are columns of the type's table: single-valued; of events, standard."""
    return tuple(
        a
        for a in catalog.attributes[type].values()
        if not a.kind.many and (a.standard or type is not ObjectType.EVENT)
    )


@dataclass(frozen=True, eq=False)
class RecordTables:
    """The tables of one catalog. Compares by identity; `record_tables` gives one per catalog."""

    catalog: Catalog
    metadata: sa.MetaData

    def record(self, type: ObjectType) -> sa.Table:
        """`contact`, …, `event`: id, external_id, attributes, `<relation>_id` of relations to one.

        An event has name, occurred_at, contact_id, product_id and `attributes`, a JSON object.
        """
        return self.metadata.tables[type.value]

    def item(self, type: ObjectType) -> sa.Table:
        """`<type>_item(attribute, item, record_id)`: the items of multi-valued attributes."""
        return self.metadata.tables[f"{type}_item"]

    def link(self) -> sa.Table:
        """`deal_product(deal_id, product_id)`."""
        return self.metadata.tables["deal_product"]

    def member(self, type: ObjectType) -> sa.Table:
        """`<type>_member(segment_id, record_id, recalculation_id)`."""
        return self.metadata.tables[f"{type}_member"]

    def trace(self) -> sa.Table:
        """What was written, by whatever program; see triggers.py."""
        return self.metadata.tables["trace"]


@lru_cache(maxsize=16)
def record_tables(catalog: Catalog) -> RecordTables:
    """The tables of a catalog, made once."""
    return make_tables(catalog, lambda table, column, attribute: ())


def make_tables(catalog: Catalog, checks: Checks) -> RecordTables:
    """The tables of a catalog, with CHECKs: what ddl.py renders."""
    metadata = sa.MetaData()
    for type in RECORD_TYPES:
        _record(metadata, catalog, type, checks)
    for type in SEGMENT_TYPES:
        _item(metadata, type, checks)
        _member(metadata, type)
    sa.Table(
        "deal_product",
        metadata,
        _reference("deal_id", ObjectType.DEAL),
        _reference("product_id", ObjectType.PRODUCT),
        sa.Index("deal_product_product_id", "product_id", "deal_id"),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "trace",
        metadata,
        sa.Column("id", Key, sa.Identity(), primary_key=True),
        sa.Column("object_type", sa.Text, nullable=False),
        sa.Column("record_id", Key),
        sa.Column("relation", sa.Text),
        sa.Column("old_id", Key),
        sa.Column("new_id", Key),
        sqlite_autoincrement=True,
    )
    return RecordTables(catalog, metadata)


def _record(metadata: sa.MetaData, catalog: Catalog, type: ObjectType, checks: Checks) -> None:
    event = type is ObjectType.EVENT
    parts: list[sa.schema.SchemaItem] = [sa.Column("id", Key, sa.Identity(), primary_key=True)]
    parts += (
        sa.Column(
            attribute.name,
            column_type(attribute.kind),
            *checks(type.value, attribute.name, attribute),
            unique=attribute.name == "external_id" or None,
            nullable=not (event and attribute.name in ("name", "occurred_at")),
        )
        for attribute in columns(catalog, type)
    )
    for relation in to_one(type):
        owner = event and relation.target is ObjectType.CONTACT
        parts.append(
            sa.Column(
                relation.column,
                Key,
                sa.ForeignKey(f"{relation.target}.id", ondelete="CASCADE" if owner else "SET NULL"),
                nullable=not owner,
            )
        )
        if not owner:  # event(contact_id, name, occurred_at) serves the contact of an event
            parts.append(sa.Index(f"{type}_{relation.column}", relation.column))
    if event:
        parts += (
            sa.Column(
                "attributes",
                Json(),
                *checks(type.value, "attributes", None),
                nullable=False,
                server_default="{}",
            ),
            sa.Index("event_contact_id", "contact_id", "name", "occurred_at"),
            sa.Index("event_name", "name", "occurred_at", "contact_id"),
        )
    sa.Table(type.value, metadata, *parts, sqlite_autoincrement=True)


def _item(metadata: sa.MetaData, type: ObjectType, checks: Checks) -> None:
    name = f"{type}_item"
    sa.Table(
        name,
        metadata,
        sa.Column("attribute", Text, *checks(name, "attribute", None), primary_key=True),
        sa.Column("item", Text, *checks(name, "item", None), primary_key=True),
        _reference("record_id", type),
        sa.Index(f"{name}_record_id", "record_id", "attribute"),
        sqlite_with_rowid=False,
    )


def _reference(name: str, type: ObjectType) -> sa.Column[int]:
    """A part of a key that goes with the record it names."""
    foreign = sa.ForeignKey(f"{type}.id", ondelete="CASCADE")
    return sa.Column(name, Key, foreign, primary_key=True, autoincrement=False)


def _member(metadata: sa.MetaData, type: ObjectType) -> None:
    sa.Table(
        f"{type}_member",
        metadata,
        sa.Column("segment_id", Key, primary_key=True, autoincrement=False),
        sa.Column("record_id", Key, primary_key=True, autoincrement=False),
        sa.Column("recalculation_id", Key, nullable=False),
        sqlite_with_rowid=False,
    )
