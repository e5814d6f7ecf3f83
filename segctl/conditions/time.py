"""Time forms as closed intervals of the value.

Every test of a date or datetime becomes intervals of plain bounds, frozen at a clock, so SQL and
Python compare with the same bounds and neither knows a date function.

Inside this module time is whole numbers, which have no year 10000 to fall over: a *day* is days
since 0001-01-01 (a Monday), an *instant* is microseconds since 0001-01-01T00:00 UTC, and a *wall*
is the same count read off a clock on the wall. Only a finished bound is clamped to what a date or
datetime can hold.
"""

from bisect import bisect_left
import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import datetime as dt
from functools import lru_cache
from typing import Protocol, assert_never
from zoneinfo import ZoneInfo

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
        return _as_date(_today(self))


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
            return (_closed(line, *line.days(*_period(which, unit, _today(clock)))),)
        case Versus(order, point):
            return (_versus(line, order, *line.point(point)),)
        case BetweenPoints(first, last):
            return (_closed(line, line.point(first)[0], line.point(last)[1]),)
        case Anniversary(inner):
            return tuple(
                interval
                for first, last in _anniversaries(*_anniversary_days(inner, clock))
                if not (interval := _closed(line, *line.days(first, last))).empty
            )
        case _:
            assert_never(test)


def _signed(amount: int, direction: Direction) -> int:
    return -amount if direction is Direction.LAST else amount


# ---------------------------------------------------------------- days

_ERA_DAYS = 146_097
"""Days of 400 years, after which the calendar repeats."""
_LAST_DAY = dt.date.max.toordinal() - 1


def _day(value: dt.date) -> int:
    return value.toordinal() - 1


def _as_date(day: int) -> dt.date:
    return dt.date.fromordinal(min(max(day, 0), _LAST_DAY) + 1)


def _civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of month; the year may lie outside 1 to 9999."""
    era, rest = divmod(day, _ERA_DAYS)
    date = dt.date.fromordinal(rest + 1)
    return era * 400 + date.year, date.month, date.day


def _day_of(year: int, month: int, day: int) -> int:
    """The day of that date; a day of month beyond the month's end becomes its last day."""
    era, rest = divmod(year - 1, 400)
    last = calendar.monthrange(rest + 1, month)[1]
    return era * _ERA_DAYS + _day(dt.date(rest + 1, month, min(day, last)))


def _moved_day(day: int, amount: int, unit: Unit) -> int:
    match unit:
        case Unit.DAY:
            return day + amount
        case Unit.WEEK:
            return day + 7 * amount
        case Unit.MONTH:
            months = amount
        case Unit.QUARTER:
            months = 3 * amount
        case Unit.YEAR:
            months = 12 * amount
        case Unit.SECOND | Unit.MINUTE | Unit.HOUR:
            raise ValueError(f"a day cannot be moved by {unit}s")
        case _:
            assert_never(unit)
    year, month, of_month = _civil(day)
    years, month0 = divmod(month - 1 + months, 12)
    return _day_of(year + years, month0 + 1, of_month)


def _shifted_day(day: int, shifts: Iterable[Shift]) -> int:
    for shift in shifts:
        day = _moved_day(day, shift.amount, shift.unit)
    return day


def _day_point(point: Day, clock: Clock) -> int:
    match point.base:
        case Anchor.TODAY | Anchor.NOW:
            day = _today(clock)
        case Anchor.YESTERDAY:
            day = _today(clock) - 1
        case Anchor.TOMORROW:
            day = _today(clock) + 1
        case dt.date():
            day = _day(point.base)
        case _:
            assert_never(point.base)
    return _shifted_day(day, point.shifts)


def _period(which: Which, unit: Unit, today: int) -> tuple[int, int]:
    """First and last day of this, the last or the next week, month, quarter or year."""
    year, month, _ = _civil(today)
    match unit:
        case Unit.WEEK:
            start = today - today % 7
        case Unit.MONTH:
            start = _day_of(year, month, 1)
        case Unit.QUARTER:
            start = _day_of(year, month - (month - 1) % 3, 1)
        case Unit.YEAR:
            start = _day_of(year, 1, 1)
        case Unit.SECOND | Unit.MINUTE | Unit.HOUR | Unit.DAY:
            raise ValueError(f"there is no period of one {unit}")
        case _:
            assert_never(unit)
    match which:
        case Which.THIS:
            pass
        case Which.LAST:
            start = _moved_day(start, -1, unit)
        case Which.NEXT:
            start = _moved_day(start, 1, unit)
        case _:
            assert_never(which)
    return start, _moved_day(start, 1, unit) - 1


# ---------------------------------------------------------------- instants

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_EPOCH = dt.datetime(1, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_LAST_INSTANT = (dt.datetime.max - _EPOCH) // _MICROSECOND
_EXACT = {Unit.SECOND: _SECOND, Unit.MINUTE: 60 * _SECOND, Unit.HOUR: 3600 * _SECOND}


def _instant(value: dt.datetime) -> int:
    """Not by way of astimezone(), which overflows at both ends of the calendar."""
    offset = value.utcoffset()
    assert offset is not None
    return (value.replace(tzinfo=None) - _EPOCH - offset) // _MICROSECOND


def _as_datetime(instant: int) -> dt.datetime:
    inside = min(max(instant, 0), _LAST_INSTANT)
    return (_EPOCH + inside * _MICROSECOND).replace(tzinfo=dt.UTC)


def _within_zone_data(count: int) -> dt.datetime:
    """A moment that a zone can be asked about: two days from the ends no offset can overflow."""
    return _EPOCH + min(max(count, 2 * _DAY), _LAST_INSTANT - 2 * _DAY) * _MICROSECOND


def _offset(moment: dt.datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


def _wall(instant: int, zone: ZoneInfo) -> int:
    """What a clock on the wall shows at an instant."""
    return instant + _offset(zone.fromutc(_within_zone_data(instant).replace(tzinfo=zone)))


def _resolved(wall: int, zone: ZoneInfo, fold: int = 0) -> int:
    """The instant at which the wall shows that time.

    With fold 0, as PEP 495 has it, the first of two, and the offset before the change for none.
    """
    return wall - _offset(_within_zone_data(wall).replace(tzinfo=zone, fold=fold))


def _start_of_day(day: int, zone: ZoneInfo) -> int:
    """The first instant of a day, which is not midnight where midnight is skipped.

    A day that was skipped whole starts where the next one does.
    """
    midnight = day * _DAY
    start = _resolved(midnight, zone)
    if _wall(start, zone) == midnight:
        return start
    # Midnight falls into a gap: the day starts at the change itself, which lies between the two
    # readings of midnight, on a whole second.
    low, high = _resolved(midnight, zone, fold=1) // _SECOND, start // _SECOND
    before = _wall(low * _SECOND, zone) - low * _SECOND
    change = bisect_left(
        range(low, high + 1),
        True,
        key=lambda second: _wall(second * _SECOND, zone) - second * _SECOND != before,
    )
    return (low + change) * _SECOND


def _today(clock: Clock) -> int:
    return _wall(_instant(clock.now), clock.zone) // _DAY


def _moved_instant(instant: int, amount: int, unit: Unit, zone: ZoneInfo) -> int:
    if unit in _EXACT:
        return instant + amount * _EXACT[unit]
    if amount == 0:  # not even from the second 02:30 of a night to the first
        return instant
    day, time = divmod(_wall(instant, zone), _DAY)
    return _resolved(_moved_day(day, amount, unit) * _DAY + time, zone)


def _instant_point(point: Instant, clock: Clock) -> int:
    match point.base:
        case Anchor.NOW:
            instant = _instant(clock.now)
        case dt.datetime() if point.base.tzinfo is not None:
            instant = _instant(point.base)
        case dt.datetime():
            instant = _resolved((point.base - _EPOCH) // _MICROSECOND, clock.zone)
        case _:
            raise ValueError(f"{point.base} is a day, not an instant")
    for shift in point.shifts:
        instant = _moved_instant(instant, shift.amount, shift.unit, clock.zone)
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

    last = _LAST_DAY

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @property
    def now(self) -> int:
        return _today(self.clock)

    def moved(self, amount: int, unit: Unit) -> int:
        return _moved_day(self.now, amount, unit)

    def point(self, point: Point) -> tuple[int, int]:
        match point:
            case Day():
                day = _day_point(point, self.clock)
            case Instant(Anchor.NOW, shifts):
                day = _shifted_day(self.now, shifts)
            case Instant():
                raise ValueError("a date is compared with days and now only")
            case _:
                assert_never(point)
        return day, day

    def days(self, first: int, last: int) -> tuple[int, int]:
        return first, last

    def value(self, position: int) -> dt.date:
        return _as_date(position)


class _Instants:
    """The line of a datetime attribute."""

    last = _LAST_INSTANT

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @property
    def now(self) -> int:
        return _instant(self.clock.now)

    def moved(self, amount: int, unit: Unit) -> int:
        return _moved_instant(self.now, amount, unit, self.clock.zone)

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
        return _start_of_day(first, zone), _start_of_day(last + 1, zone) - 1

    def value(self, position: int) -> dt.datetime:
        return _as_datetime(position)


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

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LEAP_YEAR = 2000
"""A year that has all 366 pairs of month and day."""
_LEAP_DAY = (2, 29)


def _anniversary_days(test: Versus | Rolling | Period, clock: Clock) -> tuple[int, int]:
    """First and last of the days on which an anniversary is asked for."""
    today = _today(clock)
    match test:
        case Versus(Order.EQ, Day() as point):
            day = _day_point(point, clock)
            return day, day
        case Rolling(direction, amount, unit):
            first, last = sorted((today, _moved_day(today, _signed(amount, direction), unit)))
            return first, last
        case Period(which, unit):
            return _period(which, unit, today)
        case _:
            raise ValueError(f"an anniversary does not take {test}")


def _anniversaries(first: int, last: int) -> Sequence[tuple[int, int]]:
    """The days of 1900 to 2100 whose month and day recur from `first` to `last`.

    Ascending runs (first, last) of days, merged where they touch.
    """
    wanted = set()
    for day in range(first, min(last, first + 366) + 1):
        year, month, of_month = _civil(day)
        wanted.add((month, of_month))
        if (month, of_month) == (2, 28) and not calendar.isleap(year):
            wanted.add(_LEAP_DAY)
    runs: list[tuple[int, int]] = []
    for low, high in _runs(wanted):
        for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
            # 29 February of a common year: as a last day it is the 28th, as a first 1 March.
            start = _day_of(year, 3, 1) if low == _LEAP_DAY else _day_of(year, *low)
            if low == _LEAP_DAY and calendar.isleap(year):
                start -= 1
            runs.append((start, _day_of(year, *high)))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(run for run in runs if run[0] <= run[1]):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _runs(wanted: set[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The wanted pairs of month and day as runs within one year that has them all."""
    runs: list[tuple[tuple[int, int], tuple[int, int]]] = []
    previous = None
    for day in range(_day_of(_LEAP_YEAR, 1, 1), _day_of(_LEAP_YEAR + 1, 1, 1)):
        _, month, of_month = _civil(day)
        pair = (month, of_month)
        if pair in wanted:
            if previous in wanted and runs:
                runs[-1] = (runs[-1][0], pair)
            else:
                runs.append((pair, pair))
        previous = pair
    return runs
