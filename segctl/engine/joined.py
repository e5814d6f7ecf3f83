"""Who enters and who leaves on Postgres, in one statement.

A full join and not two anti-joins: the condition is evaluated once, and the planner cannot choose
the nested loop that a wrong estimate would make endless.
"""

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.conditions.nodes import Condition
from segctl.conditions.sql import Scope, matching


def found(condition: Condition, type: ObjectType, scope: Scope) -> sa.CTE:
    """The ids that satisfy the condition, evaluated once."""
    return matching(condition, type, scope).cte("found").prefix_with("MATERIALIZED")


def difference(found: sa.CTE, member: sa.Table, segment: int) -> sa.CTE:
    """(entered_id, left_id, since): a row a change, one of the ids is NULL.

    `since` is the run that let in the record that leaves.
    """
    stored = (
        sa.select(member.c.record_id, member.c.recalculation_id)
        .where(member.c.segment_id == segment)
        .subquery("stored")
    )
    return (
        sa.select(
            found.c.id.label("entered_id"),
            stored.c.record_id.label("left_id"),
            stored.c.recalculation_id.label("since"),
        )
        .select_from(found.join(stored, stored.c.record_id == found.c.id, full=True))
        .where(sa.or_(found.c.id.is_(None), stored.c.record_id.is_(None)))
        .cte("difference")
        .prefix_with("MATERIALIZED")
    )
