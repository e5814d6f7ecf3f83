"""Tests of a date or datetime: intervals of bound literals, never a date function of the store."""

from collections.abc import Sequence
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DATEMULTIRANGE, TSTZMULTIRANGE, Range

from segctl.catalog import ValueType
from segctl.conditions.nodes import TimeTest
from segctl.conditions.sql.scope import Scope, Value
from segctl.conditions.sql.terms import FALSE, Clause, Term, any_of
from segctl.conditions.time import Interval, intervals
from segctl.store.types import Day, Instant, instant_text

_FEW = 4
"""Intervals that are compared one by one; more of them are one list."""


def time_term(test: TimeTest, value: Value, scope: Scope) -> Term:
    return within(intervals(test, value.kind, scope.clock), value, scope)


def within(spans: Sequence[Interval], value: Value, scope: Scope) -> Term:
    """Whether the value lies in one of the intervals, which are ascending and do not overlap."""
    found = [one for one in spans if not one.empty]
    if len(found) <= _FEW:
        return any_of([interval_term(one, value) for one in found])
    if scope.sqlite:
        return _in_calendar(found, value)
    return _in_multirange(found, value)


def interval_term(interval: Interval, value: Value) -> Term:
    """Whether the value lies in the interval."""
    if interval.empty:
        return FALSE
    type_: sa.types.TypeEngine[Any] = Day() if value.kind is ValueType.DATE else Instant()
    low = None if interval.low is None else sa.literal(interval.low, type_)
    high = None if interval.high is None else sa.literal(interval.high, type_)
    clause: Clause
    if low is None and high is None:
        clause = value.sql.is_not(None)
    elif low is None:
        clause = value.sql <= high
    elif high is None:
        clause = value.sql >= low
    elif interval.low == interval.high:
        return Term(
            value.sql == low, value.cost, value.stack + 2, opposite=value.sql.is_distinct_from(low)
        )
    else:
        clause = value.sql.between(low, high)
    return Term(clause, value.cost, value.stack + 4)


# ---------------------------------------------------------------- anniversaries


def _in_multirange(found: Sequence[Interval], value: Value) -> Term:
    """Postgres finds a value in a multirange by bisection."""
    type_ = DATEMULTIRANGE() if value.kind is ValueType.DATE else TSTZMULTIRANGE()
    ranges = [Range(one.low, one.high, bounds="[]") for one in found]
    clause = value.sql.op("<@", is_comparison=True)(sa.literal(ranges, type_))
    return Term(clause, value.cost + 3, value.stack + 4)


def _in_calendar(found: Sequence[Interval], value: Value) -> Term:
    """SQLite looks the value's year up in a table of fixed width, bound as one blob.

    A year's entry holds the parts of all intervals that lie in it, as pairs of texts, so a test
    costs the same whatever the number of years.
    """
    calendar: dict[int, list[tuple[dt.date, dt.date]]] = {}
    for one in found:
        assert one.low is not None
        assert one.high is not None
        for year in range(one.low.year, one.high.year + 1):
            start, end = _ends(year, value.kind)
            calendar.setdefault(year, []).append((max(one.low, start), min(one.high, end)))
    first, last = min(calendar), max(calendar)
    parts = max(map(len, calendar.values()))
    width = len(_text(_ends(first, value.kind)[0]))
    entry = 2 * width * parts
    blank = "~" * width + " " * width  # nothing lies between those
    table = "".join(
        "".join(_text(low) + _text(high) for low, high in calendar.get(year, ()))
        + blank * (parts - len(calendar.get(year, ())))
        for year in range(first, last + 1)
    ).encode()

    year_of = sa.cast(sa.func.substr(value.sql, 1, 4, type_=sa.Text), sa.Integer)
    start_of_entry = (year_of - first) * entry

    def text_at(place: int) -> sa.ColumnElement[Any]:
        cut = sa.func.substr(sa.literal(table, sa.LargeBinary()), start_of_entry + place, width)
        return sa.cast(cut, sa.Text)

    plain = sa.type_coerce(value.sql, sa.Text)
    lows, highs = _text(_ends(first, value.kind)[0]), _text(_ends(last, value.kind)[1])
    clause = sa.and_(
        plain.between(lows, highs),
        sa.or_(
            *(
                plain.between(text_at(1 + 2 * width * part), text_at(1 + 2 * width * part + width))
                for part in range(parts)
            )
        ),
    )
    return Term(clause, value.cost + 6, value.stack + 20, "and")


def _ends(year: int, kind: ValueType) -> tuple[dt.date, dt.date]:
    """First and last value of a year, in UTC."""
    if kind is ValueType.DATE:
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    return (
        dt.datetime(year, 1, 1, tzinfo=dt.UTC),
        dt.datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    )


def _text(value: dt.date) -> str:
    """As SQLite keeps it."""
    return instant_text(value) if isinstance(value, dt.datetime) else value.isoformat()
