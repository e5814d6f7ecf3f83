"""What contacts did: counts of events in a window, and the first or last event."""

import sqlalchemy as sa

from segctl.catalog import ObjectType, ValueType
from segctl.conditions.nodes import (
    Edge,
    EventCount,
    EventEdge,
    NumberVersus,
    Order,
    Times,
    TimeTest,
)
from segctl.conditions.sql.keys import new_row, own_id
from segctl.conditions.sql.related import Inside, Related, counted_term
from segctl.conditions.sql.scope import Row, Scope, Value
from segctl.conditions.sql.terms import FALSE, Clause, Term, all_of
from segctl.conditions.sql.times import interval_term, time_term
from segctl.conditions.time import Interval, intervals

_ORDERS = {
    Times.AT_LEAST: Order.GE,
    Times.AT_MOST: Order.LE,
    Times.MORE_THAN: Order.GT,
    Times.FEWER_THAN: Order.LT,
    Times.EXACTLY: Order.EQ,
}


def event_count_term(node: EventCount, row: Row, scope: Scope, inside: Inside) -> Term:
    related, event = _named(node.name, row, scope)
    inner = inside(node.where, event)
    if node.window is not None:
        inner = all_of([time_term(node.window, _occurred_at(event), scope), inner])
    return counted_term(related, inner, NumberVersus(_ORDERS[node.times], node.number), scope)


def event_edge_term(node: EventEdge, row: Row, scope: Scope, inside: Inside) -> Term:
    related, event = _named(node.name, row, scope)
    where = inside(node.where, event)
    if node.when is not None:
        return _edge_time(node.edge, node.when, related, event, where, scope)
    return _edge_event(node, related, event, where, scope, inside)


def _named(name: str, row: Row, scope: Scope) -> tuple[Related, Row]:
    """The events of that name, of the contact in scope."""
    event = new_row(ObjectType.EVENT, scope)
    named = event.table.c.name == name
    return Related(event.table, event.table.c.contact_id, own_id(row), (named,), event), event


def _occurred_at(event: Row) -> Value:
    return Value(event.table.c.occurred_at, ValueType.DATETIME)


def _edge_time(
    edge: Edge, when: TimeTest, related: Related, event: Row, where: Term, scope: Scope
) -> Term:
    """When the first or last event was.

    The last one lies in an interval if the last of those since its start is not after its end, so
    older events need not be read; the first one likewise.
    """
    at = _occurred_at(event)
    outermost = sa.func.min if edge is Edge.FIRST else sa.func.max
    found = Value(outermost(at.sql, type_=at.sql.type), ValueType.DATETIME)
    spans = [one for one in intervals(when, at.kind, scope.clock) if not one.empty]
    if not spans or where is FALSE:
        return FALSE
    if len(spans) > 1:
        return related.keys(where, time_term(when, found, scope)).hold(related.owner, scope)
    (span,) = spans
    near, far = Interval(None, span.high), Interval(span.low, None)
    if edge is Edge.LAST:
        near, far = far, near
    inner = where if near == _ANY_TIME else all_of([interval_term(near, at), where])
    having = None if far == _ANY_TIME else interval_term(far, found)
    return related.keys(inner, having).hold(related.owner, scope)


_ANY_TIME = Interval(None, None)


def _edge_event(
    node: EventEdge, related: Related, event: Row, where: Term, scope: Scope, inside: Inside
) -> Term:
    """What the first or last event was: one that satisfies both, with none beyond it."""
    having = inside(node.having, event)
    inner = all_of([where, having])
    if inner is FALSE:
        return FALSE
    _, other = _named(node.name, event, scope)
    mine, others = event.table.c, other.table.c
    place, other_place = (
        sa.tuple_(mine.occurred_at, mine.id),
        sa.tuple_(others.occurred_at, others.id),
    )
    beyond = other_place < place if node.edge is Edge.FIRST else other_place > place
    clauses: list[Clause] = [
        others.contact_id == mine.contact_id,
        others.name == node.name,
        beyond,
        inside(node.where, other).sql,
    ]
    one: sa.Select[tuple[int]] = (
        sa.select(sa.literal_column("1")).select_from(other.table).where(*clauses)
    )
    alone = ~sa.exists(one.correlate(event.table))
    edge = Term(alone, inner.cost + where.cost + 10, where.stack + 14)
    return related.keys(all_of([inner, edge])).hold(related.owner, scope)
