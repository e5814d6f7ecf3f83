"""Stored members against a condition, looked at and not changed."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.conditions.nodes import Condition
from segctl.conditions.sql import Scope
from segctl.engine import joined, temporary
from segctl.engine.interruption import interruptible


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many satisfy the condition, would enter and would leave."""

    found: int
    entered: int
    left: int


def sizes(
    session: Session, condition: Condition, type: ObjectType, segment: int, scope: Scope
) -> Sizes:
    """What a recalculation would count."""
    member = scope.tables.member(type)
    if scope.sqlite:
        with interruptible(session):
            found = temporary.find(session, condition, type, scope)
            return Sizes(found, *temporary.compare(session, member, segment))
    ids = joined.found(condition, type, scope)
    rows = joined.difference(ids, member, segment)
    total = sa.select(sa.func.count()).select_from(ids).scalar_subquery()
    statement = sa.select(total, sa.func.count(rows.c.entered_id), sa.func.count(rows.c.left_id))
    row = session.execute(statement).one()
    return Sizes(row[0], row[1], row[2])


def changes(
    session: Session, condition: Condition, type: ObjectType, segment: int, scope: Scope
) -> sa.Subquery:
    """(record_id, entered): who would enter and who would leave, for a query of this session."""
    member = scope.tables.member(type)
    if scope.sqlite:
        with interruptible(session):
            temporary.find(session, condition, type, scope)
            temporary.compare(session, member, segment)
        entered, left = temporary.entered, temporary.left
        return sa.union_all(
            sa.select(entered.c.id.label("record_id"), sa.true().label("entered")),
            sa.select(left.c.id, sa.false()),
        ).subquery("changes")
    rows = joined.difference(joined.found(condition, type, scope), member, segment)
    return sa.select(
        sa.func.coalesce(rows.c.entered_id, rows.c.left_id).label("record_id"),
        rows.c.left_id.is_(None).label("entered"),
    ).subquery("changes")
