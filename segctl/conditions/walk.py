"""What a condition is made of and what it reads."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_never

from segctl.catalog import RELATIONS, STANDARD, Attribute, ObjectType, Relation
from segctl.conditions.nodes import (
    Aggregate,
    Anchor,
    And,
    Anniversary,
    Any,
    BetweenPoints,
    Comparison,
    Condition,
    Day,
    Distance,
    EventCount,
    EventEdge,
    Everything,
    Field,
    InSegment,
    Instant,
    Item,
    Link,
    Many,
    Not,
    Operand,
    Or,
    Period,
    Point,
    Rolling,
    Test,
    TimeTest,
    Versus,
)

if TYPE_CHECKING:
    from typing_extensions import TypeIs

_EVENTS = RELATIONS[ObjectType.CONTACT]["events"]
_EVENT_NAME = STANDARD[ObjectType.EVENT]["name"]
_OCCURRED_AT = STANDARD[ObjectType.EVENT]["occurred_at"]


def children(condition: Condition) -> tuple[Condition, ...]:
    """The conditions directly inside, those about related records and events included."""
    match condition:
        case And(items) | Or(items):
            return items
        case Not(item):
            return (item,)
        case Comparison(Aggregate(where=where)) | Any(_, where) | EventCount(where=where):
            return () if where is None else (where,)
        case EventEdge(where=where, having=having):
            return tuple(inner for inner in (where, having) if inner is not None)
        case Comparison() | InSegment() | Everything():
            return ()
        case _:
            assert_never(condition)


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and everything inside it, each before its children, from left to right."""
    yield condition
    for child in children(condition):
        yield from walk(child)


def attributes(condition: Condition) -> set[Attribute]:
    """All attributes that it reads, of every type.

    Event forms read the event's name, and its time where they ask for it.
    """
    found: set[Attribute] = set()
    for node in walk(condition):
        match node:
            case Comparison(operand):
                found |= _operand_attributes(operand)
            case Any(Field(attribute=attribute)):
                found.add(attribute)
            case EventCount(window=window):
                found |= {_EVENT_NAME} if window is None else {_EVENT_NAME, _OCCURRED_AT}
            case EventEdge():
                found |= {_EVENT_NAME, _OCCURRED_AT}
    return found


def relations(condition: Condition) -> set[Relation]:
    """All relations that it follows; event forms follow contact.events."""
    found: set[Relation] = set()
    for node in walk(condition):
        match node:
            case Comparison(operand):
                found |= _operand_relations(operand)
            case Any(many):
                found |= _operand_relations(many)
            case InSegment(hops):
                found.update(hops)
            case EventCount() | EventEdge():
                found.add(_EVENTS)
    return found


def segments(condition: Condition) -> set[int]:
    """The ids of the segments that it refers to."""
    return {node.segment for node in walk(condition) if isinstance(node, InSegment)}


def time_tests(condition: Condition) -> Iterator[TimeTest]:
    """Every test of a date or datetime, windows of events included."""
    for node in walk(condition):
        match node:
            case Comparison(_, test) if is_time_test(test):
                yield test
            case EventCount(window=test) | EventEdge(when=test) if test is not None:
                yield test


def has_time_forms(condition: Condition) -> bool:
    """Whether the workspace's zone or the clock takes part: it has any test of time at all."""
    return any(True for _ in time_tests(condition))


def moves_with_time(condition: Condition) -> bool:
    """Whether a record can come to satisfy it, or cease to, by the passing of time alone."""
    return any(_moves(test) for test in time_tests(condition))


def is_time_test(test: Test) -> "TypeIs[TimeTest]":
    return isinstance(test, Rolling | Distance | Period | Versus | BetweenPoints | Anniversary)


def _moves(test: TimeTest) -> bool:
    match test:
        case Rolling() | Distance() | Period():
            return True
        case Versus(_, point):
            return _point_moves(point)
        case BetweenPoints(low, high):
            return _point_moves(low) or _point_moves(high)
        case Anniversary(inner):
            return _moves(inner)
        case _:
            assert_never(test)


def _point_moves(point: Point) -> bool:
    match point:
        case Day(base) | Instant(base):
            return isinstance(base, Anchor)
        case _:
            assert_never(point)


def _operand_attributes(operand: Operand) -> set[Attribute]:
    match operand:
        case Field(attribute=attribute):
            return {attribute}
        case Aggregate(many=many, attribute=attribute):
            found = {many.attribute} if isinstance(many, Field) else set()
            return found | ({attribute} if attribute else set())
        case Link() | Item():
            return set()
        case _:
            assert_never(operand)


def _operand_relations(operand: Operand | Many) -> set[Relation]:
    match operand:
        case Field(hops=hops) | Link(hops):
            return set(hops)
        case Many(hops, relation):
            return {*hops, relation}
        case Aggregate(many=many):
            return _operand_relations(many)
        case Item():
            return set()
        case _:
            assert_never(operand)
