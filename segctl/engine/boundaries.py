"""Whose truth the passing of time can have changed: values between two positions of a time form."""

import datetime as dt

from segctl.catalog import ValueType
from segctl.conditions.days import LAST_DAY, date_of, day_number
from segctl.conditions.instants import LAST_INSTANT, datetime_of, instant_number
from segctl.conditions.nodes import TimeTest
from segctl.conditions.time import Clock, Interval, intervals


def crossed(test: TimeTest, kind: ValueType, before: Clock, after: Clock) -> tuple[Interval, ...]:
    """The values that pass the test at one of the clocks and not at the other, ascending.

    Exact, whichever of the clocks is the earlier one. `kind` is DATE or DATETIME.
    """
    if before == after:
        return ()
    day = kind is ValueType.DATE
    last = LAST_DAY if day else LAST_INSTANT
    # A value lies in exactly one of two sets of intervals if an odd number of ends lies before it.
    ends: set[int] = set()
    for clock in (before, after):
        for one in intervals(test, kind, clock):
            if not one.empty:
                low = 0 if one.low is None else _number(one.low)
                high = last if one.high is None else _number(one.high)
                ends ^= {low}
                ends ^= {high + 1}
    marks = sorted(ends)
    value = date_of if day else datetime_of
    return tuple(
        Interval(value(low), value(beyond - 1))
        for low, beyond in zip(marks[::2], marks[1::2], strict=True)
    )


def _number(value: dt.date) -> int:
    return instant_number(value) if isinstance(value, dt.datetime) else day_number(value)
