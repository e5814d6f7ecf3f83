"""Operators and points in time → tests of days and instants."""

import datetime as dt

from segctl.catalog import ValueType
from segctl.conditions import literals, syntax
from segctl.conditions.binding_paths import Subject
from segctl.conditions.binding_values import Bound, ValueBinder
from segctl.conditions.limits import MAX_ANNIVERSARY_DAYS
from segctl.conditions.nodes import (
    Anchor,
    Anniversary,
    BetweenPoints,
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
    Which,
)
from segctl.conditions.reading_values import UNITS
from segctl.errors import ConditionError

_ORDERS = {
    "=": Order.EQ,
    "!=": Order.EQ,
    "on": Order.EQ,
    "<": Order.LT,
    "before": Order.LT,
    "<=": Order.LE,
    ">": Order.GT,
    "after": Order.GT,
    ">=": Order.GE,
}
_PERIODS = (Unit.WEEK, Unit.MONTH, Unit.QUARTER, Unit.YEAR)
_LONGEST_ANNIVERSARY = {Unit.DAY: MAX_ANNIVERSARY_DAYS, Unit.WEEK: 52, Unit.MONTH: 12}


class TimeBinder(ValueBinder):
    def time_test(self, subject: Subject, tail: syntax.Tail) -> tuple[TimeTest, bool]:
        match tail:
            case syntax.Versus() if tail.operator in _ORDERS:
                self._check_no_ignoring(tail.ignoring)
                point = self._point(subject, tail.value, tail)
                if tail.operator == "on" and isinstance(point, Instant):
                    raise self._on_error(tail)
                return Versus(_ORDERS[tail.operator], point), tail.operator == "!="
            case syntax.Between():
                low = self._point(subject, tail.low, tail)
                high = self._point(subject, tail.high, tail)
                if _reversed(low, high):
                    raise self.reversed_error(tail)
                return BetweenPoints(low, high), False
            case syntax.InRolling():
                return self._rolling(subject, tail), False
            case syntax.InPeriod():
                return self._period(tail), False
            case syntax.Distance():
                unit = self._unit(subject, tail.unit)
                amount = literals.amount(self.source, tail.amount)
                direction = Direction.LAST if tail.past else Direction.NEXT
                return Distance(tail.more, amount, unit, direction), False
            case _:
                raise self.operator_error(subject, tail)

    def anniversary_test(self, subject: Subject, tail: syntax.Tail) -> Bound:
        match tail:
            case syntax.Versus(operator="on"):
                day = self._point(subject, tail.value, tail)
                if isinstance(day, Instant):
                    raise self._on_error(tail)
                return Anniversary(Versus(Order.EQ, day)), False
            case syntax.InRolling():
                rolling = self._rolling(subject, tail)
                longest = _LONGEST_ANNIVERSARY.get(rolling.unit)
                if longest is None:
                    raise self.source.error(
                        tail.unit.start,
                        tail.unit.end,
                        "an anniversary falls within days, weeks or months",
                        f"write {tail.direction} 12 months for a whole year",
                    )
                if rolling.amount > longest:
                    raise self.source.error(
                        tail.amount.start,
                        tail.unit.end,
                        f"an anniversary looks at most {MAX_ANNIVERSARY_DAYS} days far, for it"
                        " comes every year",
                        f"write at most {longest} {rolling.unit}s",
                    )
                return Anniversary(rolling), False
            case syntax.InPeriod():
                period = self._period(tail)
                if period.unit not in (Unit.WEEK, Unit.MONTH):
                    raise self.source.error(
                        tail.start,
                        tail.end,
                        "an anniversary falls within a week or a month",
                        f"write {tail.which} month",
                    )
                return Anniversary(period), False
            case _:
                raise self.source.error(
                    tail.start,
                    max(tail.end, tail.start + 1),
                    "an anniversary takes on a day, in last or next N days, and in this, last or"
                    " next week or month",
                    "write anniversary of … in next 7 days",
                )

    # ------------------------------------------------------------ parts

    def _rolling(self, subject: Subject, tail: syntax.InRolling) -> Rolling:
        unit = self._unit(subject, tail.unit)
        amount = literals.amount(self.source, tail.amount)
        return Rolling(Direction(tail.direction), amount, unit)

    def _unit(self, subject: Subject, word: syntax.Word) -> Unit:
        unit = UNITS[word.text.lower()]
        if subject.kind is ValueType.DATE and unit.exact:
            raise self.source.error(
                word.start,
                word.end,
                f"{subject.text} is a day without a time, so {unit}s mean nothing to it",
                "write days",
            )
        return unit

    def _period(self, tail: syntax.InPeriod) -> Period:
        unit = UNITS[tail.unit.text.lower()]
        if unit not in _PERIODS:
            days = {"this": "today", "last": "yesterday", "next": "tomorrow"}
            if unit is Unit.DAY:
                hint = f"write on {days[tail.which]}"
            elif tail.which == "this":
                hint = f"write in last 1 {unit} or on today"
            else:
                hint = f"write in {tail.which} 1 {unit}"
            raise self.source.error(
                tail.start,
                tail.end,
                f"in {tail.which} goes with week, month, quarter and year",
                hint,
            )
        return Period(Which(tail.which), unit)

    def _point(self, subject: Subject, raw: syntax.Value, tail: syntax.Tail) -> Point:
        if isinstance(raw, syntax.Path):
            raise self.name_error(subject, raw, tail)
        if not isinstance(raw, syntax.Moment):
            raise self._not_point_error(subject, raw, tail)
        point = literals.point(self.source, raw)
        now = Instant(Anchor.NOW)
        if subject.kind is ValueType.DATE and isinstance(point, Instant) and point != now:
            raise self.source.error(
                raw.start,
                raw.end,
                f"{subject.text} is a day without a time and is compared with days",
                _day_hint(point),
            )
        return point

    def _not_point_error(
        self, subject: Subject, raw: syntax.Value, tail: syntax.Tail
    ) -> ConditionError:
        written = self.source.slice(raw.start, raw.end)
        hint = "write today, now, 2026-01-31 or 2026-01-31T10:00"
        if isinstance(raw, syntax.Text):
            value, _ = literals.decode_text(self.source, raw)
            if not value:
                return self._empty_error(subject, raw, tail)
            if bare := literals.looks_like_moment(value):
                return self.source.error(
                    raw.start, raw.end, "dates and times stand without quotes", f"write {bare}"
                )
        elif isinstance(raw, syntax.Number) and len(raw.raw) == 4:
            hint = f"write between {raw.raw}-01-01 and {raw.raw}-12-31 for the year"
        kind = "a day" if subject.kind is ValueType.DATE else "a point in time"
        return self.source.error(
            raw.start, raw.end, f"{subject.text} is {kind}, and {written} is not", hint
        )

    def _on_error(self, tail: syntax.Versus) -> ConditionError:
        value = self.source.slice(tail.value.start, tail.value.end)
        assert isinstance(tail.value, syntax.Moment)
        base = tail.value.base.text
        day = "today" if base.lower() == "now" else base[:10]
        return self.source.error(
            tail.start,
            tail.end,
            "on goes with a whole day",
            f"write on {day} for the day, = {value} for that very instant",
        )


def _reversed(low: Point, high: Point) -> bool:
    """Whether two literals without shifts are in the wrong order, in every zone and at any time."""
    if low.shifts or high.shifts:
        return False
    a, b = low.base, high.base
    if isinstance(a, Anchor) or isinstance(b, Anchor):
        return False
    if isinstance(a, dt.datetime) and isinstance(b, dt.datetime):
        return (a.tzinfo is None) == (b.tzinfo is None) and a > b
    if isinstance(a, dt.datetime) or isinstance(b, dt.datetime):
        return False
    return a > b


def _day_hint(point: Instant) -> str:
    if isinstance(point.base, dt.datetime):
        return f"write {point.base.date().isoformat()}"
    if all(not shift.unit.exact for shift in point.shifts):
        return "write today instead of now"
    return "write today or a date"
