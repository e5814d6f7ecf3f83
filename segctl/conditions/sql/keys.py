"""Sets of ids, and whether a column's value lies in one: how related records are asked about.

SQLite makes an uncorrelated set once and probes it for each row; Postgres turns EXISTS into a join
and never does so for NOT IN. Where few records are asked about, both look for each.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from segctl.catalog import ObjectType, Relation
from segctl.conditions.sql.scope import Row, Scope
from segctl.conditions.sql.terms import TOO_DEEP, Sql, Term, is_not_true

_COST = 30
_STACK = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A column that holds an id: a record's own (never NULL), or of the record it points to."""

    sql: Sql
    table: sa.FromClause
    nullable: bool


@dataclass(frozen=True, slots=True)
class Keys:
    """A set of ids, none of them NULL: a SELECT of one column, `key`.

    `grouped` says that it has a GROUP BY, so nothing can be added to its WHERE.
    """

    select: sa.Select[Any]
    key: Sql
    inner: Term
    grouped: bool = False

    def hold(self, column: Column, scope: Scope) -> Term:
        """Whether the column's value is one of the ids; NULL is none."""
        cost = self.inner.cost + (2 * _COST if self.grouped else _COST)
        stack = self.inner.stack + _STACK
        if not scope.sqlite or (scope.few and stack <= TOO_DEEP):
            found = sa.exists(self._beside(column, scope))
            return Term(found, cost, stack, opposite=~found)
        select: sa.Select[Any] = self.select
        if stack > TOO_DEEP:
            cte = select.correlate(None).cte()
            select, stack = sa.select(next(iter(cte.c))), _STACK
        inside = column.sql.in_(select)
        outside = is_not_true(inside) if column.nullable else column.sql.not_in(select)
        return Term(inside, cost, stack, opposite=outside)

    def _beside(self, column: Column, scope: Scope) -> sa.Select[Any]:
        """SELECT 1 of the rows that carry the column's value."""
        one: Sql = sa.literal_column("1")
        if self.grouped and not scope.few:
            grouped = self.select.correlate(None).subquery()
            found = sa.select(one).select_from(grouped).where(next(iter(grouped.c)) == column.sql)
        else:
            found = self.select.with_only_columns(one).where(self.key == column.sql)
        return found.correlate(column.table)


def own_id(row: Row) -> Column:
    return Column(row.table.c.id, row.table, nullable=False)


def pointer(row: Row, relation: Relation) -> Column:
    """The column of a relation to one."""
    return Column(row.table.c[relation.column], row.table, nullable=True)


def new_row(type: ObjectType, scope: Scope) -> Row:
    """A row of a table of its own, whatever else is in scope."""
    return Row(type, scope.tables.record(type).alias())
