"""Time forms as closed intervals of the value.

Every test of a date or datetime becomes intervals of plain bounds, frozen at a clock, so SQL and
Python compare with the same bounds and neither knows a date function. Days and instants are whole
numbers here (days.py, instants.py) until a bound is finished.
"""

from dataclasses import dataclass
import datetime as dt
from functools import lru_cache
from typing import Protocol, assert_never
from zoneinfo import ZoneInfo

from segctl.catalog import ValueType
from segctl.conditions.anniversaries import anniversaries
from segctl.conditions.days import LAST_DAY, date_of, day_number, moved_day, period, shifted_day
from segctl.conditions.instants import (
    LAST_INSTANT,
    datetime_of,
    day_at,
    instant_number,
    instant_of_wall,
    moved_instant,
    start_of_day,
    wall_number,
)
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
    TimeTest,
    Unit,
    Versus,
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The frozen moment of an evaluation (aware, UTC) and the zone of the workspace."""

    now: dt.datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("now needs a zone")

    @property
    def today(self) -> dt.date:
        """The calendar day of `now` in the zone, within the years 1 to 9999."""
        return date_of(_today(self))


@dataclass(frozen=True, slots=True)
class Interval:
    """Values from `low` to `high`, both included; None is unbounded, low > high is empty.

    Bounds are dates for a date attribute and aware UTC datetimes for a datetime.
    """

    low: dt.date | None
    high: dt.date | None

    @property
    def empty(self) -> bool:
        return self.low is not None and self.high is not None and self.low > self.high

    def __contains__(self, value: dt.date) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@lru_cache(maxsize=4096)
def intervals(test: TimeTest, kind: ValueType, clock: Clock) -> tuple[Interval, ...]:
    """The values that pass `test` at `clock`.

    One interval, possibly an empty one, for every form but an anniversary; that gives ascending
    intervals with gaps between them (none if nothing can pass). `kind` is DATE or DATETIME.
    ValueError for what the parser refuses: hours or instants other than now on a date.
    """
    line = _line(kind, clock)
    match test:
        case Rolling(direction, amount, unit):
            low, high = sorted((line.now, line.moved(_signed(amount, direction), unit)))
            return (_closed(line, low, high),)
        case Distance(more, amount, unit, direction):
            # "more … ago" and "less … from now" lie before their bound, the other two after it.
            earlier = more == (direction is Direction.LAST)
            bound = line.moved(_signed(amount, direction), unit)
            return (_versus(line, Order.LT if earlier else Order.GT, bound, bound),)
        case Period(which, unit):
            return (_closed(line, *line.days(*period(which, unit, _today(clock)))),)
        case Versus(order, point):
            return (_versus(line, order, *line.point(point)),)
        case BetweenPoints(first, last):
            return (_closed(line, line.point(first)[0], line.point(last)[1]),)
        case Anniversary(inner):
            return _recurring(kind, clock.zone, *_anniversary_days(inner, clock))
        case _:
            assert_never(test)


def _signed(amount: int, direction: Direction) -> int:
    return -amount if direction is Direction.LAST else amount


# ---------------------------------------------------------------- points


def _today(clock: Clock) -> int:
    return day_at(instant_number(clock.now), clock.zone)


def _day_point(point: Day, clock: Clock) -> int:
    match point.base:
        case Anchor.TODAY | Anchor.NOW:
            day = _today(clock)
        case Anchor.YESTERDAY:
            day = _today(clock) - 1
        case Anchor.TOMORROW:
            day = _today(clock) + 1
        case dt.date():
            day = day_number(point.base)
        case _:
            assert_never(point.base)
    return shifted_day(day, point.shifts)


def _instant_point(point: Instant, clock: Clock) -> int:
    match point.base:
        case Anchor.NOW:
            instant = instant_number(clock.now)
        case dt.datetime() if point.base.tzinfo is not None:
            instant = instant_number(point.base)
        case dt.datetime():
            instant = instant_of_wall(wall_number(point.base), clock.zone)
        case _:
            raise ValueError(f"{point.base} is a day, not an instant")
    for shift in point.shifts:
        instant = moved_instant(instant, shift.amount, shift.unit, clock.zone)
    return instant


# ---------------------------------------------------------------- the line a value lies on


class _Line(Protocol):
    """Where values lie as whole numbers: days for a date, microseconds for a datetime."""

    last: int

    @property
    def now(self) -> int: ...

    def moved(self, amount: int, unit: Unit) -> int:
        """`now`, moved."""

    def point(self, point: Point) -> tuple[int, int]:
        """First and last position of a day or an instant, not yet clamped."""

    def days(self, first: int, last: int) -> tuple[int, int]:
        """First and last position of whole days."""

    def value(self, position: int) -> dt.date: ...


class _Days:
    """The line of a date attribute, for which now is today."""

    last = LAST_DAY

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @property
    def now(self) -> int:
        return _today(self.clock)

    def moved(self, amount: int, unit: Unit) -> int:
        return moved_day(self.now, amount, unit)

    def point(self, point: Point) -> tuple[int, int]:
        match point:
            case Day():
                day = _day_point(point, self.clock)
            case Instant(Anchor.NOW, shifts):
                day = shifted_day(self.now, shifts)
            case Instant():
                raise ValueError("a date is compared with days and now only")
            case _:
                assert_never(point)
        return day, day

    def days(self, first: int, last: int) -> tuple[int, int]:
        return first, last

    def value(self, position: int) -> dt.date:
        return date_of(position)


class _Instants:
    """The line of a datetime attribute."""

    last = LAST_INSTANT

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @property
    def now(self) -> int:
        return instant_number(self.clock.now)

    def moved(self, amount: int, unit: Unit) -> int:
        return moved_instant(self.now, amount, unit, self.clock.zone)

    def point(self, point: Point) -> tuple[int, int]:
        match point:
            case Day():
                day = _day_point(point, self.clock)
                return self.days(day, day)
            case Instant():
                instant = _instant_point(point, self.clock)
                return instant, instant
            case _:
                assert_never(point)

    def days(self, first: int, last: int) -> tuple[int, int]:
        zone = self.clock.zone
        return start_of_day(first, zone), start_of_day(last + 1, zone) - 1

    def value(self, position: int) -> dt.datetime:
        return datetime_of(position)


def _line(kind: ValueType, clock: Clock) -> _Line:
    match kind:
        case ValueType.DATE:
            return _Days(clock)
        case ValueType.DATETIME:
            return _Instants(clock)
        case _:
            raise ValueError(f"a {kind} has no time forms")


def _closed(line: _Line, low: int, high: int) -> Interval:
    # A skipped day is empty; clamping must not make it a day of one instant.
    if low > high:
        return _empty(line)
    return Interval(line.value(low), line.value(high))


def _empty(line: _Line) -> Interval:
    return Interval(line.value(line.last), line.value(0))


def _versus(line: _Line, order: Order, low: int, high: int) -> Interval:
    """`v ORDER [low, high]`; a bound is clamped before it is compared, as the language says."""
    low, high = (min(max(bound, 0), line.last) for bound in (low, high))
    match order:
        case Order.LT:
            return Interval(None, line.value(low - 1)) if low > 0 else _empty(line)
        case Order.LE:
            return Interval(None, line.value(high))
        case Order.EQ:
            return _closed(line, low, high)
        case Order.GE:
            return Interval(line.value(low), None)
        case Order.GT:
            return Interval(line.value(high + 1), None) if high < line.last else _empty(line)
        case _:
            assert_never(order)


# ---------------------------------------------------------------- anniversaries


_ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""Where whole days lie does not depend on the clock."""


@lru_cache(maxsize=256)
def _recurring(kind: ValueType, zone: ZoneInfo, first: int, last: int) -> tuple[Interval, ...]:
    """The anniversaries of days as intervals. They are many, and the same all day long."""
    line = _line(kind, Clock(_ANY_TIME, zone))
    return tuple(
        interval
        for day in anniversaries(first, last)
        if not (interval := _closed(line, *line.days(*day))).empty
    )


def _anniversary_days(test: Versus | Rolling | Period, clock: Clock) -> tuple[int, int]:
    """First and last of the days on which an anniversary is asked for."""
    today = _today(clock)
    match test:
        case Versus(Order.EQ, Day() as point):
            day = _day_point(point, clock)
            return day, day
        case Rolling(direction, amount, unit):
            first, last = sorted((today, moved_day(today, _signed(amount, direction), unit)))
            return first, last
        case Period(which, unit):
            return period(which, unit, today)
        case _:
            raise ValueError(f"an anniversary does not take {test}")
