"""Where the bounds of a time form that moves with `now` can lie, seen from `now`.

A month has 28 to 31 days and a night may last an hour more or less, so a bound lies somewhere
within a span. Both spans are wide rather than exact: what is said to be outside is outside at
every clock between the years 1000 and 9000.
"""

from dataclasses import dataclass
from typing import assert_never

from segctl.catalog import ValueType
from segctl.conditions.nodes import (
    Anchor,
    Anniversary,
    BetweenPoints,
    Day,
    Direction,
    Distance,
    Instant,
    Order,
    Period,
    Point,
    Rolling,
    Shift,
    TimeTest,
    Unit,
    Versus,
    Which,
)
from segctl.conditions.ranges import Range

DAY = 86_400.0
_SECONDS = {
    Unit.SECOND: 1.0,
    Unit.MINUTE: 60.0,
    Unit.HOUR: 3600.0,
    Unit.DAY: DAY,
    Unit.WEEK: 7 * DAY,
    Unit.MONTH: 30.436875 * DAY,
    Unit.QUARTER: 91.310625 * DAY,
    Unit.YEAR: 365.2425 * DAY,
}
_SLACK = 2 * DAY
"""Zones change their offset by a day at most."""
_CALENDAR = 8 * DAY
"""By so much months and years differ from as many average ones."""
_FARTHEST = 500 * _SECONDS[Unit.YEAR]
"""Beyond it a bound may be cut off at the end of the calendar."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A place between `low` and `high` seconds after now; equal if it is exact."""

    low: float
    high: float

    def __add__(self, other: "_Span") -> "_Span":
        return _Span(self.low + other.low, self.high + other.high)

    @property
    def exact(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Offsets:
    """Two ranges of seconds after now: what passes is within `outer`, and `inner` is within it."""

    outer: Range
    inner: Range


def offsets(test: TimeTest, kind: ValueType) -> Offsets | None:
    """Where the values that pass lie; None if that cannot be told: absolute, far, recurring."""
    ends = _ends(test, kind)
    if ends is None:
        return None
    low, high = ends
    if any(end is not None and max(abs(end.at.low), abs(end.at.high)) > _FARTHEST for end in ends):
        return None
    outer = Range(
        low.at.low if low else None,
        high.at.high if high else None,
        low is not None and low.open and low.at.exact,
        high is not None and high.open and high.at.exact,
    )
    inner = Range(
        low.at.high if low else None,
        high.at.low if high else None,
        low is not None and (low.open or not low.at.exact),
        high is not None and (high.open or not high.at.exact),
    )
    return Offsets(outer, inner)


@dataclass(frozen=True, slots=True)
class _End:
    at: _Span
    open: bool = False


_NOW = _Span(0.0, 0.0)


def _ends(test: TimeTest, kind: ValueType) -> tuple[_End | None, _End | None] | None:
    match test:
        case Rolling(direction, amount, unit):
            bound = _moved(amount, unit, direction, kind)
            past = direction is Direction.LAST
            return (_End(bound), _End(_NOW)) if past else (_End(_NOW), _End(bound))
        case Distance(more, amount, unit, direction):
            bound = _moved(amount, unit, direction, kind)
            earlier = more == (direction is Direction.LAST)
            return (None, _End(bound, True)) if earlier else (_End(bound, True), None)
        case Period(which, unit):
            low, high = _period(which, unit)
            return _End(low), _End(high)
        case Versus(order, point):
            found = _point(point, kind)
            return None if found is None else _versus(order, *found)
        case BetweenPoints(first, last):
            start, end = _point(first, kind), _point(last, kind)
            if start is None or end is None:
                return None
            return _End(start[0]), _End(end[1])
        case Anniversary():
            return None
        case _:
            assert_never(test)


def _versus(order: Order, low: _Span, high: _Span) -> tuple[_End | None, _End | None]:
    match order:
        case Order.LT:
            return None, _End(low, True)
        case Order.LE:
            return None, _End(high)
        case Order.EQ:
            return _End(low), _End(high)
        case Order.GE:
            return _End(low), None
        case Order.GT:
            return _End(high, True), None
        case _:
            assert_never(order)


def _point(point: Point, kind: ValueType) -> tuple[_Span, _Span] | None:
    """The start and the end of a point; None if it does not move with now."""
    if not isinstance(point.base, Anchor):
        return None
    at = _NOW
    for shift in point.shifts:
        at = at + _shift(shift, kind)
    match point:
        case Instant():
            return at, at
        case Day(base):
            away = -DAY if base is Anchor.YESTERDAY else DAY if base is Anchor.TOMORROW else 0.0
            at = at + _Span(away, away)
            if kind is ValueType.DATE:
                return at, at
            return at + _Span(-DAY - _SLACK, _SLACK), at + _Span(-_SLACK, DAY + _SLACK)
        case _:
            assert_never(point)


def _shift(shift: Shift, kind: ValueType) -> _Span:
    direction = Direction.LAST if shift.amount < 0 else Direction.NEXT
    return _moved(abs(shift.amount), shift.unit, direction, kind)


def _moved(amount: int, unit: Unit, direction: Direction, kind: ValueType) -> _Span:
    """Now, moved. On a date whole days and weeks are exact, on an instant hours are."""
    seconds = amount * _SECONDS[unit]
    slack = 0.0
    if not unit.exact:
        slack = 0.0 if kind is ValueType.DATE else _SLACK
        if unit not in (Unit.DAY, Unit.WEEK):
            slack += _CALENDAR
    if direction is Direction.LAST:
        seconds = -seconds
    return _Span(seconds - slack, seconds + slack)


def _period(which: Which, unit: Unit) -> tuple[_Span, _Span]:
    """Where the first and the last moment of a period around now, before or after it lie."""
    length = _SECONDS[unit]
    slack = _SLACK + _CALENDAR
    shift = {Which.THIS: 0.0, Which.LAST: -length, Which.NEXT: length}[which]
    return (
        _Span(shift - length - slack, shift + slack),
        _Span(shift - slack, shift + length + slack),
    )
