"""Whether one record satisfies a condition: the plainest reading of the tree.

Looking a value up (`value_of`, `related`, `occurrences`) is apart from testing it (`passes`), so
that an explanation can show both what was found and what was asked of it. Truth is two-valued: a
test of a missing value is false, and Not is the exact complement.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
import datetime as dt
from functools import lru_cache
import math
import operator
from typing import Protocol, assert_never

from segctl.catalog import RELATIONS, STANDARD, Attribute, ObjectType, Relation, ValueType
from segctl.conditions.fold import fold
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Anniversary,
    Any,
    BetweenPoints,
    Comparison,
    Condition,
    Distance,
    Edge,
    EventCount,
    EventEdge,
    Everything,
    Field,
    Function,
    Has,
    HasMode,
    InSegment,
    IsFalse,
    IsSet,
    IsTrue,
    Item,
    Link,
    Many,
    Matches,
    Not,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Operand,
    Or,
    Order,
    Part,
    Period,
    Rolling,
    Test,
    TextIn,
    TextPart,
    Times,
    TimeTest,
    Versus,
)
from segctl.conditions.pattern import to_re2
from segctl.conditions.time import Clock, intervals
from segctl.store.functions import searcher

Value = str | int | float | bool | dt.date | None
"""A single value; datetimes are dates to Python, and a boolean is never tested as a number."""


class Record(Protocol):
    """A record as conditions see it; whatever reads it decides where from, and when."""

    @property
    def type(self) -> ObjectType: ...

    @property
    def id(self) -> int: ...

    def value(self, attribute: Attribute) -> Value:
        """A single value, datetimes aware; None if missing or, of an event, of another type."""

    def items(self, attribute: Attribute) -> Sequence[str]:
        """The items of a multi-valued attribute."""

    def one(self, relation: Relation) -> "Record | None":
        """The record at the other end of a to-one relation."""

    def many(self, relation: Relation) -> Iterable["Record"]:
        """The records at the other end of a to-many relation, in any order."""

    def is_member(self, segment: int) -> bool:
        """Whether it is a stored member of a segment of its type."""


@dataclass(frozen=True, slots=True)
class OneItem:
    """What is in scope inside the brackets of a multi-valued attribute."""

    item: str


Scope = Record | OneItem

_OCCURRED_AT = STANDARD[ObjectType.EVENT]["occurred_at"]
_EVENT_NAME = STANDARD[ObjectType.EVENT]["name"]


def holds(condition: Condition, record: Scope, clock: Clock) -> bool:
    """Whether the record satisfies the condition at the clock."""
    match condition:
        case Everything():
            return True
        case And(items):
            return all(holds(item, record, clock) for item in items)
        case Or(items):
            return any(holds(item, record, clock) for item in items)
        case Not(item):
            return not holds(item, record, clock)
        case Comparison(operand, test):
            return passes(test, value_of(operand, record, clock), kind_of(operand), clock)
        case Any(many, where):
            return any(True for _ in satisfying(related(many, record), where, clock))
        case EventCount(name, where, times, number, window):
            events = occurrences(name, where, record, clock)
            return enough(times, sum(_falls(window, event, clock) for event in events), number)
        case EventEdge(edge, name, where, when, having):
            event = edge_event(edge, occurrences(name, where, record, clock))
            if event is None or not _falls(when, event, clock):
                return False
            return having is None or holds(having, event, clock)
        case InSegment(hops, _, _, segment):
            reached = reach(hops, _record(record))
            return reached is not None and reached.is_member(segment)
        case _:
            assert_never(condition)


# ---------------------------------------------------------------- looking up


def value_of(operand: Operand, scope: Scope, clock: Clock) -> Value | Sequence[str]:
    """What the operand stands for: None if missing, items for a multi-valued attribute.

    For a relation it is the id of the record that it leads to.
    """
    match operand:
        case Item():
            assert isinstance(scope, OneItem)
            return scope.item
        case Field(hops, attribute):
            reached = reach(hops, _record(scope))
            if attribute.kind.many:
                return reached.items(attribute) if reached else ()
            return reached.value(attribute) if reached else None
        case Link(hops):
            reached = reach(hops, _record(scope))
            return reached.id if reached else None
        case Aggregate(function, many, attribute, where):
            found = satisfying(related(many, scope), where, clock)
            if attribute is None:
                return sum(1 for _ in found)
            values = [
                value for one in found if (value := _record(one).value(attribute)) is not None
            ]
            return _aggregated(function, values)
        case _:
            assert_never(operand)


def kind_of(operand: Operand) -> ValueType:
    """The type of what `value_of` gives; that of a relation is never looked at."""
    match operand:
        case Item():
            return ValueType.STRING
        case Field(_, attribute):
            return attribute.kind
        case Link():
            return ValueType.INTEGER
        case Aggregate(function, _, attribute, _):
            if attribute is None:
                return ValueType.INTEGER
            return ValueType.FLOAT if function is Function.AVG else attribute.kind
        case _:
            assert_never(operand)


def reach(hops: Sequence[Relation], record: Record) -> Record | None:
    """The record that to-one hops lead to."""
    reached: Record | None = record
    for hop in hops:
        if reached is None:
            return None
        reached = reached.one(hop)
    return reached


def related(many: Many | Field, scope: Scope) -> Iterator[Scope]:
    """The records at the end of a to-many path, or the items of a multi-valued attribute."""
    reached = reach(many.hops, _record(scope))
    if reached is None:
        return
    match many:
        case Many(_, relation):
            yield from reached.many(relation)
        case Field(_, attribute):
            for item in reached.items(attribute):
                yield OneItem(item)
        case _:
            assert_never(many)


def satisfying(found: Iterable[Scope], where: Condition | None, clock: Clock) -> Iterator[Scope]:
    return (one for one in found if where is None or holds(where, one, clock))


def occurrences(name: str, where: Condition | None, scope: Scope, clock: Clock) -> Iterator[Record]:
    """The record's events of that name that satisfy `where`, in any order."""
    record = _record(scope)
    for event in record.many(RELATIONS[record.type]["events"]):
        if event.value(_EVENT_NAME) == name and (where is None or holds(where, event, clock)):
            yield event


def edge_event(edge: Edge, events: Iterable[Record]) -> Record | None:
    """The first or the last event; equal times are ordered by id."""
    timed = [(at, event.id, event) for event in events if (at := event.value(_OCCURRED_AT))]
    if not timed:
        return None
    choose = min if edge is Edge.FIRST else max
    return choose(timed, key=operator.itemgetter(0, 1))[2]


def _record(scope: Scope) -> Record:
    assert not isinstance(scope, OneItem)
    return scope


def _aggregated(function: Function, values: Sequence[Value]) -> Value:
    """Of the values that are there; `sum` of none is 0, the others of none are missing."""
    match function:
        case Function.COUNT:
            return len(values)
        case Function.SUM:
            total = _sum(values)
            return total if isinstance(total, int) else rounded(total)
        case Function.AVG:
            return rounded(_sum(values) / len(values)) if values else None
        case Function.MIN:
            return min(values, default=None)  # type: ignore[type-var]
        case Function.MAX:
            return max(values, default=None)  # type: ignore[type-var]
        case _:
            assert_never(function)


def _sum(values: Sequence[Value]) -> int | float:
    """Exact for integers; beyond the range of floats it is infinite."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if all(isinstance(number, int) for number in numbers):
        return sum(numbers)
    try:
        return math.fsum(numbers)
    except OverflowError:
        return sum(numbers)


_ROUNDED_BELOW = 4.5e9
"""From here on a double has no six decimals to round to."""


def rounded(number: float) -> float:
    """To 6 decimals, by the very arithmetic that the stores do, so that all agree."""
    if abs(number) < _ROUNDED_BELOW:
        return math.floor(number * 1e6 + 0.5) / 1e6
    return number


# ---------------------------------------------------------------- testing


def passes(test: Test, value: Value | Sequence[str], kind: ValueType, clock: Clock) -> bool:
    """Whether a value passes a test; a missing one passes none."""
    match test:
        case IsSet():
            return value is not None and (not isinstance(value, Sequence) or len(value) > 0)
        case IsTrue():
            return value is True
        case IsFalse():
            return value is False
        case TextIn() | TextPart() | Matches():
            return isinstance(value, str) and _text_passes(test, value)
        case NumberVersus() | NumberBetween() | NumberIn():
            return isinstance(value, int | float) and _number_passes(test, value)
        case Has(mode, items):
            assert isinstance(value, Sequence)
            assert not isinstance(value, str)
            return _has(mode, items, value)
        case Rolling() | Distance() | Period() | Versus() | BetweenPoints() | Anniversary():
            return isinstance(value, dt.date) and _time_passes(test, value, kind, clock)
        case _:
            assert_never(test)


def _text_passes(test: TextIn | TextPart | Matches, value: str) -> bool:
    match test:
        case TextIn(values, ignoring_case=False):
            return value in values
        case TextIn(values):
            return fold(value) in map(fold, values)
        case TextPart(Part.CONTAINS, text):
            return fold(text) in fold(value)
        case TextPart(Part.STARTS, text):
            return fold(value).startswith(fold(text))
        case TextPart(Part.ENDS, text):
            return fold(value).endswith(fold(text))
        case Matches(pattern):
            return _searcher(pattern)(value)
        case _:
            raise AssertionError(test)


@lru_cache(maxsize=64)
def _searcher(pattern: str) -> Callable[[str], bool]:
    return searcher(to_re2(pattern))


_ORDERS = {
    Order.LT: operator.lt,
    Order.LE: operator.le,
    Order.EQ: operator.eq,
    Order.GE: operator.ge,
    Order.GT: operator.gt,
}


def _number_passes(test: NumberVersus | NumberBetween | NumberIn, value: int | float) -> bool:
    """Compared mathematically: Python compares an int with a float without rounding either."""
    match test:
        case NumberVersus(order, number):
            return bool(_ORDERS[order](value, number))
        case NumberBetween(low, high):
            return low <= value <= high
        case NumberIn(values):
            return value in values
        case _:
            assert_never(test)


def _has(mode: HasMode, wanted: Sequence[str], items: Sequence[str]) -> bool:
    match mode:
        case HasMode.ANY:
            return not set(wanted).isdisjoint(items)
        case HasMode.ALL:
            return set(wanted).issubset(items)
        case HasMode.ONLY:
            return bool(items) and set(wanted).issuperset(items)
        case _:
            assert_never(mode)


def _time_passes(test: TimeTest, value: dt.date, kind: ValueType, clock: Clock) -> bool:
    return any(value in interval for interval in intervals(test, kind, clock))


def _falls(window: TimeTest | None, event: Record, clock: Clock) -> bool:
    return window is None or passes(window, event.value(_OCCURRED_AT), ValueType.DATETIME, clock)


def enough(times: Times, found: int, number: int) -> bool:
    """Whether so many occurrences are as many as were asked for."""
    match times:
        case Times.AT_LEAST:
            return found >= number
        case Times.AT_MOST:
            return found <= number
        case Times.MORE_THAN:
            return found > number
        case Times.FEWER_THAN:
            return found < number
        case Times.EXACTLY:
            return found == number
        case _:
            assert_never(times)
