"""What is around a condition, and what the names in it stand for."""

from dataclasses import dataclass

import sqlalchemy as sa

from segctl.catalog import ObjectType, ValueType
from segctl.conditions.sql.terms import Sql
from segctl.conditions.time import Clock
from segctl.store.records import RecordTables


@dataclass(frozen=True)
class Scope:
    """The tables, the store (`sqlite` or `postgresql`) and the frozen clock of an evaluation.

    `few` says that few records are asked about: what is related to each is looked up, and no set of
    all that is related to any record is made first.
    """

    tables: RecordTables
    dialect: str
    clock: Clock
    few: bool = False

    @property
    def sqlite(self) -> bool:
        return self.dialect == "sqlite"


@dataclass(frozen=True, slots=True)
class Row:
    """The record in scope: a row of its type's table, or of an alias of it."""

    type: ObjectType
    table: sa.FromClause


@dataclass(frozen=True, slots=True)
class ItemRow:
    """The item in scope inside the brackets of a multi-valued attribute."""

    item: Sql

    @property
    def value(self) -> "Value":
        return Value(self.item, ValueType.STRING)


Place = Row | ItemRow


@dataclass(frozen=True, slots=True)
class Value:
    """An SQL expression that is NULL where the value is missing, of the kind that tests expect."""

    sql: Sql
    kind: ValueType
    cost: int = 1
    stack: int = 4
